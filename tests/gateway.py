"""`python -m tests.gateway FOLDER`: ClickHouse's HTTP interface in front of the embedded engine, with injected faults.

A real engine behind the protocol of a server, as far as clickhouse-connect uses it: the statement in the body or the
URL, settings and parameters in the URL or a form, sessions that run one query at a time, error codes in a header, and
compression on request. It prints its port. `POST /faults` with a JSON list of `Fault` injects faults into the following
requests; `GET /faults` lists those that have not occurred yet.
"""

import base64
import gzip
import io
import json
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

TRANSPORT = {
    "query", "database", "query_id", "session_id", "session_timeout", "session_check", "wait_end_of_query", "compress",
    "decompress", "client_protocol_version", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "default_format", "quota_key", "role", "user", "password",
}  # fmt: skip
STATUS = {60: 404, 81: 404, 62: 400, 164: 403, 373: 423, 497: 403, 516: 403}
"""HTTP status by error code, as in the server; 500 for all others."""

LOCKED, REFUSED = 373, 516
INSERT = re.compile(rb"\s*(INSERT\s+INTO\s+.+?\s+FORMAT\s+(\w+))\s*\n", re.IGNORECASE | re.DOTALL)
FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
CODE = re.compile(r"Code: (\d+)")
PASSWORDS = {"default": "", "writer": "secret"}


@dataclass
class Fault:
    """`what` happens to the next `times` requests whose statement `match`es:

    reset     the statement is run, and the connection is reset before the first byte of the answer
    reset-before  the connection is reset, and the statement is not run
    truncate  the statement is run, and the answer is cut off half-way
    broken    500 from a proxy, and the statement is not run
    away      503 from a proxy, and the statement is not run
    memory    the server's own error 241, and the statement is not run
    slow      the statement is run after two seconds
    """

    what: str
    match: str = ""
    times: int = 1


