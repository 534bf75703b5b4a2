"""CSV that is safe in a spreadsheet. Text from logs is hostile: none of it gets there raw."""

import csv
import json
from collections.abc import Mapping, Sequence
from typing import IO, Any

from console.answers.plain import plain
from console.answers.text import clean

FORMULA = ("=", "+", "-", "@")


def csv_cell(value: object) -> str:
    """`value` as a CSV cell: None as '', lists and objects as JSON, text cleaned, and with a leading `'` where a
    spreadsheet would run it as a formula.

    >>> csv_cell("=1+1")
    "'=1+1"
    """
    found = plain(value)
    if found is None:
        return ""
    if isinstance(found, bool | list | dict):
        return json.dumps(found, ensure_ascii=True, allow_nan=False)
    if not isinstance(found, str):
        return str(found)
    text = clean(found)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def write_csv(out: IO[str], columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
    """A header line, and one line for each record."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([csv_cell(record.get(name)) for name in columns] for record in records)
