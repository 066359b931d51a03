"""GET /boards/<name>: the page, what its charts are drawn from, and how a first collection goes."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tallymark.boards.define import BoardSpec
from tallymark.boards.health import Progress, sentence
from tallymark.boards.view import Asked, view
from tallymark.errors import NotFound
from tallymark.web.auth import ServicesOf
from tallymark.web.pages.controls import controls
from tallymark.web.pages.render import Pages, pages
from tallymark.web.problems import Unknown
from tallymark.web.services import Services
from tallymark.web.steady import steady

router = APIRouter(include_in_schema=False)

PagesOf = Annotated[Pages, Depends(pages)]


def asked(
    range: str = "",
    grain: str = "",
    from_: Annotated[str, Query(alias="from")] = "",
    to: str = "",
    compare: str | None = None,
    align: str = "",
) -> Asked:
    return Asked(range, grain, from_, to, compare, align)


AskedOf = Annotated[Asked, Depends(asked)]


@router.get("/")
def first(here: ServicesOf, request: Request, written: PagesOf) -> Response:
    for name in here.boards:
        return RedirectResponse(f"/boards/{name}", 307)
    return written.page(request, "none.html", title="Boards", here=None)


@router.get("/boards/{name}")
@steady
def board(
    name: str, here: ServicesOf, request: Request, query: AskedOf, written: PagesOf
) -> HTMLResponse:
    now = here.clock.now()
    spec = _board(here, name)
    reader = here.board_reader
    calendar = reader.calendar(spec)
    shown = view(spec, query, reader.finests(spec), calendar, now)
    cards = reader.page(spec, shown, now)
    return written.page(
        request,
        "board.html",
        title=spec.title,
        here=spec,
        cards=cards,
        controls=controls(spec, shown, calendar, cards, now),
        progress=_progress(here.progress()),
    )


@router.get("/boards/{name}/data")
@steady
def data(name: str, here: ServicesOf, query: AskedOf) -> Response:
    spec = _board(here, name)
    reader = here.board_reader
    now = here.clock.now()
    shown = view(spec, query, reader.finests(spec), reader.calendar(spec), now)
    return Response(orjson.dumps(reader.data(spec, shown, now)), media_type="application/json")


@router.get("/boards/{name}/progress")
def progress(name: str, here: ServicesOf) -> Response:
    _board(here, name)
    return Response(orjson.dumps(_progress(here.progress())), media_type="application/json")


def _board(here: Services, name: str) -> BoardSpec:
    if name not in here.boards:
        raise NotFound(str(Unknown("board", name, here.boards)))
    return here.boards[name]


def _progress(found: Progress | None) -> dict[str, Any] | None:
    return None if found is None else {"text": sentence(found), "done": round(found.done, 4)}
