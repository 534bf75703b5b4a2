"""Plans of what a bucket of flow logs contains; nothing is generated yet."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from simulation.bulk.batch import BLOCK, batch
from simulation.bulk.dice import rolls
from simulation.bulk.fields import TRANSIT_FIELDS, VERSIONS, Field, fields_up_to, log_format
from simulation.bulk.flows import SLOT, Traffic
from simulation.bulk.keys import Layout, flow_log_id, object_key
from simulation.bulk.text import lines

BEGIN = 1_793_491_200
"""2026-11-01T00:00:00Z, the default start of buckets."""

TOGETHER = BLOCK // 4
"""Most records of small objects that are generated together; few enough to keep all threads busy."""

V2 = fields_up_to(2)
USUAL = Traffic()
PLAIN = Layout()


@dataclass(frozen=True)
class FlowLog:
    """A flow log: what it logs, in which format and layout. Logs with the same traffic contain the same records."""

    fields: tuple[Field, ...] = V2
    traffic: Traffic = USUAL
    name: str = "first"
    layout: Layout = PLAIN
    parquet: bool = False
    dashes: bool = False
    """In Parquet: `-` instead of null in text columns."""
    wide_protocol: bool = False

    @property
    def id(self) -> str:
        return flow_log_id(self.name)


@dataclass(frozen=True)
class Planned:
    """An object: `rows` records of a stream of the log's traffic, from its record `first` on, that end in the five
    minutes after `slot`. The time in its name is `delay` seconds later."""

    log: FlowLog
    slot: int
    rows: int
    stream: int = 0
    first: int = 0
    part: int = 0
    delay: int = 0

    @property
    def key(self) -> str:
        log, at = self.log, self.slot + self.delay
        place = (log.layout, log.traffic.account, log.traffic.region, log.id)
        return object_key(*place, at=at, part=self.part, parquet=log.parquet)

    def late(self, hours: int) -> "Planned":
        """The same object, with its records hours older than its name says."""
        return replace(self, delay=hours * 3600)

    def again(self, part: int) -> "Planned":
        """The same records of the same flow log in a second object."""
        return replace(self, part=part)

    def by(self, log: FlowLog) -> "Planned":
        """The same records as delivered by another flow log that covers the same interfaces."""
        return replace(self, log=log)


@dataclass(frozen=True)
class Bucket:
    """Planned objects, in delivery order."""

    objects: tuple[Planned, ...]

    @property
    def rows(self) -> int:
        return sum(planned.rows for planned in self.objects)

    def __add__(self, other: "Bucket") -> "Bucket":
        return Bucket(self.objects + other.objects)

    def groups(self) -> Iterator[list[Planned]]:
        """Consecutive objects of the same log that continue the same stream, so that they can be generated together."""
        group: list[Planned] = []
        rows = 0
        for planned in self.objects:
            if group and (rows + planned.rows > TOGETHER or not _continues(group[-1], planned)):
                yield group
                group, rows = [], 0
            group.append(planned)
            rows += planned.rows
        if group:
            yield group


def tiny(
    n_objects: int = 20_000,
    rows: tuple[int, int] = (1, 50),
    *,
    log: FlowLog = FlowLog(),
    begin: int = BEGIN,
    slots: int = 288,
) -> Bucket:
    """Many objects with few records each (`rows`: least, most), spread over `slots` times five minutes."""
    least, most = rows
    roll = rolls(np.arange(n_objects, dtype=np.uint64), "rows", log.traffic.seed)
    sizes = (least + (most + 1 - least) * roll).astype(np.int64).tolist()
    firsts = accumulate(sizes, initial=0)
    return Bucket(
        tuple(
            Planned(log, begin + SLOT * (number * slots // n_objects), size, first=first, part=number)
            for number, (size, first) in enumerate(zip(sizes, firsts, strict=False))
        )
    )


def large(
    n_objects: int,
    rows_each: int,
    *,
    log: FlowLog = FlowLog(),
    begin: int = BEGIN,
    per_slot: int = 1,
) -> Bucket:
    """Few objects with many records each, `per_slot` of them in each five minutes. No two have a record in common."""
    return Bucket(
        tuple(
            Planned(log, begin + SLOT * (number // per_slot), rows_each, stream=number, part=number)
            for number in range(n_objects)
        )
    )


def one_giant(
    inflated_bytes: int = 1 << 30,
    *,
    log: FlowLog = FlowLog(),
    begin: int = BEGIN,
) -> Bucket:
    """One object whose text has about `inflated_bytes` bytes, or slightly more."""
    sample = batch(log.fields, log.traffic, BLOCK, slot=begin)
    rows = int(inflated_bytes / len(lines(sample.table)) * BLOCK * 1.002) + 1
    return Bucket((Planned(log, begin, rows),))


def assortment(rows: int = 400, *, seed: int = 0, begin: int = BEGIN) -> Bucket:
    """Some of everything: each version, custom field orders, all key layouts, two accounts and regions, windows of 60
    and 600 s, all variants of Parquet, an unknown field, late objects, objects delivered twice, two flow logs that
    cover the same interfaces, and transit gateway logs."""
    here, there = Traffic(seed), Traffic(seed, account="000000000042", region="eu-central-1", window=600, interfaces=40)
    layouts = [Layout(hive=hive, hourly=hourly) for hive in (False, True) for hourly in (False, True)]
    order = log_format("end start flow-direction dstport srcaddr action pkt-dstaddr bytes interface-id log-status")
    v5, v11 = fields_up_to(5), fields_up_to(11)
    unheard = (*fields_up_to(3), Field("quantum-state", 12))
    logs = [FlowLog(fields_up_to(v), here, f"version {v}", layouts[i % 4]) for i, v in enumerate(VERSIONS)]
    logs += [FlowLog(v5[::-1], there, "backwards", layouts[3]), FlowLog(order, there, "own order")]
    logs += [FlowLog(v5, there, "prefix", Layout("team/net work")), FlowLog(unheard, here, "unheard")]
    logs += [
        FlowLog(v5, here, "parquet", layouts[2], parquet=True),
        FlowLog(v11, there, "dashes", parquet=True, dashes=True, wide_protocol=True),
        FlowLog(TRANSIT_FIELDS, here, "transit"),
        FlowLog(TRANSIT_FIELDS, there, "transit parquet", layouts[1], parquet=True),
    ]
    plain = [Planned(log, begin + SLOT * number, rows, stream=number) for number, log in enumerate(logs)]
    odd = [plain[0].again(1), plain[1].late(7), plain[3].by(replace(logs[3], name="overlap")), plain[13].late(30)]
    return Bucket((*plain, *odd))


def _continues(last: Planned, following: Planned) -> bool:
    return (
        last.log == following.log
        and not last.log.parquet
        and last.stream == following.stream
        and last.first + last.rows == following.first
    )
