"""The application: routes, guards, and the one place where errors become answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response

from tallymark.errors import RetryableError, TallymarkError
from tallymark.web import problems
from tallymark.web.api import jobs, metrics, reports, series
from tallymark.web.assets import STATIC, KeptFiles
from tallymark.web.guard import OnlyLoopback, SafeHeaders
from tallymark.web.openapi import App
from tallymark.web.pages import boards, probes
from tallymark.web.pages.render import Pages, wants_page
from tallymark.web.services import Services

log = logging.getLogger(__name__)

Handler = Callable[[Request, Exception], Response]


def create_app(services: Services) -> FastAPI:
    """The whole web as one ASGI application."""
    app = App(
        title="Tallymark",
        version=version("tallymark"),
        docs_url=None,  # the stock pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.services = services
    app.state.pages = Pages()
    for router in (probes, metrics, series, reports, jobs, boards):
        app.include_router(router.router)
    app.mount("/static", KeptFiles(directory=STATIC), name="static")
    if services.receiver is not None:
        app.mount("/in", services.receiver)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, _as_asked(handler))
    # level 9 takes five times as long for a twentieth less
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=4)
    app.add_middleware(SafeHeaders)
    app.add_middleware(OnlyLoopback)
    return app


def _as_asked(handler: Handler) -> Handler:
    """Who sends envelopes gets them back, whatever went wrong."""

    def answer(request: Request, error: Exception) -> Response:
        found = handler(request, error)
        asked = f"{request.url.path}/".startswith(f"{jobs.PREFIX}/")
        return jobs.failed(request, found) if asked else found

    return answer


def _refused(request: Request, error: Exception) -> Response:
    known = cast(TallymarkError, error)
    status = problems.status_of(known)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.url.path, error)
    if wants_page(request):
        return request.app.state.pages.error(request, status, str(known))  # type: ignore[no-any-return]
    return problems.of_error(known)


def _http(request: Request, error: Exception) -> Response:
    known = cast(HTTPException, error)
    if wants_page(request):
        return request.app.state.pages.error(request, known.status_code, known.detail)  # type: ignore[no-any-return]
    return problems.of_http(known)


def _invalid(request: Request, error: Exception) -> Response:
    return problems.of_validation(cast(RequestValidationError, error))


def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "Something went wrong here; the server's log says what."
    if wants_page(request):
        return request.app.state.pages.error(request, 500, detail)  # type: ignore[no-any-return]
    return problems.problem(500, detail)


def _database(request: Request, error: Exception) -> Response:
    """While the database is away, or not yet migrated, the reasons of /readyz are the answer."""
    reasons = request.app.state.services.ready()
    if not reasons:
        return _unexpected(request, error)
    return _refused(request, RetryableError(f"Not ready: {'; '.join(reasons)}."))


_HANDLERS = {
    TallymarkError: _refused,
    HTTPException: _http,
    RequestValidationError: _invalid,
    SQLAlchemyError: _database,
    Exception: _unexpected,
}
