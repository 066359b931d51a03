"""GET /api/v1/series: a metric over buckets, each with its completeness."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tallymark.calendar.overlays import parse_align, parse_overlays
from tallymark.errors import BadRequest
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.ranges import range_of
from tallymark.metrics.told import series_json
from tallymark.model import GRAINS, Grain
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
Interval = Annotated[
    str, Query(description="Instead of both: LAST_30_DAYS, mtd, P3M and so on, as of today.")
]
Compare = Annotated[
    list[str], Query(description="Overlays: prev, week, month, quarter, year; several by commas.")
]
AlignName = Annotated[str, Query(description="How overlays pair: by date, or by weekday.")]
By = Annotated[list[str], Query(description="A dimension: a line for each of its values.")]
Filter = Annotated[list[str], Query(alias="filter", description="dimension:value; repeatable.")]


@router.get("/series", response_model=shapes.SeriesOut, responses=shapes.PROBLEMS)
@steady
def series(
    here: ServicesOf,
    metric: Name,
    grain: GrainName,
    from_: From = "",
    to: To = "",
    interval: Interval = "",
    by: By = [],  # noqa: B006 - FastAPI copies it for each request
    filters: Filter = [],  # noqa: B006
    compare: Compare = [],  # noqa: B006
    align: AlignName = "date",
) -> Response:
    """Buckets that overlap the range come whole. A `null` value is unknown, never zero."""
    calendar = here.reads.calendar(_metric(here, metric))
    wanted = range_of(interval, from_, to, calendar, here.clock.now())
    query = SeriesQuery(
        metric,
        _grain(here, metric, grain),
        wanted.from_at,
        wanted.to_at,
        tuple(_dimension(here, metric, name) for name in by),
        tuple(_filter(here, metric, text) for text in filters),
        parse_overlays(",".join(compare)),
        parse_align(align),
    )
    told = series_json(here.reads.read(query), wanted.interval)
    return Response(told, media_type="application/json")


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
