"""Templates, and what every page of them knows."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from tallymark.web.assets import assets

TEMPLATES = Path(__file__).parent.parent / "templates"


class Pages:
    """Writes pages; a name that a template misspells is an error, never an empty place."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["assets"] = assets()

    def page(
        self, request: Request, template: str, status: int = 200, **known: Any
    ) -> HTMLResponse:
        boards = list(request.app.state.services.boards.values())
        made = self._templates.get_template(template).render(boards=boards, **known)
        return HTMLResponse(made, status)

    def error(self, request: Request, status: int, detail: str) -> HTMLResponse:
        title = HTTPStatus(status).phrase
        return self.page(
            request, "error.html", status, title=title, here=None, code=status, detail=detail
        )


def pages(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


def wants_page(request: Request) -> bool:
    """Whether a person looks: routes for programs answer problems whatever they accept."""
    path = request.url.path
    programs = path.startswith(("/api/", "/in/", "/metrics", "/report/", "/static/"))
    return not programs and "text/html" in request.headers.get("accept", "")
