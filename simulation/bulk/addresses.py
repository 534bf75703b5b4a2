"""Addresses as text, from numbers, by tables."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.bulk.dice import Ids, Ints, bits
from simulation.bulk.fields import Array


def ipv4(numbers: Ints) -> Array:
    """Dotted, from numbers below 2^32."""
    pairs = _pairs()
    high, low = numbers >> 16, numbers & 0xFFFF
    joined: Array = pc.binary_join_element_wise(pairs.take(_index(high)), pairs.take(_index(low)), ".")
    return joined


def ipv6(hosts: Ids) -> Array:
    """Global unicast addresses of hosts, as RFC 5952 writes them: every second one with its zeros left out."""
    words = _hexadecimal()
    first, second = bits(hosts, "ipv6 network"), bits(hosts, "ipv6 host")
    groups = [(part >> np.uint64(shift)) & np.uint64(0xFFFF) for part in (first, second) for shift in (48, 32, 16, 0)]
    groups[0] = groups[0] & np.uint64(0x0FFF) | np.uint64(0x2000)
    text = [words.take(_index(group | np.uint64(1))) for group in groups]
    full: Array = pc.binary_join_element_wise(*text, ":")
    network: Array = pc.binary_join_element_wise(*text[:4], ":")
    short: Array = pc.binary_join_element_wise(network, text[7], "::")
    chosen: Array = pc.if_else(pa.array(second >> np.uint64(63) == 1), full, short)
    return chosen


def _index(numbers: Ints | Ids) -> Array:
    return pa.array(numbers.astype(np.int32))


@cache
def _pairs() -> Array:
    return pa.array([f"{i >> 8}.{i & 255}" for i in range(1 << 16)])


@cache
def _hexadecimal() -> Array:
    return pa.array([f"{i:x}" for i in range(1 << 16)])
