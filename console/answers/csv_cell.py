"""Cells that are safe in a spreadsheet. Text from logs is hostile: none of it gets there raw."""

import json

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
