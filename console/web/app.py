"""The application: its addresses, and how errors are shown."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from importlib.resources import files

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from connectors.store.clickhouse import Store
from console.web import asking, pages
from console.web.access import Access, Guarded
from console.web.render import page
from schemas.errors import FlowtrailError

READERS = 4
"""Questions that are asked of the store at the same time."""

ICON = "icon.svg"
STATIC = {"style.css": "text/css", "console.js": "text/javascript", ICON: "image/svg+xml"}

ROUTES: tuple[BaseRoute, ...] = (
    Route("/", pages.now),
    Route("/incident/{id}", pages.one_incident),
    Route("/incident/{id}/export.{form}", pages.exported),
    Route("/search", asking.search),
    Route("/explain", asking.explain),
    Route("/preview", asking.preview),
    Route("/changes", asking.changes),
    Route("/network", pages.whole_network),
    Route("/network/{id}", pages.resource),
    Route("/sql", asking.sql),
    Route("/healthz", pages.healthy),
)


def console_app(
    store: Store,
    access: Access,
    more: Sequence[BaseRoute] = (),
    running: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
) -> ASGIApp:
    """The console of a store. `more` is served beside the pages, while `running` is entered."""
    handlers = {FlowtrailError: _failed, HTTPException: _no_page, 500: _unexpected}
    own = [Route("/static/{name}", _static), Route("/favicon.ico", _static)]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        del app
        anyio.to_thread.current_default_thread_limiter().total_tokens = READERS
        async with running():
            yield

    app = Starlette(routes=[*ROUTES, *own, *more], exception_handlers=handlers, lifespan=lifespan)
    app.state.store = store
    return Guarded(app, access)


def _failed(request: Request, error: Exception) -> Response:
    """What the command line would say."""
    message, remedy = (error.message, error.remedy) if isinstance(error, FlowtrailError) else (str(error), "")
    missing = message.startswith("There is no")
    return _error(request, message, remedy, 404 if missing else 400)


def _no_page(request: Request, error: Exception) -> Response:
    code = error.status_code if isinstance(error, HTTPException) else 500
    return _error(request, f"There is no page {request.url.path}.", "Choose one above.", code)


def _unexpected(request: Request, error: Exception) -> Response:
    return _error(request, f"This should not happen: {type(error).__name__}.", "Please report it.", 500)


def _error(request: Request, message: str, remedy: str, code: int) -> Response:
    text = page("error", path=request.url.path, query=dict(request.query_params), message=message, remedy=remedy)
    return HTMLResponse(text, code)


def _static(request: Request) -> Response:
    name = request.path_params.get("name", ICON)
    if name not in STATIC:
        raise HTTPException(404)
    body = (files("console.web") / "static" / name).read_bytes()
    return Response(body, media_type=STATIC[name], headers={"cache-control": "max-age=3600"})
