"""/report/jobs: the same for clients of the founding design, in its envelope."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from tallymark.errors import WrongFields
from tallymark.reports import told
from tallymark.reports.request.fields import Fields
from tallymark.reports.request.received import envelope, harmless, read
from tallymark.web.api import report_shapes as shapes
from tallymark.web.api.bodies import Body, Text
from tallymark.web.api.reports import listed
from tallymark.web.auth import ServicesOf, may_read, may_write

PREFIX = "/report/jobs"
ID, VERSION = "tallymark.report.jobs", "1.0"
LONGEST_BACK = 200
_BEYOND = 2**63
"""No answer holds such a number."""


def noted(request: Request, body: Body) -> None:
    """What of the envelope comes back is remembered for the answer, whatever is wrong with it."""
    request.state.envelope = envelope(body.decode(errors="replace"))


READS, WRITES = [Depends(may_read)], [Depends(may_write)]
ANY = shapes.takes(shapes.EnvelopeIn)
# before the token is looked at: who is refused for it gets the envelope back too
router = APIRouter(prefix=PREFIX, tags=["report jobs"], dependencies=[Depends(noted)])


@router.post(
    "/submit",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(409, 413),
    dependencies=WRITES,
    openapi_extra=ANY,
)
def submit(request: Request, here: ServicesOf, text: Text) -> Response:
    """Configure a report."""
    return _successful(request, *here.reports.told([here.reports.submit(text)]))


@router.post(
    "",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(413),
    dependencies=READS,
    openapi_extra=ANY,
)
def jobs(request: Request, here: ServicesOf, text: Text) -> Response:
    """The reports, by `filters`: `{"request": {"filters": {"status": ["ENABLED"]}}}`."""
    return _successful(request, listed(here, _statuses(text)))


@router.post(
    "/regenerate",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(413),
    dependencies=WRITES,
    openapi_extra=ANY,
)
def regenerate(request: Request, here: ServicesOf, text: Text) -> Response:
    """Make dates once more."""
    return _successful(request, told.regenerated_json(here.reports.regenerate(text)))


@router.post(
    "/deactivate/{report_id}",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(404, 413),
    dependencies=WRITES,
    openapi_extra=shapes.takes(shapes.EnvelopeIn, required=False),
)
def deactivate(request: Request, here: ServicesOf, report_id: str, text: Text) -> Response:
    """Disable a report."""
    return _successful(request, *here.reports.told([here.reports.disable(report_id)]))


@router.get(
    "/{report_id}",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(404),
    dependencies=READS,
)
def job(request: Request, here: ServicesOf, report_id: str) -> Response:
    """One report."""
    return _successful(request, *here.reports.told([here.reports.get(report_id)]))


@router.post(
    "/{report_id}",
    response_model=shapes.EnvelopeOut,
    responses=shapes.enveloped(404, 409, 413),
    dependencies=WRITES,
    openapi_extra=ANY,
)
def replace(request: Request, here: ServicesOf, report_id: str, text: Text) -> Response:
    """Replace a whole report; it keeps its status."""
    return _successful(request, *here.reports.told([here.reports.replace(report_id, text)]))


def _statuses(text: str) -> list[str] | None:
    received = read(text or "{}")
    fields = Fields(received.request, wrong=[*received.wrong])
    filters = fields.section("filters")
    statuses: Sequence[str] = ()
    if filters is not None:
        statuses = filters.texts("status")
        filters.done()
    fields.done()
    if fields.wrong:
        raise WrongFields(fields.wrong)
    return list(statuses) or None


def failed(request: Request, problem: Response) -> Response:
    """The same refusal in an envelope, with its status."""
    told_so: Mapping[str, Any] = orjson.loads(problem.body)
    status = problem.status_code
    code = (
        "RESOURCE_NOT_FOUND" if status == 404
        else "CLIENT_ERROR" if status < 500
        else "SERVER_ERROR"
    )  # fmt: skip
    error = (HTTPStatus(status).name, told_so["detail"])
    result = {name: told_so[name] for name in ("errors", "warnings") if name in told_so}
    answer = _envelope(request, code, result, error, status)
    for name in ("Retry-After", "WWW-Authenticate"):
        if name in problem.headers:
            answer.headers[name] = problem.headers[name]
    return answer


def _successful(request: Request, result: Mapping[str, Any]) -> Response:
    return _envelope(request, "OK", result, (None, None), 200)


def _envelope(
    request: Request,
    code: str,
    result: Mapping[str, Any],
    error: tuple[str | None, str | None],
    status: int,
) -> Response:
    given: Mapping[str, Any] = getattr(request.state, "envelope", {})
    params = given.get("params")
    known = params if isinstance(params, dict) else {}
    answer = {
        "id": _back(given, "id") or ID,
        "ver": _back(given, "ver") or VERSION,
        "ts": told.instant(request.app.state.services.clock.now()),
        "params": {
            "resmsgid": str(uuid.uuid4()),
            "msgid": _back(known, "msgid"),
            "err": error[0],
            "errmsg": error[1],
            "status": "successful" if code == "OK" else "failed",
            "client_key": _back(known, "client_key"),
        },
        "responseCode": code,
        "result": result,
    }
    return Response(orjson.dumps(answer), status, media_type="application/json")


def _back(given: Mapping[str, Any], name: str) -> str | float | None:
    value = given.get(name)
    if isinstance(value, str):
        return harmless(value[:LONGEST_BACK])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < _BEYOND else None
