"""Addresses as text, from numbers, by tables."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.bulk.arrow import Array, joined, take
from simulation.bulk.dice import Ids, Ints, bits


def ipv4(numbers: Ints) -> Array:
    """Dotted, from numbers below 2^32."""
    pairs = _pairs()
    return joined(take(pairs, numbers >> 16), take(pairs, numbers & 0xFFFF), separator=".")


def ipv6(hosts: Ids) -> Array:
    """Global unicast addresses of hosts, as RFC 5952 writes them: every second one with its zeros left out."""
    words = _hexadecimal()
    first, second = bits(hosts, "ipv6 network"), bits(hosts, "ipv6 host")
    groups = [(part >> np.uint64(shift)) & np.uint64(0xFFFF) for part in (first, second) for shift in (48, 32, 16, 0)]
    groups[0] = groups[0] & np.uint64(0x0FFF) | np.uint64(0x2000)
    text = [take(words, group | np.uint64(1)) for group in groups]  # without a zero there is nothing to shorten
    short = joined(joined(*text[:4], separator=":"), text[7], separator="::")
    chosen: Array = pc.if_else(pa.array(second >> np.uint64(63) == 1), joined(*text, separator=":"), short)
    return chosen


@cache
def _pairs() -> Array:
    return pa.array([f"{i >> 8}.{i & 255}" for i in range(1 << 16)])


@cache
def _hexadecimal() -> Array:
    return pa.array([f"{i:x}" for i in range(1 << 16)])
