"""What is configured, what can be reached, what is wrong and how to fix it. Checking changes nothing."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from connectors.aws import ec2, s3
from connectors.aws.access import Access
from connectors.aws.identity import caller
from connectors.settings import Settings, unknown_variables
from connectors.store.clickhouse import Store
from connectors.store.configuration import snapshot_times
from connectors.store.migrate import pending
from connectors.store.retention import kept, words
from console.answers.text import both, span
from schemas.errors import BadObject, FlowtrailError

OLD = timedelta(days=30)
"""A snapshot older than this is still correct where CloudTrail is complete, but a new one is recommended."""


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """The result of one check: what was found and, where something is wrong, the remedy."""

    name: str
    state: State
    found: str
    remedy: str = ""


def run(found: Settings, store: Store, urls: Sequence[str]) -> list[Check]:
    """The result of every check. A check that fails does not stop those that do not depend on it."""
    return [*_variables(), *_store(store), *_aws(urls, found.access)]


def _variables() -> Iterator[Check]:
    unknown = unknown_variables(os.environ)
    for name, near in unknown.items():
        remedy = f"Did you mean {near}?" if near else "Unset it."
        yield Check("settings", State.WARNING, f"{name} is an unknown setting", remedy)
    if not unknown:
        yield Check("settings", State.OK, "every FLOWTRAIL_* variable is a known setting")


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
    return "all migrations are applied"


def _retention(store: Store) -> Check:
    now, wanted = kept(store.reader()).retention, store.retention
    if now == wanted:
        return Check("retention", State.OK, words(now))
    found = f"{words(now)}; after the next command that writes, {words(wanted)}"
    return Check(
        "retention", State.WARNING, found, "Set FLOWTRAIL_RETENTION to the same value wherever Flowtrail runs."
    )


def _snapshot(store: Store) -> Check:
    times = [at for each in snapshot_times(store.reader()) for at in each]
    take = "Take one with `flowtrail snapshot`."
    if not times:
        return Check("snapshot", State.WARNING, "none: flow records get no VPC metadata, no cause can be tested", take)
    age = datetime.now(UTC) - max(times)
    found = f"the latest is from {both(max(times))}, {span(max(age, timedelta(0)))} old"
    return Check("snapshot", State.WARNING if age > OLD else State.OK, found, take if age > OLD else "")


def _aws(urls: Sequence[str], access: Access) -> Iterator[Check]:
    endpoint = access.endpoint_url or os.environ.get("AWS_ENDPOINT_URL", "")
    where = f" at {endpoint}" if endpoint else ""
    if access.unsigned:
        yield Check("identity", State.SKIPPED, f"requests carry no credentials{where}")
        known = True
    else:
        who = _tried("identity", lambda: f"{caller(access)}{where}")
        yield who
        known = who.state is State.OK
    for url in urls:
        yield from (
            _bucket(url, access) if known else [Check(f"bucket {url}", State.SKIPPED, "there is no AWS identity")]
        )
    if not urls:
        yield Check("bucket", State.SKIPPED, "none was given", "Give one: `flowtrail check s3://bucket/prefix`.")
    if access.unsigned or not known:
        yield Check("EC2", State.SKIPPED, "a snapshot cannot be taken without credentials")
        return
    yield from _permissions(access)


def _bucket(url: str, access: Access) -> Iterator[Check]:
    found: list[s3.Page] = []

    def look() -> str:
        found.append(s3.list_page(*s3.split_url(url), access=access))
        number = len(found[0].refs)
        if not number:
            raise FlowtrailError(f"There are no objects under {url}.", "Check the prefix; it is case-sensitive.")
        return f"can be listed: {'more than ' if found[0].more else ''}{number} objects"

    yield _tried(f"list {url}", look)
    ref = next((ref for page in found for ref in page.refs if ref.size), None)
    if ref is None:
        return
    try:
        yield _tried(
            f"read {url}", lambda: f"{ref.url} can be read: {len(s3.read_head(ref, 1, access))} byte requested"
        )
    except BadObject as error:
        yield Check(f"read {url}", State.WARNING, f"{ref.url}: {error.reason}: {error.detail}")


def _permissions(access: Access) -> Iterator[Check]:
    """One check for each API call of a snapshot. An error that affects all of them is reported once."""
    try:
        region = ec2.region(access)
        for name, denied in ec2.probe(access):
            if denied is None:
                yield Check(name, State.OK, f"allowed in {region}")
            else:
                yield Check(name, State.WRONG, denied.message, denied.remedy)
    except FlowtrailError as error:
        yield Check("EC2", State.WRONG, error.message, error.remedy)
