"""What travels through ingest: the job, loads of object references, and what reading makes of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from connectors.aws.access import DEFAULT, Access
from connectors.store.clickhouse import Store
from pipelines.ingest.parse.time_bounds import TimeRule
from schemas.columnar.batch import Batch
from schemas.ledger import DeadLetter
from schemas.object_ref import ObjectKind, ObjectRef
from schemas.times import TIME_BOUND

MAX_OBJECTS = 2_000
MAX_BYTES = 16 << 20

NOTHING = Batch((), {})


@dataclass(frozen=True)
class Job:
    """What every step of a run needs to know. It travels to the workers, so it holds settings and names only, and no
    secret. `log_format`: the AWS field names of flow logs without a header; () for version 2. `time_bound`: how far
    from what its object's name says a record may be. `now`: when the run began; the same for every worker, so that a
    retry decides alike."""

    store: Store
    run: str
    access: Access = DEFAULT
    log_format: tuple[str, ...] = ()
    time_bound: timedelta = TIME_BOUND
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def rule(self) -> TimeRule:
        """Which times records may have."""
        return TimeRule(self.now, self.time_bound)


@dataclass(frozen=True)
class Limits:
    """The most that a load holds (stored bytes; a single object may exceed this), which bounds the memory of ingest."""

    objects: int = MAX_OBJECTS
    stored_bytes: int = MAX_BYTES


@dataclass(frozen=True)
class Load:
    """Objects of one kind that are read and written together, by reference only."""

    kind: ObjectKind
    refs: tuple[ObjectRef, ...]


@dataclass(frozen=True)
class ReadLoad:
    """Parsed objects of a load; those that could not be read are dead letters."""

    batch: Batch = NOTHING
    letters: tuple[DeadLetter, ...] = ()


@dataclass(frozen=True)
class LargeObject:
    """An object that is too large to hold in memory: it is read while it is written, piece by piece."""

    ref: ObjectRef


@dataclass(frozen=True)
class Outcome:
    """What became of objects: loaded by this run (`done`), loaded by others (`known`), left to a live process that is
    loading them (`busy`), not logs at all (`other`), or not readable (`letters`)."""

    done: tuple[ObjectRef, ...] = ()
    known: tuple[ObjectRef, ...] = ()
    busy: tuple[ObjectRef, ...] = ()
    other: tuple[ObjectRef, ...] = ()
    letters: tuple[DeadLetter, ...] = ()

    def __add__(self, more: "Outcome") -> "Outcome":
        return Outcome(
            self.done + more.done,
            self.known + more.known,
            self.busy + more.busy,
            self.other + more.other,
            self.letters + more.letters,
        )


def group(refs: Iterable[ObjectRef], limits: Limits) -> Iterator[tuple[ObjectRef, ...]]:
    """Groups within `limits`, in the order of `refs`; an object that is larger than a load gets a group of its own.

    >>> small, large = ObjectRef("b", "small", "e", 10), ObjectRef("b", "large", "e", 999)
    >>> [[ref.key for ref in each] for each in group([small, large, small], Limits(stored_bytes=100))]
    [['small'], ['large'], ['small']]
    """
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
