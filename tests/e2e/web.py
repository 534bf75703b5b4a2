"""The console of the story, served in this process, for the tests that ask it and those that look at it."""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from connectors.store.clickhouse import Store
from console.web.access import Access
from console.web.app import console_app


def served(store: Store, access: Access) -> AbstractContextManager[str]:
    """The address of the console on a free port."""
    return serving(console_app(store, access))


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The address of an application on a free port."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
