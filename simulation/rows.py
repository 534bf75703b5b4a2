"""From what an interface sees to the records in its flow log.

How a lost route looks in flow logs is not documented, hence `Reading`. Source for the shape of records (flags, packets,
times): the flow log record reference and its worked examples.
"""

from dataclasses import dataclass, fields
from enum import Enum

import numpy as np

from simulation.fates import Ints
from simulation.segments import Bools
from simulation.talks import TCP, Floats, Kind
from simulation.views import LOST, REJECT, REPLY_ACCEPT, REPLY_LOST, REPLY_REJECT, View

FIN, SYN, RST, SYN_ACK = 1, 2, 4, 18
PATH_VPC, PATH_INTERNET = 1, 8
LATE_SHARE = 0.006
RETRIES = np.array([0, 1, 3])
"""Seconds after the first SYN at which a SYN is sent."""

# By Kind: packets (least, most), additional packets per second, and bytes per packet (least, most).
REQUEST = np.array(
    [(6, 12, 0, 100, 125), (18, 40, 1.5, 80, 150), (8, 16, 0, 90, 200), (6, 30, 0, 90, 200), (3, 4, 0, 44, 60)]
)
REPLY = np.array(
    [(8, 20, 0, 300, 1200), (18, 40, 1.5, 100, 300), (8, 30, 0, 300, 1300), (6, 30, 0, 150, 900), (2, 3, 0, 44, 80)]
)


class Reading(Enum):
    """What flow logs show of a conversation whose answers are lost because a route is missing."""

    ANSWERS_LOGGED = "answers-logged"
    ANSWERS_NOT_LOGGED = "answers-not-logged"
    NOTHING_LOGGED = "nothing-logged"


@dataclass(frozen=True)
class Rows:
    """Flow log records of one interface, an array per field. Times are whole seconds since 1970; `path` 0 means `-`."""

    begin: Ints
    end: Ints
    src: Ints
    dst: Ints
    src_port: Ints
    dst_port: Ints
    protocol: Ints
    packets: Ints
    bytes: Ints
    flags: Ints
    rejected: Bools
    egress: Bools
    path: Ints

    def __len__(self) -> int:
        return len(self.begin)

    def take(self, chosen: Ints | Bools) -> "Rows":
        """These rows, in this order."""
        return Rows(*(getattr(self, field.name)[chosen] for field in fields(self)))


def together(parts: list[Rows]) -> Rows:
    """All rows of all parts, in order."""
    return Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))


def rows_of(view: View, reading: Reading, until: int) -> Rows:
    """Every record of the interface that ends before `until`, seconds since 1970."""
    logged = view.arrives & ~((view.outcome == LOST) & (reading is Reading.NOTHING_LOGGED))
    answers = (REPLY_ACCEPT, REPLY_REJECT, *((REPLY_LOST,) if reading is Reading.ANSWERS_LOGGED else ()))
    answered = logged & np.isin(view.reply, answers)
    rows = together([_requests(view).take(logged), _replies(view).take(answered), _late_packets(view)])
    return rows.take(rows.end < until)


def _requests(view: View) -> Rows:
    scan = view.works & (view.of_talk(view.talks.kind) == Kind.SCAN)  # a scanner resets the connection it opened
    flags = np.where(scan, SYN | RST, _flags(view, SYN))
    return _rows(view, REQUEST, flags, view.action == REJECT, reply=False)


def _replies(view: View) -> Rows:
    return _rows(view, REPLY, _flags(view, SYN_ACK), view.reply == REPLY_REJECT, reply=True)


def _flags(view: View, opening: int) -> Ints:
    """SYN or SYN-ACK where a socket opens, FIN where a working conversation ends."""
    return opening * view.opens + FIN * (view.works & view.segments.last)


