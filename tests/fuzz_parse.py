"""Millions of mangled flow log lines: `make fuzz` (runs with the same seed are identical).

Generated records of every version and order, and of transit gateways, are damaged without regard for line boundaries:
bytes are changed, cut, duplicated and swapped, and hostile pieces inserted. Every record of each object must be
accounted for, whatever happened to it, and a sample must be read exactly as the slow reference reads it.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random

import numpy as np

from pipelines.ingest.parse.flow_log import parse_flow_log
from pipelines.ingest.parse.parsed import Parsed
from schemas.errors import BadObject
from schemas.object_ref import ObjectRef
from simulation.bulk.batch import batch
from simulation.bulk.fields import TRANSIT_FIELDS, VERSIONS, Field, fields_up_to
from simulation.bulk.flows import Traffic
from simulation.bulk.text import header, lines
from tests.reference_parser import BadLog, reference_parse

REF = ObjectRef("logs", "AWSLogs/fuzz.log.gz", "etag", 1)
SLOT = 1_793_491_200
PIECES = (
    *(bytes([code]) for code in (0, 9, 10, 13, 27, 32, 45, 127, 128, 255)),
    *(b"\r\n", b"  ", b" - ", b"\n\n", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xe6\x9d\xb1", b"1512564058000"),
    *(b"18446744073709551616", b"99999999999999999999999", b"-1", b"::ffff:1.2.3.4", b"1.2.3.4.5", b"01.1.1.1"),
    *(b"NODATA", b"SKIPDATA", b"start end", b"version account-id start end\n", b"x" * 70_000),
)


def objects(seed: int, total: int, rows: int) -> Iterator[tuple[bytes, bool]]:
    """Mangled objects made from `total` records in all, each with whether only bytes after the header were changed."""
    formats: list[tuple[Field, ...]] = [*(fields_up_to(version) for version in VERSIONS), TRANSIT_FIELDS]
    rng, made, number = Random(seed), 0, 0
    while made < total:
        log_fields = list(formats[number % len(formats)])
        if number % 3 == 2:
            rng.shuffle(log_fields)
        traffic = Traffic(seed=seed + number, nodata_share=0.02, skipdata_share=0.01)
        count = rng.randint(1, 2 * rows)
        table = batch(tuple(log_fields), traffic, count, slot=SLOT, stream=number).table
        head, body = header(log_fields), bytes(lines(table))
        if rng.random() < 0.2:
            body = body.replace(b"\n", b"\r\n")
        whole = rng.random() < 0.9
        body = mangled(body, rng)
        yield (head + body if whole else mangled(head, rng, at_least=1) + body), whole
        made, number = made + count, number + 1


def mangled(text: bytes, rng: Random, at_least: int = 0) -> bytes:
    """Changes some bytes at random, and inserts, cuts out and duplicates some pieces."""
    raw = np.frombuffer(text, np.uint8).copy()
    noise = np.random.default_rng(rng.getrandbits(32))
    hits = noise.integers(0, raw.size, max(at_least, int(raw.size * rng.choice([0, 1e-5, 1e-4, 1e-3]))))
    raw[hits] = noise.integers(0, 256, hits.size)
    cut = sorted(rng.randrange(raw.size + 1) for _ in range(rng.randint(0, 40)))
    parts, last, bytes_ = [], 0, raw.tobytes()
    for at in cut:
        parts.append(bytes_[last:at])
        match rng.randrange(3):
            case 0:
                parts.append(rng.choice(PIECES))
                last = at
            case 1:
                last = min(at + rng.randint(1, 200), len(bytes_))
            case _:
                last = max(last, at - rng.randint(1, 200))
    return b"".join([*parts, bytes_[last:]])


def check(raw: bytes, *, against_reference: bool) -> Parsed | str:
    """What happened to an object, or the reason for which it was rejected. Raises AssertionError."""
    try:
        parsed = parse_flow_log(REF, raw)
    except BadObject as error:
        if against_reference:
            assert error.reason == _refusal(raw), error
        return error.reason
    rows = sum(table.num_rows for table in parsed.tables.values())
    assert parsed.read == rows + sum(parsed.skipped.values()), "a record is not accounted for"
    numbers = np.concatenate([table["row_no"].to_numpy() for table in parsed.tables.values()])
    assert np.unique(numbers).size == rows, "a line number occurs in two rows"
    assert not rows or 1 <= numbers.min() <= numbers.max() <= raw.count(b"\n") + 1
    for table in parsed.tables.values():
        table.validate(full=True)
    if against_reference:
        expected = reference_parse(raw, REF.object_id)
        assert parsed.read == expected.read
        for name, table in parsed.tables.items():
            assert table.to_pylist() == getattr(expected, name), name
    return parsed


def _refusal(raw: bytes) -> str:
    try:
        reference_parse(raw, REF.object_id)
    except BadLog as bad:
        return str(bad)
    return "none"


def fuzz(seed: int, total: int, rows: int = 4000, sample: int = 12) -> Counter[str]:
    """Counts of what happened to `total` records or a few more, comparing one object in `sample` with the reference."""
    seen: Counter[str] = Counter()
    for number, (raw, whole) in enumerate(objects(seed, total, rows)):
        compared = number % sample == sample // 2
        seen["lines"] += raw.count(b"\n")
        seen["objects"] += 1
        seen["objects compared"] += compared
        found = check(raw, against_reference=compared)
        if isinstance(found, str):
            assert not whole or found == "header-changes", found
            seen[f"refused: {found}"] += 1
            continue
        seen.update({name: table.num_rows for name, table in found.tables.items()})
        for reason in found.tables["rejected_lines"]["reason"].to_pylist():
            seen[f"rejected: {reason.partition(':')[0]}"] += 1
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=1_200_000)
    options = parser.parse_args()
    began = time.monotonic()
    seen = fuzz(options.seed, options.lines)
    for what, count in sorted(seen.items()):
        sys.stdout.write(f"{count:>10,} {what}\n")
    sys.stdout.write(f"seed {options.seed}, {time.monotonic() - began:.0f} s: nothing lost or duplicated, no crash\n")


if __name__ == "__main__":
    main()
