"""An answer as the API and the command line write it: plain names, instants in UTC. Pure."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import orjson

from tallymark.calendar.intervals import Interval
from tallymark.metrics.answer import Bucket, Compared, ComparedBucket, Line, Series
from tallymark.model import Cause


def series_json(series: Series, interval: Interval | None = None, *, indent: bool = False) -> bytes:
    """`interval`: the name that the range was asked by."""
    option = orjson.OPT_UTC_Z | (orjson.OPT_INDENT_2 if indent else 0)
    return orjson.dumps(_series(series, interval), option=option)


def _series(series: Series, interval: Interval | None) -> dict[str, Any]:
    calendar = series.calendar
    return {
        "metric": series.metric,
        "unit": series.unit,
        "grain": series.grain,
        "zone": calendar.zone,
        "week_start": calendar.week_start,
        "fiscal_start": calendar.fiscal_start,
        "interval": interval and _interval(interval),
        "from": series.from_at.astimezone(UTC),
        "to": series.to_at.astimezone(UTC),
        "align": series.align,
        "complete_to": series.complete_to,
        "series": [_line(line) for line in series.series],
    }


def _interval(interval: Interval) -> dict[str, Any]:
    return {
        "name": interval.name,
        "first_on": interval.first_on,
        "last_on": interval.last_on,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "by": line.by,
        "buckets": [_bucket(bucket) for bucket in line.buckets],
        "overlays": {name: _compared(overlay) for name, overlay in line.overlays.items()},
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "key": bucket.key,
        "start_at": bucket.start_at,
        "end_at": bucket.end_at,
        "value": bucket.value,
        "completeness": bucket.completeness,
        "causes": [_cause(cause) for cause in bucket.causes],
        "restated_at": bucket.restated_at,
    }


def _compared(overlay: Compared) -> dict[str, Any]:
    return {
        "days": overlay.days,
        "compare_days": overlay.compare_days,
        "buckets": [_beside(bucket) for bucket in overlay.buckets],
    }


def _beside(bucket: ComparedBucket) -> dict[str, Any]:
    return {
        "key": bucket.key,
        "start_at": bucket.start_at,
        "end_at": bucket.end_at,
        "of_start_at": bucket.of_start_at,
        "of_end_at": bucket.of_end_at,
        "value": bucket.value,
        "completeness": bucket.completeness,
        "causes": [_cause(cause) for cause in bucket.causes],
        "days": bucket.days,
        "compare_days": bucket.compare_days,
        "of_value": bucket.of_value,
        "whole": bucket.whole,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {"code": cause.code, "text": cause.text, "from": cause.from_at, "to": cause.to_at}
