"""What records are about: who talks to whom, when and how much, and whether it is accepted. Numbers only.

Records come in pairs of a request and its answer, and pairs in runs with the same interface and window, because AWS
flushes an interface's window at once. Their shape follows the AWS flow log record reference and its worked examples.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from simulation.bulk.dice import Bools, Floats, Ids, Ints, bits, rolls
from simulation.bulk.fleet import Fleet, fleet

SLOT = 300
"""Seconds of records in one object."""

OK, NODATA, SKIPDATA = 0, 1, 2
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SYN_ACK = SYN | ACK
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58

NEEDLE = "203.0.113.7"
"""An outside host that occurs only in the records of `needle_share`: rejected, from this host, to port 22."""

OUTSIDE_HOSTS = 1 << 22
_NEEDLE_NUMBER = 0xCB007107
_PUBLIC = np.array([n for n in range(1, 224) if n not in (10, 100, 127, 169, 172, 192, 198, 203)])
"""First octets of outside hosts: never private, reserved or that of the needle."""

RUN = np.uint64(24)
ANY_PORT = -1

# Protocol, port, share of conversations, share of those that are within the account.
_SERVED = np.array(
    [
        (TCP, 443, 0.34, 0.25),
        (TCP, 80, 0.10, 0.2),
        (UDP, 53, 0.12, 0.9),
        (TCP, 5432, 0.09, 0.97),
        (TCP, 6379, 0.09, 0.99),
        (TCP, 3306, 0.04, 0.97),
        (TCP, 9092, 0.05, 0.99),
        (TCP, 8080, 0.06, 0.8),
        (TCP, 22, 0.03, 0.6),
        (UDP, 443, 0.04, 0.0),
        (UDP, 123, 0.02, 0.1),
        (ICMP, 0, 0.02, 0.5),
    ]
)
_PROBED = np.array(
    [
        (TCP, 22, 0.20, 0.02),
        (TCP, 23, 0.15, 0.0),
        (TCP, 3389, 0.12, 0.0),
        (TCP, 445, 0.10, 0.05),
        (UDP, 5060, 0.06, 0.0),
        (TCP, ANY_PORT, 0.35, 0.02),
        (ICMP, 0, 0.02, 0.0),
    ]
)
_PROTOCOLS, _PORTS = np.concatenate([_SERVED, _PROBED]).astype(np.int64).T[:2].copy()
_INSIDE = np.concatenate([_SERVED, _PROBED])[:, 3].copy()


def _picks(table: Floats, first: int) -> Ints:
    """1024 row numbers of the table (plus `first`), each row as often as its share."""
    places = (np.arange(1024) + 0.5) / 1024 * table[:, 2].sum()
    found: Ints = first + np.searchsorted(np.cumsum(table[:, 2]), places)
    return found


_PICKS = _picks(_SERVED, 0), _picks(_PROBED, len(_SERVED))


@dataclass(frozen=True)
class Traffic:
    """Parameters of the records. Shares are fractions of all records, and are approximate."""

    seed: int = 0
    account: str = "123456789012"
    region: str = "us-east-1"
    interfaces: int = 64
    window: Literal[60, 600] = 60
    """`MaxAggregationInterval` in seconds; interfaces of Nitro instances always use 60."""
    reject_share: float = 0.15
    ipv6_share: float = 0.04
    nodata_share: float = 0.01
    skipdata_share: float = 0.0005
    twice_share: float = 0.001
    """Records that are identical to the previous one, which is legal."""
    needle_share: float = 0.0

    @property
    def fleet(self) -> Fleet:
        return fleet(self.interfaces, self.account, self.region, self.seed)


def numbered(stream: int, first: int, rows: int, traffic: Traffic) -> Ids:
    """The numbers of `rows` records of a stream, from `first` on; a copy has the number of the record it repeats."""
    ids = np.arange(first, first + rows, dtype=np.uint64) + np.uint64(stream << 32)
    if traffic.twice_share > 0:
        copied = rolls(ids, "twice", traffic.seed) < traffic.twice_share
        model_copied = rolls(ids - np.uint64(1), "twice", traffic.seed) < traffic.twice_share
        ids = ids - (copied & ~model_copied & (np.arange(first, first + rows) > 0))
    return ids


class Flows:
    """Records by number. `slot` (seconds since 1970, one or per record) starts the five minutes that they end in."""

    def __init__(self, traffic: Traffic, ids: Ids, slot: int | Ints) -> None:
        self.traffic = traffic
        self.fleet = traffic.fleet
        self.ids = ids
        self.pair = ids >> np.uint64(1)
        self.slot = slot

    def __len__(self) -> int:
        return len(self.ids)

    def roll(self, question: str) -> Floats:
        """A different number for each record."""
        return rolls(self.ids, question, self.traffic.seed)

    def roll_pair(self, question: str) -> Floats:
        """The same number for a request and its answer."""
        return rolls(self.pair, question, self.traffic.seed)

    @cached_property
    def status(self) -> Ints:
        roll, nodata = self.roll("status"), self.traffic.nodata_share
        return np.where(roll < nodata, NODATA, np.where(roll < nodata + self.traffic.skipdata_share, SKIPDATA, OK))

    @cached_property
    def ok(self) -> Bools:
        good: Bools = self.status == OK
        return good

    @cached_property
    def needle(self) -> Bools:
        return self.ok & (self.roll("needle") < self.traffic.needle_share)

    @cached_property
    def interface(self) -> Ints:
        here = self.fleet
        run = rolls(self.pair // RUN, "interface", self.traffic.seed)
        active = (here.active * run**1.7).astype(np.int64)
        if not here.idle:
            return active
        idle = here.active + (here.idle * self.roll("idle")).astype(np.int64)
        return np.where(self.status == NODATA, idle, active)

    @cached_property
    def blocked(self) -> Bools:
        """The request is rejected, so there is no answer; both records of the pair are attempts."""
        return (self._fate < 0.88 * self.traffic.reject_share) | self.needle

    @cached_property
    def mirrored(self) -> Bools:
        """The request is accepted and the answer rejected, as a network ACL does."""
        share = self.traffic.reject_share
        return (self._fate >= 0.88 * share) & (self._fate < 1.04 * share) & ~self.needle

    @cached_property
    def late(self) -> Bools:
        """Packets that arrive after the connection was closed; both records of the pair."""
        share = self.traffic.reject_share
        return (self._fate >= 1.04 * share) & (self._fate < 1.08 * share) & ~self.needle

    @cached_property
    def rejected(self) -> Bools:
        return self.blocked | self.late | (self.mirrored & self.odd)

    @cached_property
    def odd(self) -> Bools:
        return (self.ids & np.uint64(1)).astype(bool)

    @cached_property
    def answer(self) -> Bools:
        """The packets go from the server to the client."""
        return (self.odd & ~self.blocked) | self.late

    @cached_property
    def inbound(self) -> Bools:
        """The conversation was opened by the other side."""
        asked = self.roll_pair("inbound")
        share = np.where(self.blocked, 0.95, 0.55)
        return ((asked < share) | self.mirrored | self.needle) & ~self.late

    @cached_property
    def egress(self) -> Bools:
        return ~(self.inbound ^ self.answer)

    @cached_property
    def v6(self) -> Bools:
        wanted = self.roll_pair("v6") < self.traffic.ipv6_share
        return wanted & ~self.needle & ~self.nat

    @cached_property
    def nat(self) -> Bools:
        return self.fleet.nat[self.interface]

    @cached_property
    def protocol(self) -> Ints:
        return np.where(self.v6 & (self._service[0] == ICMP), ICMP6, self._service[0])

    @cached_property
    def ports(self) -> tuple[Ints, Ints]:
        """Source and destination port; 0 for protocols without ports."""
        low = np.where(self.roll_pair("old client") < 0.1, 1024, 32768)
        roll = np.where(self.blocked, self.roll("client port"), self.roll_pair("client port"))
        client = low + (roll * (60999 - low)).astype(np.int64)
        client = np.where((self.protocol == ICMP) | (self.protocol == ICMP6), 0, client)
        server = self._service[1]
        return np.where(self.answer, server, client), np.where(self.answer, client, server)

    @cached_property
    def peer(self) -> Ints:
        """The interface at the other end; -1 if it is outside or not known."""
        active = self.fleet.active
        inside = (self.roll_pair("inside") < np.where(self.nat, 0.5, self._service[2])) & ~self.needle
        peer = (active * self.roll_pair("peer")).astype(np.int64)
        peer = np.where(peer == self.interface, (peer + 1) % active, peer)
        return np.where(inside & (peer != self.interface), peer, -1)

    @cached_property
    def outside(self) -> Ids:
        """The outside host at the other end, if there is one: few hosts have most of the traffic."""
        rank: Floats = np.exp(self.roll_pair("outside") * np.log(OUTSIDE_HOSTS))
        return rank.astype(np.uint64)

    @cached_property
    def outside_address(self) -> Ints:
        """The IPv4 address of the outside host, as a number."""
        drawn = bits(self.outside, "address")
        first = _PUBLIC[(drawn >> np.uint64(32)).astype(np.int64) % len(_PUBLIC)]
        return np.where(self.needle, _NEEDLE_NUMBER, (first << 24) | (drawn & np.uint64(0xFFFFFF)).astype(np.int64))

    @cached_property
    def window(self) -> Ints:
        return np.where(self.fleet.nitro[self.interface], 60, self.traffic.window)

    @cached_property
    def whole(self) -> Bools:
        """The conversation fills its window; so does a NODATA or SKIPDATA record."""
        return (self.roll_pair("whole") < 0.45) & ~self.rejected | ~self.ok

    @cached_property
    def times(self) -> tuple[Ints, Ints]:
        """Times of the first and last packet. `end` is in the slot; `start` is at most a window earlier."""
        minute = (5 * rolls(self.pair // RUN, "minute", self.traffic.seed)).astype(np.int64)
        last = self.slot + self.fleet.phase[self.interface] - 1 + 60 * minute
        opened = last - self.window + 1
        room = self.window - 1
        wait = np.where(self.whole, 2 * self.roll("wait"), room * self.roll_pair("start")).astype(np.int64)
        length = np.where(self.whole, room - wait - self.roll("cut"), (room - wait) * self.roll_pair("length") ** 3)
        start = opened + wait
        return start, np.maximum(start + length.astype(np.int64), self.slot)

    @cached_property
    def packets(self) -> Ints:
        many = np.exp(8 * self.roll_pair("packets") ** 2 + self.roll("more"))
        many = np.where(self.roll_pair("elephant") < 0.0004, many * 1e6 + 1e8, many)  # over 32 bits, like a long copy
        few = 1 + 3 * self.roll("attempts") ** 2
        return np.where(self.rejected, few, many).astype(np.int64)

    @cached_property
    def bytes(self) -> Ints:
        most = np.where(self.answer, 1400.0, 260.0) * self.roll("size")
        return self.packets * 40 + (self.packets * np.where(self.rejected, 4, most)).astype(np.int64) // 4 * 4

    @cached_property
    def flags(self) -> Ints:
        """TCP flags, ORed over the window; SYN-ACK is 18, and ACK alone is not recorded. 0 for other protocols."""
        life = self.roll_pair("life")
        opening = np.where(self.answer, SYN_ACK, SYN)
        closing = np.select([life < 0.85, life < 0.93], [FIN, RST], FIN | RST)
        part = np.select([life < 0.15, life < 0.8, life < 0.95], [opening, 0, FIN], RST)
        flags = np.where(self.whole, part, opening | closing)
        flags = np.where(self.late, np.select([life < 0.4, life < 0.7], [0, FIN], RST), flags)
        flags = np.where(self.blocked | self.mirrored, opening, flags)
        return np.where(self.protocol == TCP, flags, 0)

    @cached_property
    def _fate(self) -> Floats:
        return self.roll_pair("fate")

    @cached_property
    def _service(self) -> tuple[Ints, Ints, Floats]:
        """Protocol, service port, and share of conversations within the account."""
        pick = (self.roll_pair("service") * len(_PICKS[0])).astype(np.int64)
        drawn = np.where(self.blocked, _PICKS[1][pick], _PICKS[0][pick])
        protocol, port = _PROTOCOLS[drawn], _PORTS[drawn]
        port = np.where(port == ANY_PORT, 1 + (65535 * self.roll("any port")).astype(np.int64), port)
        answers = self.late | self.mirrored
        protocol = np.where(answers | self.needle, TCP, protocol)
        port = np.where(answers, 443, np.where(self.needle, 22, port))
        return protocol, port, _INSIDE[drawn]
