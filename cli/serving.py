"""Serving in the command's own process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from schemas.errors import FlowtrailError

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp


def place(listen: str, example: int) -> tuple[str, int]:
    """The address and port of an option. Raises BadParameter for anything else."""
    address, _, port = listen.rpartition(":")
    if not address or not port.isdigit() or int(port) > 65_535:
        raise typer.BadParameter(f"{listen!r} is not an address and a port: write 127.0.0.1:{example}.")
    return address.strip("[]"), int(port)


def listening(address: str, port: int) -> socket.socket:
    """A socket that listens there. Raises FlowtrailError if it cannot. The protocol is named: without it, asyncio
    would let the kernel hold back the second part of each answer for 40 ms."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((address, port))
        bound.listen(128)  # who asks before the server is ready waits for it
    except OSError as error:
        bound.close()
        raise FlowtrailError(
            f"{address}:{port} cannot be listened on: {error.strerror or error}.", "Choose another address or port."
        ) from None
    return bound


def url(address: str, bound: socket.socket) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{bound.getsockname()[1]}/"


def server(app: "ASGIApp") -> "uvicorn.Server":
    """A server without logs of its own."""
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=1
        )
    )


@contextmanager
def served(app: "ASGIApp", bound: socket.socket) -> Iterator[None]:
    """While this context is open, the application answers in a thread; signals stay with the command."""
    serving = server(app)
    thread = threading.Thread(target=serving.run, args=([bound],), name="web", daemon=True)
    thread.start()
    while not serving.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield
    finally:
        serving.should_exit = True
        thread.join(5)