def _rows(view: View, table: Floats, flags: Ints, rejected: Bools, *, reply: bool) -> Rows:
    begin, end, tries = _times(view)
    packets, size = _volume(view, table, tries)
    src, dst = view.of_talk(view.talks.src), view.of_talk(view.talks.dst)
    ports = view.src_port, view.of_talk(view.talks.dst_port)
    protocol = view.of_talk(view.talks.protocol)
    egress = view.inbound if reply else ~view.inbound
    path = np.where(view.of_talk(view.talks.kind) == Kind.DATABASE, PATH_VPC, PATH_INTERNET)
    return Rows(
        begin=begin,
        end=end,
        src=dst if reply else src,
        dst=src if reply else dst,
        src_port=ports[reply],
        dst_port=ports[not reply],
        protocol=protocol,
        packets=packets,
        bytes=size,
        flags=np.where(protocol == TCP, flags, 0),
        rejected=rejected,
        egress=egress,
        path=np.where(egress & ~rejected & (view.outcome != LOST), path, 0),
    )


def _times(view: View) -> tuple[Ints, Ints, Ints]:
    """First and last second of each record, within its window and configuration, and the number of attempts."""
    segments = view.segments
    room = segments.limit - segments.begin
    again = view.opens & ~segments.first  # a new socket, opened some time into the window
    begin = np.floor(segments.begin + np.where(again, view.roll(1) * np.minimum(5, room / 2), 0)).astype(np.int64)
    tries = 1 + (3 * view.roll(2)).astype(np.int64)
    tries = np.minimum(tries, np.searchsorted(RETRIES, segments.limit - 1 - begin, side="right"))
    last = np.select(
        [view.works, view.breaks],
        [np.floor(segments.end), np.floor(begin + 15 * view.roll(3))],
        begin + RETRIES[tries - 1],
    ).astype(np.int64)
    return begin, np.maximum(np.minimum(last, segments.limit - 1), begin), tries


def _volume(view: View, table: Floats, tries: Ints) -> tuple[Ints, Ints]:
    """Packets and bytes. Part of a working conversation gets its share; where a conversation breaks, a few packets are
    sent again; an attempt is only SYNs, or the answers to them."""
    segments = view.segments
    least, most, a_second, small, large = table[view.of_talk(view.talks.kind)].T
    salt = 4 if table is REQUEST else 7
    seconds = segments.end - segments.begin
    share = seconds / np.maximum(view.of_talk(view.talks.length), 0.001)
    alive = np.maximum(np.minimum(share, 1) * view.between(least, most + 1, salt), 2) + a_second * seconds
    packets = np.select([view.works, view.breaks], [alive, 2 + 4 * view.roll(salt)], tries).astype(np.int64)
    each = np.select(
        [view.works, view.breaks],
        [view.between(small, large, salt + 1), view.between(60, 120, salt + 1)],
        40 + 4 * np.floor(6 * view.roll(salt + 1)),
    )
    return packets, (packets * each).astype(np.int64)


def _late_packets(view: View) -> Rows:
    """Occasionally a peer's packet arrives after the connection is closed and forgotten: a meaningless REJECT."""
    late = np.flatnonzero(
        view.works
        & view.segments.last
        & np.isin(view.of_talk(view.talks.kind), (Kind.HTTP, Kind.SSH, Kind.SERVICE))
        & (view.roll(10) < LATE_SHARE)
    )
    inbound, port = view.inbound[late], view.src_port[late]
    talk = view.segments.talk[late]
    src, dst, service = view.talks.src[talk], view.talks.dst[talk], view.talks.dst_port[talk]
    at = _times(view)[1][late] + 4 + (50 * view.roll(11)[late]).astype(np.int64)
    one, none = np.ones(len(late), dtype=np.int64), np.zeros(len(late), dtype=np.int64)
    return Rows(
        begin=at,
        end=at,
        src=np.where(inbound, src, dst),
        dst=np.where(inbound, dst, src),
        src_port=np.where(inbound, port, service),
        dst_port=np.where(inbound, service, port),
        protocol=TCP * one,
        packets=one,
        bytes=40 * one,
        flags=np.array([0, FIN, RST])[(3 * view.roll(12)[late]).astype(np.int64)],
        rejected=one > 0,
        egress=none > 0,
        path=none,
    )
