"""/api/v1/reports: configure, list, change, disable; runs, why, preview, regenerate."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from tallymark.reports import told
from tallymark.reports.store import Report
from tallymark.web.api import report_shapes as shapes
from tallymark.web.api.bodies import Text
from tallymark.web.api.shapes import PROBLEMS
from tallymark.web.auth import ServicesOf, may_read, may_write
from tallymark.web.services import Services

router = APIRouter(prefix="/api/v1/reports", tags=["reports"], responses=PROBLEMS)

READS, WRITES = [Depends(may_read)], [Depends(may_write)]
REPORT, FIELDS = shapes.takes(shapes.ReportIn), shapes.takes(shapes.ReportIn, whole=False)
NONE = shapes.refuses(404)
Status = Annotated[list[str] | None, Query(description="ENABLED or DISABLED; both by default.")]
Limit = Annotated[int, Query(ge=1, le=10_000, description="So many of the newest.")]


@router.post(
    "",
    status_code=201,
    response_model=shapes.ReportOut,
    responses=shapes.refuses(409, 413),
    dependencies=WRITES,
    openapi_extra=REPORT,
)
def submit(here: ServicesOf, text: Text) -> Response:
    """Configure a report. Every wrong field is told at once, with what is right."""
    report = here.reports.submit(text)
    answer = _one(here, report, 201)
    answer.headers["Location"] = f"{router.prefix}/{report.report_id}"
    return answer


@router.get("", response_model=shapes.ReportsOut, dependencies=READS)
def reports(here: ServicesOf, status: Status = None) -> Response:
    """All reports, by their id."""
    return _json(listed(here, status))


# a query of one's own is asked with the operator's credentials: as much as configuring it allows
@router.post(
    "/preview",
    response_model=shapes.PreviewOut,
    responses=shapes.refuses(413),
    dependencies=WRITES,
    openapi_extra=REPORT,
)
def preview_text(here: ServicesOf, text: Text) -> Response:
    """The first 100 rows and the file's name of a report that is not configured yet."""
    return _json(told.preview_json(here.reports.preview_of(text)))


@router.post(
    "/regenerate",
    response_model=shapes.RegeneratedOut,
    responses=shapes.refuses(413),
    dependencies=WRITES,
    openapi_extra=shapes.takes(shapes.RegenerateIn),
)
def regenerate(here: ServicesOf, text: Text) -> Response:
    """Make dates once more; what was there is copied to `backup/` first."""
    return _json(told.regenerated_json(here.reports.regenerate(text)))


@router.get("/{report_id}", response_model=shapes.ReportOut, responses=NONE, dependencies=READS)
def report(here: ServicesOf, report_id: str) -> Response:
    """One report."""
    return _one(here, here.reports.get(report_id))


@router.patch(
    "/{report_id}",
    response_model=shapes.ReportOut,
    responses=shapes.refuses(404, 409, 413),
    dependencies=WRITES,
    openapi_extra=FIELDS,
)
def patch(here: ServicesOf, report_id: str, text: Text) -> Response:
    """Change the fields that are given, each as a whole; null takes one away."""
    return _one(here, here.reports.patch(report_id, text))


@router.post(
    "/{report_id}/disable", response_model=shapes.ReportOut, responses=NONE, dependencies=WRITES
)
def disable(here: ServicesOf, report_id: str) -> Response:
    """End what is not in work yet; the days until it is enabled again are not made up."""
    return _one(here, here.reports.disable(report_id))


@router.post(
    "/{report_id}/enable", response_model=shapes.ReportOut, responses=NONE, dependencies=WRITES
)
def enable(here: ServicesOf, report_id: str) -> Response:
    """Let its next dates come due."""
    return _one(here, here.reports.enable(report_id))


@router.post(
    "/{report_id}/run", response_model=shapes.ReportOut, responses=NONE, dependencies=WRITES
)
def run(here: ServicesOf, report_id: str) -> Response:
    """Let the dates that wait be looked at now."""
    return _one(here, here.reports.run(report_id))


@router.get("/{report_id}/runs", response_model=shapes.RunsOut, responses=NONE, dependencies=READS)
def runs(here: ServicesOf, report_id: str, limit: Limit = 100) -> Response:
    """Each end date's revisions, the newest date first."""
    return _json(told.runs_json(here.reports.runs(report_id, limit)))


@router.get("/{report_id}/why", response_model=shapes.WhyOut, responses=NONE, dependencies=READS)
def why(here: ServicesOf, report_id: str) -> Response:
    """What each date waits for that has no file yet."""
    return _json({"why": list(here.reports.why(report_id))})


@router.get(
    "/{report_id}/preview", response_model=shapes.PreviewOut, responses=NONE, dependencies=READS
)
def preview(here: ServicesOf, report_id: str) -> Response:
    """The first 100 rows and the file's name; nothing is written."""
    return _json(told.preview_json(here.reports.preview(report_id)))


def listed(here: Services, statuses: list[str] | None) -> dict[str, Any]:
    found = here.reports.told(here.reports.list(statuses))
    return {"count": len(found), "reports": found}


def _one(here: Services, report: Report, status: int = 200) -> Response:
    return _json(here.reports.told([report])[0], status)


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")
