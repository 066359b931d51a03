"""GET /api/v1/series: a metric over buckets, each with its completeness."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tallymark.errors import BadRequest
from tallymark.metrics.answer import Bucket, Series, SeriesQuery
from tallymark.metrics.plan import asked_range
from tallymark.model import GRAINS, Cause, Grain
from tallymark.web.api import shapes
from tallymark.web.auth import ServicesOf, may_read
from tallymark.web.problems import Unknown
from tallymark.web.services import Services
from tallymark.web.steady import steady

router = APIRouter(prefix="/api/v1", tags=["metrics"], dependencies=[Depends(may_read)])

RIGHT = "A date of the workspace's zone (2026-08-03), or an instant (2026-08-03T14:00:00Z)."
Name = Annotated[str, Query(description="A metric's name, as /api/v1/metrics lists it.")]
GrainName = Annotated[str, Query(description="hour, day, week, month, quarter or year.")]
From = Annotated[str, Query(alias="from", description=RIGHT)]
To = Annotated[str, Query(description="The same; a date is included, an instant is not.")]
By = Annotated[list[str], Query(description="A dimension: a line for each of its values.")]
Filter = Annotated[list[str], Query(alias="filter", description="dimension:value; repeatable.")]


@router.get("/series", response_model=shapes.SeriesOut, responses=shapes.PROBLEMS)
@steady
def series(
    here: ServicesOf,
    metric: Name,
    grain: GrainName,
    from_: From,
    to: To,
    by: By = [],  # noqa: B006 - FastAPI copies it for each request
    filters: Filter = [],  # noqa: B006
) -> Response:
    """Buckets that overlap `[from, to)` come whole. A `null` value is unknown, never zero."""
    query = SeriesQuery(
        _metric(here, metric),
        _grain(here, metric, grain),
        *asked_range(from_, to, here.reads.calendar(metric)),
        tuple(_dimension(here, metric, name) for name in by),
        tuple(_filter(here, metric, text) for text in filters),
    )
    told = series_json(here.reads.read(query))
    return Response(orjson.dumps(told), media_type="application/json")


def _metric(here: Services, name: str) -> str:
    if name not in here.metrics:
        raise Unknown("metric", name, here.metrics)
    return name


def _grain(here: Services, metric: str, name: str) -> Grain:
    if name not in GRAINS:
        raise Unknown("grain", name, GRAINS)
    finest = here.finest(metric)
    if GRAINS.index(name) < GRAINS.index(finest.grain):
        said = f"{metric} is {finest.reason}: its finest grain is {finest.grain}"
        raise BadRequest(said)
    return name


def _dimension(here: Services, metric: str, name: str) -> str:
    if name not in here.dimensions[metric]:
        raise Unknown(f"dimension of {metric}", name, here.dimensions[metric])
    return name


def _filter(here: Services, metric: str, text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise BadRequest(f"filter {text!r} is not dimension:value, such as repo:tallymark/core")
    return _dimension(here, metric, name), value


def series_json(series: Series) -> dict[str, Any]:
    return {
        "metric": series.metric,
        "unit": series.unit,
        "grain": series.grain,
        "zone": series.calendar.zone,
        "from": _instant(series.from_at),
        "to": _instant(series.to_at),
        "complete_to": _instant(series.complete_to),
        "series": [
            {"by": line.by, "buckets": [_bucket(bucket) for bucket in line.buckets]}
            for line in series.series
        ],
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "key": bucket.key,
        "start_at": _instant(bucket.start_at),
        "end_at": _instant(bucket.end_at),
        "value": bucket.value,
        "completeness": bucket.completeness,
        "causes": [_cause(cause) for cause in bucket.causes],
        "restated_at": _instant(bucket.restated_at),
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "code": cause.code,
        "text": cause.text,
        "from": _instant(cause.from_at),
        "to": _instant(cause.to_at),
    }


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
