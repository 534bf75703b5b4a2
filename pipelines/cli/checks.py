"""What is configured, what can be reached, what is wrong and how to mend it. Nothing is changed by looking."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from connectors import ec2, s3
from connectors.access import current
from connectors.clickhouse import Store
from connectors.config_store import snapshot_times
from connectors.identity import caller
from connectors.migrate import pending
from connectors.retention import kept, words
from connectors.settings import Settings, unknown_variables
from console.gaps import span
from console.render import both
from console.screen import Screen
from schemas.errors import BadObject, FlowtrailError

OLD = timedelta(days=30)
"""A snapshot older than this is still right where CloudTrail is complete, and yet worth taking anew."""


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and what to do about it where something is wrong."""

    name: str
    state: State
    found: str
    remedy: str = ""


def run(found: Settings, store: Store, urls: Sequence[str]) -> list[Check]:
    """Every check, each on its own: one that fails stops none that does not depend on it."""
    return [*_variables(), *_store(store), _letters(found.dead_letter_folder), *_aws(urls)]


def _variables() -> Iterator[Check]:
    strange = unknown_variables(os.environ)
    for name, near in strange.items():
        yield Check("settings", State.WARNING, f"{name} means nothing", f"{near} does." if near else "Unset it.")
    if not strange:
        yield Check("settings", State.OK, "every FLOWTRAIL_* variable is understood")


def _tried(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, State.OK, look())
    except FlowtrailError as error:
        return Check(name, State.WRONG, error.message, error.remedy)


def _store(store: Store) -> Iterator[Check]:
    kind = "embedded engine" if store.embedded else "server"
    opened = _tried(
        "store", lambda: f"{store.database} at {store.db}: {kind}, ClickHouse {store.reader().server_version}"
    )
    yield opened
    if opened.state is not State.OK:
        yield Check("migrations", State.SKIPPED, "the store cannot be opened")
        yield Check("snapshot", State.SKIPPED, "the store cannot be opened")
        return
    migrated = _tried("migrations", lambda: _migrations(store))
    yield migrated
    if migrated.state is State.OK:
        yield _retention(store)
        yield _snapshot(store)
    else:
        yield Check("snapshot", State.SKIPPED, "migrations are pending")


def _migrations(store: Store) -> str:
    if todo := pending(store.reader()):
        raise FlowtrailError(
            f"{len(todo)} migrations are pending: {', '.join(m.file for m in todo)}.", "Run `flowtrail migrate`."
        )
    return "every migration is applied"


def _retention(store: Store) -> Check:
    now, wanted = kept(store.reader()).retention, store.retention
    if now == wanted:
        return Check("retention", State.OK, words(now))
    found = f"{words(now)}; after the next command that writes {words(wanted)}"
    return Check("retention", State.WARNING, found, "Set FLOWTRAIL_RETENTION alike wherever Flowtrail runs.")


def _snapshot(store: Store) -> Check:
    times = [at for each in snapshot_times(store.reader()) for at in each]
    take = "Take one: `flowtrail snapshot`."
    if not times:
        return Check("snapshot", State.WARNING, "none: no record gets VPC metadata, no cause can be tested", take)
    age = datetime.now(UTC) - max(times)
    found = f"the latest is of {both(max(times))}, {span(max(age, timedelta(0)))} old"
    return Check("snapshot", State.WARNING if age > OLD else State.OK, found, take if age > OLD else "")


def _letters(folder: str) -> Check:
    def look() -> str:
        if folder.startswith("s3://"):
            s3.list_page(*s3.split_url(folder))
            return f"{folder} can be listed; whether it can be written shows when there is something to write"
        near = next(path for path in (Path(folder).absolute(), *Path(folder).absolute().parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=near):
                return f"{folder} can be written"
        except OSError as error:
            raise FlowtrailError(
                f"Dead letters cannot be written to {folder}: {error.strerror}.",
                "Set FLOWTRAIL_DEAD_LETTERS to a folder that can be written.",
            ) from error

    return _tried("dead letters", look)


def _aws(urls: Sequence[str]) -> Iterator[Check]:
    access = current()
    where = f" at {endpoint}" if (endpoint := access.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")) else ""
    if access.unsigned:
        yield Check("identity", State.SKIPPED, f"requests carry no credentials{where}")
        known = True
    else:
        who = _tried("identity", lambda: f"{caller()}{where}")
        yield who
        known = who.state is State.OK
    for url in urls:
        yield from _bucket(url) if known else [Check(f"bucket {url}", State.SKIPPED, "AWS does not know us")]
    if not urls:
        yield Check("bucket", State.SKIPPED, "none was named", "Name one: `flowtrail check s3://bucket/prefix`.")
    if access.unsigned or not known:
        yield Check("EC2", State.SKIPPED, "without credentials there is no snapshot to take")
        return
    yield from _permissions()


def _bucket(url: str) -> Iterator[Check]:
    found: list[s3.Page] = []

    def look() -> str:
        found.append(s3.list_page(*s3.split_url(url)))
        number = len(found[0].refs)
        if not number:
            raise FlowtrailError(f"Nothing lies below {url}.", "Check the prefix: it is compared letter by letter.")
        return f"can be listed: {'more than ' if found[0].more else ''}{number} objects"

    yield _tried(f"list {url}", look)
    ref = next((ref for page in found for ref in page.refs if ref.size), None)
    if ref is None:
        return
    try:
        yield _tried(f"read {url}", lambda: f"{ref.url} can be read: {len(s3.read_head(ref, 1))} byte asked for")
    except BadObject as error:
        yield Check(f"read {url}", State.WARNING, f"{ref.url}: {error.reason}: {error.detail}")


def _permissions() -> Iterator[Check]:
    """Each call that a snapshot makes. What stops all of them is said once."""
    try:
        region = ec2.region()
        for name, denied in ec2.probe():
            if denied is None:
                yield Check(name, State.OK, f"allowed in {region}")
            else:
                yield Check(name, State.WRONG, denied.message, denied.remedy)
    except FlowtrailError as error:
        yield Check("EC2", State.WRONG, error.message, error.remedy)


def show(checks: Sequence[Check], screen: Screen) -> None:
    """A line each; below what is not right, how to mend it."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        style = {State.WRONG: "bold red", State.WARNING: "yellow"}.get(check.state, "")
        screen.line(f"{check.state:<9}{check.name:<{width}}  {check.found}", style)
        if check.remedy:
            screen.line(f"{'':<{9 + width}}  {check.remedy}")
    wrong = sum(check.state is State.WRONG for check in checks)
    screen.line()
    screen.line(f"{wrong} wrong." if wrong else "Nothing is wrong.")
