"""Whether it lives, whether it can work, and how it does: for other programs."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import PlainTextResponse, Response

from tallymark.web.auth import ServicesOf, may_read

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> PlainTextResponse:
    """The process answers; says nothing about anything else."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def readyz(here: ServicesOf) -> Response:
    """503 with the reasons while database, lake or migrations are not there. `notes` say what a
    person should mend though it works, such as a changed workspace that is not used."""
    reasons, notes = list(here.ready()), list(here.notes())
    body = orjson.dumps({"ready": not reasons, "reasons": reasons, "notes": notes})
    return Response(body, 503 if reasons else 200, media_type="application/json")


@router.get("/metrics")
def metrics(here: ServicesOf, _: Annotated[None, Depends(may_read)]) -> Response:
    """Prometheus text; wants a token."""
    return Response(here.prometheus(), media_type=CONTENT_TYPE_LATEST)