class Refused(Exception):
    """An engine error: code and text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Engine:
    """The embedded engine, with a handle for each request."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.keep = chdb.connect(folder)
        self.faults: list[Fault] = []
        self.sessions: set[str] = set()
        self.lock = threading.Lock()

    def strike(self, sql: str) -> str:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.match, sql):
                    fault.times -= 1
                    return fault.what
        return ""

    @contextmanager
    def session(self, name: str) -> Iterator[None]:
        with self.lock:
            if name and name in self.sessions:
                raise Refused(LOCKED, f"Code: {LOCKED}. DB::Exception: Session {name} is locked. (SESSION_IS_LOCKED)")
            self.sessions.add(name)
        try:
            yield
        finally:
            self.sessions.discard(name)

    def run(self, sql: bytes, data: bytes, params: dict[str, str]) -> tuple[bytes, str]:
        """Runs a statement; returns the answer and its format."""
        handle = chdb.connect(self.folder)
        try:
            if params.get("database"):
                name = params["database"].replace("`", "``")
                handle.query(f"USE `{name}`", "Null")
            settings = {n: v for n, v in params.items() if n not in TRANSPORT and not n.startswith("param_")}
            if settings:
                handle.query(
                    "SET " + ", ".join(f"{name} = {_quoted(value)}" for name, value in settings.items()), "Null"
                )
            bound = {name.removeprefix("param_"): value for name, value in params.items() if name.startswith("param_")}
            insert = INSERT.match(sql + b"\n" + data if data else sql)
            if insert:
                return self._insert(handle, insert, (sql + b"\n" + data if data else sql)[insert.end() :])
            text = (sql + b"\n" + data).decode() if data else sql.decode()
            form = FORMAT.search(text)
            answer = handle.query(text, "TabSeparated", params=bound).bytes() or b""
            return bytes(answer), form[1] if form else "TabSeparated"
        except RuntimeError as error:
            code = CODE.search(str(error))
            raise Refused(int(code[1]) if code else 0, str(error)) from error
        finally:
            handle.close()

    @staticmethod
    def _insert(handle: Any, statement: re.Match[bytes], body: bytes) -> tuple[bytes, str]:
        sql, form = statement[1].decode(), statement[2].decode()
        with tempfile.NamedTemporaryFile() as file:
            file.write(body)
            file.flush()
            into = re.sub(r"\s+FORMAT\s+\w+$", "", sql, flags=re.IGNORECASE)
            handle.query(f"{into} FROM INFILE {_quoted(file.name)} FORMAT {form}", "Null")
        return b"", form


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes: the second would wait 40 ms for the client
    engine: Engine

    def do_GET(self) -> None:
        if self.path == "/faults":
            self._send(200, json.dumps([asdict(fault) for fault in self.engine.faults]).encode())
        elif self.path == "/ping":
            self._send(200, b"Ok.\n")
        else:
            self._statement(b"")

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/faults":
            self.engine.faults = [Fault(**each) for each in json.loads(body)]
            self._send(200, b"")
        else:
            self._statement(body)

    def _statement(self, body: bytes) -> None:
        params = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            params.update(self._form(body))
            body = b""
        sql, data = (params["query"].encode(), body) if params.get("query") else (body, b"")
        what = self.engine.strike(sql[:2000].decode("utf-8", "replace"))
        if what == "reset-before":
            self._reset()
            return
        if what in ("broken", "away"):
            self._send(500 if what == "broken" else 503, b"<html>upstream says no</html>")
            return
        try:
            self._known()
            if what == "memory":
                raise Refused(241, "Code: 241. DB::Exception: Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)")
            if what == "slow":
                time.sleep(2)
            with self.engine.session(params.get("session_id", "")):
                answer, form = self.engine.run(sql, data, params)
        except Refused as error:
            self._send(
                STATUS.get(error.code, 500), f"{error}\n".encode(), {"X-ClickHouse-Exception-Code": str(error.code)}
            )
            return
        if what == "reset":
            self._reset()
            return
        headers = {"X-ClickHouse-Format": form, "X-ClickHouse-Timezone": "UTC", "X-ClickHouse-Summary": "{}"}
        headers["X-ClickHouse-Query-Id"] = params.get("query_id", "")
        if params.get("enable_http_compression") == "1":
            answer = self._compressed(answer, headers)
        self._send(200, answer, headers, cut=what == "truncate")

    def _known(self) -> None:
        user = self.headers.get("X-ClickHouse-User", "default")
        key = self.headers.get("X-ClickHouse-Key", "")
        if self.headers.get("Authorization", "").startswith("Basic "):
            user, _, key = base64.b64decode(self.headers["Authorization"][6:]).decode().partition(":")
        if PASSWORDS.get(user) != key:
            raise Refused(
                REFUSED, f"Code: {REFUSED}. DB::Exception: {user}: Authentication failed. (AUTHENTICATION_FAILED)"
            )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding", "")
        if encoding:
            body = {"gzip": gzip.decompress, "lz4": lz4.frame.decompress}[encoding](body)
        return body

    def _form(self, body: bytes) -> dict[str, str]:
        whole = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + body
        parts: Any = message_from_bytes(whole).get_payload()
        return {
            str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True).decode()
            for part in parts
        }

    def _compressed(self, answer: bytes, headers: dict[str, str]) -> bytes:
        taken = self.headers.get("Accept-Encoding", "")
        for name, compress in (("lz4", lz4.frame.compress), ("gzip", gzip.compress)):
            if name in taken:
                headers["Content-Encoding"] = name
                return bytes(compress(answer))
        return answer

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if cut and not body:  # an empty answer is cut off at the end of its headers
            self.wfile.write(b"".join(self._headers_buffer)[:-1])  # type: ignore[attr-defined]
            self._reset()
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            self._reset()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
        self.wfile = io.BytesIO()  # anything flushed later is discarded

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: this is a test server."""


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    Handler.engine = Engine(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
