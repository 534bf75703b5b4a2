"""Addresses as text, from numbers, with lookup tables."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from simulation.bulk.arrow import Array, joined, take
from simulation.bulk.dice import Ids, Ints, bits


def ipv4(numbers: Ints) -> Array:
    """Dotted IPv4 addresses, from numbers below 2^32."""
    pairs = _pairs()
    return joined(take(pairs, numbers >> 16), take(pairs, numbers & 0xFFFF), separator=".")


def ipv6(hosts: Ids) -> Array:
    """Global unicast IPv6 addresses of hosts, in RFC 5952 form: about half of them with zeros compressed to `::`."""
    words = _hexadecimal()
    first, second = bits(hosts, "ipv6 network"), bits(hosts, "ipv6 host")
    groups = [(part >> np.uint64(shift)) & np.uint64(0xFFFF) for part in (first, second) for shift in (48, 32, 16, 0)]
    groups[0] = groups[0] & np.uint64(0x0FFF) | np.uint64(0x2000)
    text = [take(words, group | np.uint64(1)) for group in groups]  # without zeros there is nothing to compress
    short = joined(joined(*text[:4], separator=":"), text[7], separator="::")
    chosen: Array = pc.if_else(pa.array(second >> np.uint64(63) == 1), joined(*text, separator=":"), short)
    return chosen


@cache
def _pairs() -> Array:
    return pa.array([f"{i >> 8}.{i & 255}" for i in range(1 << 16)])


@cache
def _hexadecimal() -> Array:
    return pa.array([f"{i:x}" for i in range(1 << 16)])
