"""List buckets and plan what a run is to load: many small objects together, a large one alone. The plan is kept in the
store, where the steps of the run read it; so are the counts of what was listed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from connectors.aws import s3
from connectors.store import dead_letters, receipts, runs
from connectors.store.attempts import Owed
from pipelines.ingest.find import selection
from pipelines.ingest.find.kinds import HEAD_BYTES, kind_of_head, kind_of_key
from pipelines.ingest.find.selection import Selection
from pipelines.ingest.load import Job, Limits, group
from schemas.errors import BadObject
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef

PAGE = 1_000
KINDS = (ObjectKind.CLOUDTRAIL, ObjectKind.FLOW_LOG)
"""CloudTrail comes first: flow records get the configuration that its changes tell of."""


@dataclass(frozen=True)
class Wanted:
    """What to look for: the objects under `urls`, or of them those of a selection for each kind, without those that
    live processes are loading (`busy`); and the objects that earlier runs left unfinished. If objects are `given`,
    nothing is listed."""

    urls: Sequence[str]
    selections: Mapping[ObjectKind, Selection] = field(default_factory=dict)
    busy: frozenset[int] = frozenset()
    owed: Sequence[Owed] = ()
    given: Sequence[ObjectRef] | None = None


def plan(wanted: Wanted, limits: Limits, job: Job) -> dict[ObjectKind, int]:
    """List, and note in the store which objects are new, in parts within `limits`. Returns the number of parts of each
    kind; they are numbered from 0. Raises FlowtrailError when a bucket cannot be listed or the store fails."""
    client = job.store.client()
    parts = {kind: _Parts(job, kind, limits) for kind in KINDS}
    counts: Counter[str] = Counter()
    for page in _pages(wanted, job):
        found = _sorted_out(page.refs, page.kind, wanted, job)
        counts.update(found.counts)
        dead_letters.put(client, job.run, found.letters)
        for kind, refs in found.new.items():
            parts[kind].add(refs)
    for kind in KINDS:
        parts[kind].finish(each.ref for each in wanted.owed if each.kind is kind)
    runs.note(client, job.run, "ingest", "listed", counts=counts)
    return {kind: parts[kind].count for kind in KINDS}


def distinct(urls: Sequence[str]) -> list[str]:
    """The URLs, sorted, without those that another one covers. Raises FlowtrailError if one is not an S3 location.

    >>> distinct(["s3://logs/AWSLogs/1", "s3://logs/AWSLogs/"])
    ['s3://logs/AWSLogs/']
    """
    places = sorted(set(map(s3.split_url, urls)))
    return [
        f"s3://{bucket}/{prefix}"
        for bucket, prefix in places
        if not any(bucket == other and prefix != shorter and prefix.startswith(shorter) for other, shorter in places)
    ]


@dataclass(frozen=True)
class _Page:
    """Some objects of a listing; only those of `kind` are looked for, if it is given."""

    refs: Sequence[ObjectRef]
    kind: ObjectKind | None = None


@dataclass
class _Found:
    """What the objects of a page are."""

    counts: Counter[str] = field(default_factory=Counter)
    letters: list[DeadLetter] = field(default_factory=list)
    new: dict[ObjectKind, list[ObjectRef]] = field(default_factory=dict)


class _Parts:
    """Objects of one kind, grouped into parts of the plan as they are found."""

    def __init__(self, job: Job, kind: ObjectKind, limits: Limits) -> None:
        self._job, self._kind, self._limits = job, kind, limits
        self._held: list[ObjectRef] = []
        self.count = 0

    def add(self, refs: Iterable[ObjectRef]) -> None:
        """Plan the objects; the last, unfilled part waits for more."""
        self._held += refs
        *full, rest = list(group(self._held, self._limits)) or [()]
        self._held = list(rest)
        self._note(full, listed=True)

    def finish(self, owed: Iterable[ObjectRef]) -> None:
        """Plan what waits, and then the objects that earlier runs left unfinished."""
        self._note(list(group(self._held, self._limits)), listed=True)
        self._held = []
        self._note(list(group(owed, self._limits)), listed=False)

    def _note(self, parts: Sequence[Sequence[ObjectRef]], *, listed: bool) -> None:
        runs.plan(self._job.store.client(), self._job.run, self._kind, parts, first=self.count, listed=listed)
        self.count += len(parts)


def _pages(wanted: Wanted, job: Job) -> Iterator[_Page]:
    if wanted.given is not None:
        yield from (_Page(wanted.given[first : first + PAGE]) for first in range(0, len(wanted.given), PAGE))
        return
    for bucket, prefix in map(s3.split_url, wanted.urls):
        if not wanted.selections:
            refs = s3.list_objects(bucket, prefix, job.access)
            yield from (_Page(page) for page in iter(lambda refs=refs: list(islice(refs, PAGE)), []))  # type: ignore[misc]
        for kind, chosen in wanted.selections.items():
            refs = selection.objects(bucket, prefix, chosen, kind, job.access)
            yield from (_Page(page, kind) for page in iter(lambda refs=refs: list(islice(refs, PAGE)), []))  # type: ignore[misc]


def _sorted_out(refs: Sequence[ObjectRef], only: ObjectKind | None, wanted: Wanted, job: Job) -> _Found:
    done = receipts.kinds(job.store.client(), (ref.object_id for ref in refs))
    owed = {each.ref.object_id for each in wanted.owed}
    found = _Found()
    for ref, kind in zip(refs, _kinds(refs, done, job), strict=True):
        # A listing of one kind: everything that is not CloudTrail is counted with the flow logs.
        if only is not None and (kind is ObjectKind.CLOUDTRAIL) != (only is ObjectKind.CLOUDTRAIL):
            continue
        if ref.object_id in owed and isinstance(kind, ObjectKind):
            continue  # planned with what earlier runs left
        found.counts["listed"] += 1
        if isinstance(kind, BadObject):
            found.counts["aside"] += 1
            found.letters.append(DeadLetter(ref, kind.reason, kind.detail))
        elif ref.object_id in done:
            found.counts["known"] += 1
        elif kind is ObjectKind.OTHER:
            found.counts["other"] += 1
        elif ref.object_id in wanted.busy:
            found.counts["busy"] += 1
        else:
            found.counts["planned"] += 1
            found.new.setdefault(kind, []).append(ref)
    return found


def _kinds(refs: Sequence[ObjectRef], done: Mapping[int, ObjectKind], job: Job) -> list[ObjectKind | BadObject]:
    """By receipt, by key, or else by first bytes."""

    def kind(ref: ObjectRef) -> ObjectKind | BadObject:
        known = done.get(ref.object_id) or kind_of_key(ref.key)
        if known is not None:
            return known
        if not ref.size:
            return ObjectKind.OTHER
        try:
            return kind_of_head(s3.read_head(ref, HEAD_BYTES, job.access), job.log_format or None)
        except BadObject as error:
            return error

    with ThreadPoolExecutor(s3.READERS) as pool:
        return list(pool.map(kind, refs))
