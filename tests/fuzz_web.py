"""`python -m tests.fuzz_web [REQUESTS]`: hostile requests to the console, with everything that browsers and others can
send: methods, hosts, origins, paths, and parameters full of markup, quotes, control characters and SQL.

No request may be answered with an error of the server or without the security headers; nothing that was sent may come
back as markup; only GET and HEAD under the console's own name are answered at all; and the tables stay as they are.
"""

import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

from connectors.store.clickhouse import Store, query
from connectors.store.migrate import ensure_migrated
from console.web.access import HEADERS, Access
from console.web.app import console_app
from tests.fuzz_sql import Mangler

SEED = 20261201
MARKER = "<x-canary"
PAYLOADS = (
    "<x-canary onload=alert(1)>", '"><x-canary>', "'><x-canary>", "</script><x-canary>",
    "javascript:alert(1)//<x-canary", "{{7*7}}<x-canary>", "{%raw%}<x-canary>", "\x1b]8;;x\x07<x-canary",
    "\u202e<x-canary", "' OR 1=1 --", "'); DROP TABLE flows; --", "../../../../etc/passwd", "..%2f..%2fetc%2fpasswd",
    "\x00", "%00", "\ud7ff", "9" * 400, "-1", "1e9", "NaN", "", " ", "=1+1", "2026-13-45T99:99", "9999-01-01", "-5h",
    "eni-1' OR 1", "10.0.0.0/33", "::1", "203.0.113.7", "22", "tcp", "24h",
)  # fmt: skip
PATHS = (
    "/", "/search", "/explain", "/preview", "/changes", "/network", "/sql", "/incident/{x}", "/incident/{x}/export.{x}",
    "/incident/{x}/export.html", "/network/{x}", "/static/{x}", "/{x}", "//{x}", "/healthz", "/incident/",
)  # fmt: skip
NAMES = (
    "action", "port", "protocol", "peer", "addr", "src", "dst", "eni", "instance", "name", "vpc", "subnet", "direction",
    "from", "to", "at", "since", "top", "limit", "format", "command", "statement", "actor", "resource", "token", "x",
)  # fmt: skip
METHODS = ("GET",) * 12 + ("HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW")
OWN = ("127.0.0.1:8470", "localhost", "[::1]:8470")
HOSTS = ("127.0.0.1:8470",) * 12 + (
    "localhost",
    "[::1]:8470",
    "evil.example",
    "127.0.0.1.evil.example",
    "",
    "<x-canary",
)
ORIGINS: tuple[str | None, ...] = (None,) * 9 + ("https://evil.example", "null", "http://127.0.0.1:8470")


async def answered(app: Any, method: str, path: str, asked: str, headers: dict[str, str]) -> tuple[int, Any, str]:
    """Status, headers and body of one request, without a socket."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": quote(path).encode(), "query_string": asked.encode("latin-1"), "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8470),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(message for message in sent if message["type"] == "http.response.start")
    body = b"".join(message.get("body", b"") for message in sent if message["type"] == "http.response.body")
    return start["status"], {n.decode(): v.decode() for n, v in start["headers"]}, body.decode("utf-8", "replace")


def fuzz(store: Store, requests: int, folder: Path, seed: int = SEED) -> Counter[int]:
    """How many requests were answered with which status. Raises AssertionError for what must not happen."""
    dice = random.Random(seed)
    app = console_app(store, Access())
    mangler = Mangler(seed, folder / "canary", folder / "out", 9)
    before = _tables(store)
    counts: Counter[int] = Counter()

    async def all_of_them() -> None:
        for _ in range(requests):
            path = dice.choice(PATHS)
            while "{x}" in path:
                path = path.replace("{x}", dice.choice(PAYLOADS), 1)
            names = dice.sample(NAMES, dice.randrange(5))
            values = {n: mangler.statement() if n == "statement" else dice.choice(PAYLOADS) for n in names}
            method, host, origin = dice.choice(METHODS), dice.choice(HOSTS), dice.choice(ORIGINS)
            headers = {"host": host} | ({} if origin is None else {"origin": origin})
            given = urlencode(values, errors="replace")
            status, told, body = await answered(app, method, path, given, headers)
            what = (method, path, values, headers, status)
            assert status < 500, what
            assert told.items() >= HEADERS.items(), what
            own = host in OWN and method in ("GET", "HEAD") and origin in (None, f"http://{host}")
            assert own or status in (403, 405, 421), what
            if told.get("content-type", "").startswith("text/html"):
                assert MARKER not in body, what
                assert not {"\x1b", "\u202e", "\x00"} & set(body), what
            counts[status] += 1

    asyncio.run(all_of_them())
    assert _tables(store) == before
    return counts


def _tables(store: Store) -> Any:
    return query(
        store.reader(), "SELECT name, total_rows FROM system.tables WHERE database = currentDatabase() ORDER BY 1"
    )


def main() -> None:
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    begun = monotonic()
    with tempfile.TemporaryDirectory() as name:
        store = Store(f"{name}/db")
        ensure_migrated(store)
        counts = fuzz(store, requests, Path(name))
    told = ", ".join(f"{status}: {count:,}" for status, count in sorted(counts.items()))
    print(f"{requests:,} requests in {monotonic() - begun:.0f} s ({told}); none did what it must not")


if __name__ == "__main__":
    main()
