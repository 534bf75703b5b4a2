"""Flow-log objects to measure with: deterministic, of lifelike entropy, made without a Python loop over rows.

A VPC of some hundred interfaces behind which clients, services and each other talk, minute by minute; the internet's
scan noise is rejected. A conversation gives two records with ends swapped. Within an object rows go by minute and
interface, as AWS's aggregation delivers them.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

V2 = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
)
V5 = (
    f"{V2} vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type"
    " sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path"
)
EPOCH = 1_795_132_800  # 2026-11-20T00:00:00Z
INTERFACES = 300
_CLIENTS, _SCANNERS = 4_000, 60_000
_NUMBER, _ADDRESS, _WORD = range(3)


@dataclass(frozen=True)
class Objects:
    """`count` objects of `rows` rows each, in version 2 or 5; object n begins `minutes` * n minutes after `epoch`."""

    count: int
    rows: int
    version: int = 2
    minutes: int = 5
    epoch: int = EPOCH
    seed: int = 1

    def text(self, n: int) -> bytes:
        """Object n, with its header."""
        return text(self.rows, self.version, self.epoch + 60 * self.minutes * n, self.minutes, self.seed * 100_003 + n)

    def stored(self, n: int, level: int = 6) -> bytes:
        """Object n as stored: gzip at the level that is usual."""
        return gzipped(self.text(n), level)

    def key(self, n: int) -> str:
        """A key as AWS names it."""
        return key(n)

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return ((self.key(n), self.stored(n)) for n in range(self.count))


def key(n: int) -> str:
    """The key of object n of a flow log, as AWS names it."""
    minute, hour = n * 5 % 60, n * 5 // 60 % 24
    folder = "AWSLogs/123456789012/vpcflowlogs/eu-central-1/2026/11/20"
    return f"{folder}/123456789012_vpcflowlogs_eu-central-1_fl-0a1b2c3d_20261120T{hour:02d}{minute:02d}Z_{n:08x}.log.gz"


def gzipped(text: bytes, level: int = 6) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


def text(rows: int, version: int, start: int, minutes: int, seed: int) -> bytes:
    """A header and `rows` records from `start` on."""
    header = {2: V2, 5: V5}[version]
    columns = _records(rows, start, minutes, np.random.default_rng(seed))
    words, kinds, table = _Words(), [], []
    for name in header.split():
        kind, values = columns[name](words) if callable(columns[name]) else columns[name]
        kinds.append(kind)
        table.append(np.broadcast_to(np.asarray(values, np.int64), rows))
    data, offsets = words.packed()
    out = np.empty(rows * (40 * len(kinds)), np.uint8)
    used = _write(out, np.stack(table), np.array(kinds), data, offsets)
    return header.encode() + b"\n" + out[:used].tobytes()


class _Words:
    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def codes(self, texts: list[str]) -> np.ndarray:
        return np.array([self._known.setdefault(text, len(self._known)) for text in texts])

    def packed(self) -> tuple[np.ndarray, np.ndarray]:
        encoded = [text.encode() for text in self._known]
        return np.frombuffer(b"".join(encoded), np.uint8), np.cumsum([0, *map(len, encoded)])


def _records(rows, start, minutes, rng):
    pairs = rows // 2 + 1
    minute = np.sort(rng.integers(0, minutes, pairs))
    interface = np.sort((INTERFACES * rng.random(pairs) ** 2).astype(np.int64) + minute * INTERFACES) % INTERFACES
    sort = rng.choice(4, pairs, p=[0.5, 0.25, 0.1, 0.15])  # served, called out, name lookups, scanned
    client = rng.zipf(1.2, pairs) % _CLIENTS
    outside = (52 << 24) + (client * 2_654_435_761) % (1 << 24)
    inside = _private(client % INTERFACES)
    peer = np.where(client % 3 == 0, inside, outside)
    scanner = ((rng.zipf(1.1, pairs) % _SCANNERS) * 40_503 + 7) * 65_537 % (1 << 32)
    peer = np.select([sort == 2, sort == 3], [np.full(pairs, (10 << 24) + 2), scanner | (1 << 24)], peer)
    mine = _private(interface)
    ephemeral = rng.integers(32_768, 61_000, pairs)
    service = np.array([443, 80, 5432, 8080, 6379, 22])[(interface + rng.integers(0, 2, pairs)) % 6]
    scanned = np.where(
        rng.random(pairs) < 0.6, rng.choice([22, 23, 3389, 445, 8080], pairs), rng.integers(1, 65_536, pairs)
    )
    service = np.select([sort == 1, sort == 2, sort == 3], [np.full(pairs, 443), np.full(pairs, 53), scanned], service)
    asks = np.isin(sort, (1, 2))  # the interface is the one who asks
    src, dst = np.where(asks, mine, peer), np.where(asks, peer, mine)
    packets = np.minimum(rng.lognormal(2.0, 1.3, pairs).astype(np.int64) + 1, 1 << 20)
    packets = np.select([sort == 2, sort == 3], [np.ones(pairs, np.int64), rng.integers(1, 4, pairs)], packets)
    size = np.select(
        [sort == 2, sort == 3], [rng.integers(60, 90, pairs), np.full(pairs, 40)], rng.integers(52, 1400, pairs)
    )
    begins = start + minute * 60 + rng.integers(0, 45, pairs)
    ends = np.minimum(begins + rng.integers(1, 60, pairs), start + minute * 60 + 60 + rng.integers(0, 4, pairs))
    # Two records per conversation, one per scan; what is too many is cut off.
    answered = sort != 3
    index = np.repeat(np.arange(pairs), np.where(answered, 2, 1))
    while len(index) < rows:
        index = np.concatenate([index, index[: rows - len(index)]])
    index = index[:rows]
    back = np.concatenate([[False], index[1:] == index[:-1]])
    pick = lambda values: values[index]  # noqa: E731
    number = lambda values: (_NUMBER, values)  # noqa: E731
    swap = lambda one, other: np.where(back, pick(other), pick(one))  # noqa: E731
    out_packets = np.where(back, np.maximum(pick(packets) * 4 // 5, 1), pick(packets))
    rejected = pick(sort == 3)
    egress = np.where(back, ~pick(asks), pick(asks))

    def word(texts, codes):
        return lambda words: (_WORD, words.codes(texts)[codes])

    who = pick(interface)
    source, target = swap(src, dst), swap(dst, src)
    return {
        "version": number(2),
        "account-id": word(["123456789012"], np.zeros(rows, np.int64)),
        "interface-id": word([f"eni-{n * 2_654_435_761 % 2**68:017x}" for n in range(1, INTERFACES + 1)], who),
        "srcaddr": (_ADDRESS, source),
        "dstaddr": (_ADDRESS, target),
        "srcport": number(swap(ephemeral, service)),
        "dstport": number(swap(service, ephemeral)),
        "protocol": number(np.where(pick(sort) == 2, 17, 6)),
        "packets": number(out_packets),
        "bytes": number(out_packets * pick(size)),
        "start": number(pick(begins)),
        "end": number(np.maximum(pick(ends), pick(begins))),
        "action": word(["ACCEPT", "REJECT"], rejected.astype(np.int64)),
        "log-status": word(["OK"], np.zeros(rows, np.int64)),
        "vpc-id": word(["vpc-0f1e2d3c4b5a69788"], np.zeros(rows, np.int64)),
        "subnet-id": word([f"subnet-0{n:016x}" for n in range(6)], who % 6),
        "instance-id": word([f"i-{n * 40_503 % 2**68:017x}" for n in range(1, INTERFACES + 1)], who),
        "tcp-flags": number(np.where(rejected, 2, np.where(back, 19, 3)) * (pick(sort) != 2)),
        "type": word(["IPv4"], np.zeros(rows, np.int64)),
        "pkt-srcaddr": (_ADDRESS, source),
        "pkt-dstaddr": (_ADDRESS, target),
        "region": word(["eu-central-1"], np.zeros(rows, np.int64)),
        "az-id": word(["euc1-az1", "euc1-az2", "euc1-az3"], who % 3),
        "sublocation-type": word(["-"], np.zeros(rows, np.int64)),
        "sublocation-id": word(["-"], np.zeros(rows, np.int64)),
        "pkt-src-aws-service": word(["-", "AMAZON", "S3", "EC2"], np.where(egress, 0, pick(client) % 17 % 4)),
        "pkt-dst-aws-service": word(["-", "AMAZON", "S3", "EC2"], np.where(egress, pick(client) % 17 % 4, 0)),
        "flow-direction": word(["ingress", "egress"], egress.astype(np.int64)),
        "traffic-path": word(["-", "1", "8"], np.where(egress, 1 + pick(client) % 2, 0)),
    }


def _private(interface):
    return (10 << 24) + (interface % 6 << 8) + interface // 6 + 10


@njit(cache=True)
def _digits(out, p, value):
    size, rest = 1, value // 10
    while rest:
        size, rest = size + 1, rest // 10
    for i in range(size):
        out[p + size - 1 - i] = 48 + value % 10
        value //= 10
    return p + size


@njit(cache=True)
def _write(out, table, kinds, words, offsets):
    p = 0
    for row in range(table.shape[1]):
        for field in range(table.shape[0]):
            value = table[field, row]
            if kinds[field] == _NUMBER:
                p = _digits(out, p, value)
            elif kinds[field] == _ADDRESS:
                for shift in (24, 16, 8, 0):
                    p = _digits(out, p, value >> shift & 255)
                    out[p] = 46
                    p += 1
                p -= 1
            else:
                for i in range(offsets[value], offsets[value + 1]):
                    out[p] = words[i]
                    p += 1
            out[p] = 32
            p += 1
        out[p - 1] = 10
    return p
