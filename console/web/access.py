"""Who may see the console. It has no state-changing request, and no page can be framed or run a foreign script."""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import SimpleCookie
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import FlowtrailError

TOKEN = "FLOWTRAIL_CONSOLE_TOKEN"  # noqa: S105 - the name, not the secret
COOKIE = "flowtrail-token"
OPEN = ("/healthz", "/favicon.ico")
"""What anybody who reaches the port may ask."""

POSTED = ("/mcp",)
"""What is asked by POST. It only reads, too: `console/mcp_server` has no tool that changes anything."""

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
"""Nothing is inline, so no nonce is needed."""


@dataclass(frozen=True)
class Access:
    """`hosts`: the names by which browsers may ask, in addition to loopback; another one is refused, so that no foreign
    name can be made to point here (DNS rebinding). `token`: whoever asks must have it; "" for none. `identity`: a
    header with which a reverse proxy names who asks; "" for none."""

    hosts: tuple[str, ...] = ()
    token: str = ""
    identity: str = ""

    def check(self, address: str) -> None:
        """Raise FlowtrailError if the console would be open to everybody at this address."""
        if not is_loopback(address) and not (self.token or self.identity):
            raise FlowtrailError(
                f"At {address} the console would be open to everybody who reaches it.",
                f"Set {TOKEN} to a long random text, or name the header of a reverse proxy with --identity-header;"
                " or listen on 127.0.0.1.",
            )


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches the address.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class Guarded:
    """The application behind the rules of `access`. It is outermost, so that errors have the headers too."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refused = self._refused(scope)
        await (refused or self._app)(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = _name(headers.get("host", ""))
        if not (is_loopback(host) or host in self._access.hosts):
            text = f"This console does not answer as {host or 'nobody'}. Start it with --host-name {host or 'NAME'}."
            return PlainTextResponse(text, 421)
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != headers.get("host"):
            return PlainTextResponse("Requests from other sites are refused.", 403)
        if scope["method"] not in ("GET", "HEAD") and scope["path"] not in POSTED:
            return PlainTextResponse("The console only reads: GET and HEAD.", 405, {"allow": "GET, HEAD"})
        if scope["path"] in OPEN or self._knows(headers):
            return None
        return self._log_in(scope)

    def _knows(self, headers: Headers) -> bool:
        access = self._access
        if not (access.token or access.identity):
            return True
        if access.identity and headers.get(access.identity):
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        return (
            (kind.lower() == "bearer" and self._is_token(given)) or (cookie and self._is_token(cookie.value)) or False
        )

    def _is_token(self, given: str) -> bool:
        return bool(self._access.token) and hmac.compare_digest(given.encode(), self._access.token.encode())

    def _log_in(self, scope: Scope) -> Response:
        """A link with ?token=... is answered with a cookie and the same link without it."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if any(name == "token" and self._is_token(value) for name, value in query):
            response = RedirectResponse(_link(scope["path"], ((n, v) for n, v in query if n != "token")), 303)
            response.set_cookie(COOKIE, self._access.token, httponly=True, samesite="strict", path="/")
            return response
        text = f"Open the console with the link that it printed, or send the token of {TOKEN} as a bearer token."
        return PlainTextResponse(text, 401, {"www-authenticate": "Bearer"})


def _link(path: str, query: Iterable[tuple[str, str]]) -> str:
    pairs = urlencode(list(query))
    return f"/{path.lstrip('/')}{'?' * bool(pairs)}{pairs}"


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()
