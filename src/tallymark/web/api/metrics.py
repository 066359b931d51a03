"""GET /api/v1/metrics: what can be asked for."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Depends
from starlette.responses import Response

from tallymark.model import GRAINS
from tallymark.web.api import shapes
from tallymark.web.auth import ServicesOf, may_read
from tallymark.web.services import DeclaredMetric, Services

router = APIRouter(prefix="/api/v1", tags=["metrics"], dependencies=[Depends(may_read)])


@router.get("/metrics", response_model=shapes.MetricsOut, responses=shapes.PROBLEMS)
def metrics(here: ServicesOf) -> Response:
    """All metrics with their units, dimensions and grains."""
    found = [_told(here, metric) for metric in here.metrics.values()]
    return Response(orjson.dumps({"metrics": found}), media_type="application/json")


def _told(here: Services, metric: DeclaredMetric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "title": metric.title,
        "description": metric.description,
        "unit": metric.unit,
        "direction": metric.direction,
        "stream": metric.stream,
        "aggregate": metric.aggregate,
        "dimensions": list(here.dimensions[metric.name]),
        "grains": list(GRAINS[GRAINS.index(here.finest(metric.name).grain) :]),
    }
