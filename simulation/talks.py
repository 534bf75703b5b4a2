"""Who wants to talk to whom, and when: drawn from the seed alone, regardless of what happens to the traffic.

Addresses are from the ranges reserved for documentation (RFC 5737) and, for scanners, for benchmarks (RFC 2544).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from simulation.fates import Ints
from simulation.network import Network

Floats = NDArray[np.float64]
Ends = Ints | int
TCP = 6

HTTP_CLIENTS, SSH_ADMINS, SERVICES, SCANNERS = 30, 4, 5, 240
EPHEMERAL = (32768, 60900)  # leaves space for the later sockets of a conversation
SCANS_PER_MINUTE = 6.0
SCAN_BURSTS = 3
CLOSED_PORTS = (
    23,
    25,
    110,
    135,
    139,
    443,
    445,
    1433,
    2323,
    3306,
    3389,
    5060,
    5555,
    5900,
    6379,
    8080,
    8443,
    9200,
    27017,
)
OPEN_PORTS = (22, 80)


class Kind(IntEnum):
    """The purpose of a conversation."""

    HTTP = 0
    SSH = 1
    SERVICE = 2
    DATABASE = 3
    SCAN = 4


@dataclass(frozen=True)
class Talks:
    """Intended conversations, one array per attribute. `begin` and `length` are seconds, `src` and `dst` index
    `addresses`, `key` identifies a conversation in every random draw about it."""

    addresses: tuple[str, ...]
    http_clients: tuple[str, ...]
    ssh_admins: tuple[str, ...]
    kind: Ints
    begin: Floats
    length: Floats
    src: Ints
    dst: Ints
    src_port: Ints
    dst_port: Ints
    protocol: Ints
    key: NDArray[np.uint64]


class _Columns:
    """Collects conversations block by block."""

    def __init__(self) -> None:
        self.blocks: list[tuple[Floats, ...]] = []

    def add(
        self, kind: Kind, times: tuple[Floats, Floats], ends: tuple[Ends, Ends], ports: tuple[Ends, Ends, Ends]
    ) -> None:
        """`times` are start times and lengths; `ports` are source port, destination port and protocol."""
        columns = (np.full(len(times[0]), int(kind)), *times, *ends, *ports)
        self.blocks.append(tuple(np.broadcast_arrays(*columns)))


def draw(seed: int, network: Network, begin: float, end: float) -> Talks:
    """Conversations that start in `[begin, end)`, seconds since 1970."""
    rng = np.random.default_rng(seed)
    people = _sample(rng, ("192.0.2.", "203.0.113."), HTTP_CLIENTS + SSH_ADMINS)
    services = _sample(rng, ("198.51.100.",), SERVICES)
    scanners = [f"198.{18 + n // 65536}.{n // 256 % 256}.{n % 256}" for n in rng.choice(2 * 65536, SCANNERS, False)]
    addresses = (network.web.address, network.db.address, *people, *services, *scanners)
    web, db = 0, 1
    http, ssh, outside, scan = np.split(np.arange(2, len(addresses)), np.cumsum([HTTP_CLIENTS, SSH_ADMINS, SERVICES]))

    columns = _Columns()
    for client in http:
        times = _arrivals(
            rng, begin, end, rng.uniform(25, 70), lambda n: np.clip(rng.lognormal(-0.3, 0.9, n), 0.05, 20)
        )
        columns.add(Kind.HTTP, times, (client, web), (_ephemeral(rng, times[0]), 80, TCP))
    for admin in ssh:
        times = _arrivals(rng, begin, end, 60, lambda n: np.clip(rng.exponential(120, n), 15, 900))
        columns.add(Kind.SSH, times, (admin, web), (_ephemeral(rng, times[0]), 22, TCP))
    for service in outside:
        times = _arrivals(rng, begin, end, rng.uniform(45, 90), lambda n: rng.uniform(0.2, 10, n))
        columns.add(Kind.SERVICE, times, (web, service), (_ephemeral(rng, times[0]), 443, TCP))
    times = _arrivals(rng, begin, end, 50, lambda n: rng.uniform(1, 20, n))
    columns.add(Kind.DATABASE, times, (web, db), (_ephemeral(rng, times[0]), 5432, TCP))
    _add_scans(columns, rng, (begin, end), scan, web)

    kind, start, length, src, dst, src_port, dst_port, protocol = (
        np.concatenate(column) for column in zip(*columns.blocks, strict=True)
    )
    return Talks(
        addresses=addresses,
        http_clients=tuple(addresses[i] for i in http),
        ssh_admins=tuple(addresses[i] for i in ssh),
        kind=kind.astype(np.int64),
        begin=start.astype(np.float64),
        length=length.astype(np.float64),
        src=src.astype(np.int64),
        dst=dst.astype(np.int64),
        src_port=src_port.astype(np.int64),
        dst_port=dst_port.astype(np.int64),
        protocol=protocol.astype(np.int64),
        key=rng.integers(0, 2**63, len(start), dtype=np.uint64),
    )


def _add_scans(columns: _Columns, rng: np.random.Generator, period: tuple[float, float], scan: Ints, web: int) -> None:
    """Scanners come back all day, some more often than others; occasionally one of them tries many ports at once."""
    n = rng.poisson(SCANS_PER_MINUTE * (period[1] - period[0]) / 60)
    often = 1 / np.arange(1, len(scan) + 1)
    who = rng.choice(scan, n, p=often / often.sum())
    port = np.where(rng.random(n) < 0.7, rng.choice(CLOSED_PORTS, n), rng.integers(1, 65536, n))
    port = np.where(rng.random(n) < 0.08, rng.choice(OPEN_PORTS, n), port)
    protocol = np.where(np.isin(port, OPEN_PORTS), 6, rng.choice([6, 17, 1], n, p=[0.85, 0.1, 0.05]))
    has_ports = protocol != 1
    ports = (rng.integers(1024, 65000, n) * has_ports, port * has_ports, protocol)
    columns.add(Kind.SCAN, (rng.uniform(*period, n), rng.uniform(0.05, 0.8, n)), (who, web), ports)
    for at in rng.uniform(*period, SCAN_BURSTS):
        n = int(rng.integers(30, 90))
        probes = at + np.sort(rng.uniform(0, rng.uniform(20, 120), n))
        tried = (rng.integers(1024, 65000, n), rng.choice(10000, n, False) + 1, TCP)
        columns.add(Kind.SCAN, (probes, np.full(n, 0.1)), (int(rng.choice(scan)), web), tried)


def _sample(rng: np.random.Generator, networks: tuple[str, ...], n: int) -> list[str]:
    """Distinct addresses from these /24 networks, in random order."""
    pool = [f"{network}{host}" for network in networks for host in range(1, 255)]
    return [pool[i] for i in rng.choice(len(pool), n, False)]


def _arrivals(
    rng: np.random.Generator, begin: float, end: float, gap: float, lengths: Callable[[int], Floats]
) -> tuple[Floats, Floats]:
    """Start times and lengths of one peer's consecutive conversations, with a mean pause of `gap` seconds."""
    n = int((end - begin) / gap * 2) + 20
    length = lengths(n)
    start = begin + np.cumsum(rng.exponential(gap, n)) + np.concatenate(([0.0], np.cumsum(length[:-1])))
    kept = start < end
    return start[kept], length[kept]


def _ephemeral(rng: np.random.Generator, like: Floats) -> Ints:
    return rng.integers(EPHEMERAL[0], EPHEMERAL[1] + 1, len(like))
