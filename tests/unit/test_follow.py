"""The total of a follow run: every count of rows, for every table."""

from dataclasses import fields

from cli.follow import add
from schemas.summary import IngestSummary


def test_every_count_of_rows_is_the_sum_of_all_rounds() -> None:
    counts = [f.name for f in fields(IngestSummary) if f.type in ("int", int)]
    one, two = (IngestSummary(**dict.fromkeys(counts, n)) for n in (3, 4))
    total = add(one, two)
    latest = {"objects_listed": 4, "objects_known": 1, "objects_other": 4, "objects_busy": 4}
    assert {name: getattr(total, name) for name in counts} == {name: latest.get(name, 7) for name in counts}
