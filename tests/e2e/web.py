"""The console of the story, served in this process, for the tests that ask it and those that look at it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from starlette.types import ASGIApp

from cli.serving import listening, url
from cli.serving import served as in_a_thread
from connectors.store.clickhouse import Store
from console.web.access import Access
from console.web.app import console_app


def served(store: Store, access: Access) -> AbstractContextManager[str]:
    """The address of the console on a free port."""
    return serving(console_app(store, access))


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """The address of an application on a free port."""
    with listening("127.0.0.1", 0) as bound, in_a_thread(app, bound):
        yield url("127.0.0.1", bound).rstrip("/")
