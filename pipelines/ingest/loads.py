"""List a bucket and group its new objects into loads: many small objects together, a large one alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from connectors import receipts, s3
from connectors.clickhouse import Store
from connectors.ledger import Unfinished, new_load
from pipelines.ingest import once, select
from pipelines.ingest.kinds import HEAD_BYTES, kind_of_head, kind_of_key
from pipelines.ingest.select import Selection
from schemas.change import CHANGE_EVENTS
from schemas.errors import BadObject
from schemas.flow import COVERAGE, FLOWS
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.tgw import TGW_COVERAGE, TGW_FLOWS

PAGE = 1_000
MAX_OBJECTS = 2_000
MAX_BYTES = 16 << 20


@dataclass(frozen=True)
class Limits:
    """What a load holds at most (stored bytes; one object may be larger), and so how much memory ingest takes."""

    objects: int = MAX_OBJECTS
    stored_bytes: int = MAX_BYTES


@dataclass(frozen=True)
class Listed:
    """Counts of objects that were listed; those that are not `known`, `other` or `busy` are in loads."""

    listed: int = 0
    known: int = 0
    other: int = 0
    busy: int = 0
    letters: tuple[DeadLetter, ...] = ()


@dataclass(frozen=True)
class Load:
    """Objects of one kind that are read and written together, by reference only. `listed` is a note on the listing."""

    id: int
    kind: ObjectKind
    refs: tuple[ObjectRef, ...] = ()
    listed: Listed | None = None


@dataclass(frozen=True)
class Listing:
    """What to look for under the URLs: objects of `kind`, of a `selection`. Flow logs answer for everything that is not
    CloudTrail.
    `resuming` and `busy` are ids of objects in unfinished loads, of this run and of another living process; `run` is
    this run's name."""

    store: Store
    kind: ObjectKind
    limits: Limits = Limits()
    log_format: Sequence[str] | None = None
    selection: Selection | None = None
    resuming: frozenset[int] = frozenset()
    busy: frozenset[int] = frozenset()
    run: str = ""


@dataclass
class _Page:
    """Objects of a page of the listing, sorted out."""

    listed: int = 0
    known: int = 0
    other: int = 0
    busy: int = 0
    letters: list[DeadLetter] = field(default_factory=list)
    new: list[ObjectRef] = field(default_factory=list)


def list_loads(url: str, listing: Listing) -> Iterator[Load]:
    """The loads of the objects under `url` that are not done yet, then a note of what was listed. Raises FlowtrailError
    when the bucket cannot be listed."""
    total = _Page()
    yield from (Load(new_load(), listing.kind, refs) for refs in group(_new(url, listing, total), listing.limits))
    note = Listed(total.listed, total.known, total.other, total.busy, tuple(total.letters))
    yield Load(0, listing.kind, listed=note)


def group(refs: Iterable[ObjectRef], limits: Limits) -> Iterator[tuple[ObjectRef, ...]]:
    """Groups within `limits`, in the order of `refs`; an object that is larger than a load is a load of its own."""
    held: list[ObjectRef] = []
    size = 0
    for ref in refs:
        if held and (len(held) >= limits.objects or size + ref.size > limits.stored_bytes):
            yield tuple(held)
            held, size = [], 0
        held.append(ref)
        size += ref.size
    if held:
        yield tuple(held)


def resumed(unfinished: Unfinished) -> Load | None:
    """The load again that a process left unfinished; None when its tables do not tell what its objects are."""
    if CHANGE_EVENTS.name in unfinished.tables:
        return Load(unfinished.load, ObjectKind.CLOUDTRAIL, unfinished.refs)
    if unfinished.tables & {FLOWS.name, COVERAGE.name, TGW_FLOWS.name, TGW_COVERAGE.name}:
        return Load(unfinished.load, ObjectKind.FLOW_LOG, unfinished.refs)
    return None


def distinct(urls: Sequence[str]) -> list[str]:
    """The URLs without those that another one covers. Raises FlowtrailError for one that is no S3 location."""
    places = sorted(set(map(s3.split_url, urls)))
    return [
        f"s3://{bucket}/{prefix}"
        for bucket, prefix in places
        if not any(bucket == other and prefix != shorter and prefix.startswith(shorter) for other, shorter in places)
    ]


def _new(url: str, listing: Listing, total: _Page) -> Iterator[ObjectRef]:
    bucket, prefix = s3.split_url(url)
    chosen = listing.selection
    refs = (
        select.objects(bucket, prefix, chosen, listing.kind)
        if chosen
        else once.listed(listing.run, url, lambda: s3.list_objects(bucket, prefix))
    )
    while page := list(islice(refs, PAGE)):
        found = _sort_out(page, listing)
        total.listed += found.listed
        total.known += found.known
        total.other += found.other
        total.busy += found.busy
        total.letters += found.letters
        yield from found.new


def _sort_out(refs: Sequence[ObjectRef], listing: Listing) -> _Page:
    done = receipts.kinds(listing.store.client(), (ref.object_id for ref in refs))
    page = _Page()
    for ref, kind in zip(refs, _kinds(refs, done, listing), strict=True):
        if isinstance(kind, BadObject):
            if listing.kind is ObjectKind.FLOW_LOG:
                page.listed += 1
                page.letters.append(DeadLetter(ref, kind.reason, kind.detail))
            continue
        if (kind is ObjectKind.CLOUDTRAIL) != (listing.kind is ObjectKind.CLOUDTRAIL):
            continue
        page.listed += 1
        if ref.object_id in done:
            page.known += 1
        elif kind is ObjectKind.OTHER:
            page.other += 1
        elif ref.object_id in listing.busy:
            page.busy += 1
        elif ref.object_id not in listing.resuming:
            page.new.append(ref)
    return page


def _kinds(refs: Sequence[ObjectRef], done: Mapping[int, ObjectKind], listing: Listing) -> list[ObjectKind | BadObject]:
    """By receipt, by key, or else by the first bytes."""

    def kind(ref: ObjectRef) -> ObjectKind | BadObject:
        known = done.get(ref.object_id) or kind_of_key(ref.key)
        if known is not None:
            return known
        if not ref.size:
            return ObjectKind.OTHER
        try:
            return kind_of_head(s3.read_head(ref, HEAD_BYTES), listing.log_format)
        except BadObject as error:
            return error

    with ThreadPoolExecutor(s3.READERS) as pool:
        return list(pool.map(kind, refs))
