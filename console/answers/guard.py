"""Which SQL a person may run: one read-only statement that touches nothing outside the store.

The read-only client is the real protection. This check comes first because even a read-only embedded engine writes
files for INTO OUTFILE, reads them for file(), and runs several statements given as one string.
"""

import re
from itertools import pairwise

from connectors.store.statement import Token, tokens
from schemas.errors import FlowtrailError

READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")

OUTSIDE = frozenset(
    re.findall(
        r"\w+",
        "file url s3 s3cluster gcs oss cosn hdfs azureblobstorage remote remotesecure cluster clusterallreplicas mysql"
        " postgresql mongodb redis sqlite odbc jdbc executable input iceberg deltalake hudi python catboostevaluate"
        " hascolumnintable",
    )
)
"""Functions and table functions that read data outside the store."""

_OTHER_QUOTES = "$\u2018\u2019\u201c\u201d"
"""Other characters that the engine accepts as quotation marks (heredocs, typographic quotes): they could hide text
from this check."""


def guarded(sql: str) -> str:
    """The statement, ready to run: without a closing semicolon. Raises FlowtrailError when it is not a single read-only
    statement, or when it reads or writes anything outside the store."""
    found = tokens(sql)
    if not found:
        raise FlowtrailError("The statement is empty.", 'Give one: flowtrail sql "SELECT count() FROM flows"')
    loose = [token.text for token in found if token.kind == "other"]
    if ";" in loose:
        raise FlowtrailError("There is more than one statement.", "Run them one at a time.")
    if any(text in "'\"`" for text in loose):
        raise FlowtrailError("A quotation in the statement is not closed.", "Close it.")
    if quote := next((text for text in loose if text in _OTHER_QUOTES), ""):
        raise FlowtrailError(f"The statement quotes with {quote}.", "Quote text with '...' and names with `...`.")
    first = first_word(sql)
    if first not in READING:
        raise FlowtrailError(f"A statement that starts with {first} is not read-only.", _ONLY)
    _nothing_outside(found)
    return sql[: found[-1].end] + "\n"  # without a trailing comment; what the driver appends starts a new line


def first_word(sql: str) -> str:
    """The first word of the statement, in capitals; comments and opening parentheses are skipped."""
    return next((token.text for token in tokens(sql) if token.text != "("), "").upper()


_ONLY = f"Use only statements that read: {', '.join(READING)}."


def _nothing_outside(found: list[Token]) -> None:
    for token, following in pairwise(found):
        name = token.text.strip('`"').lower() if token.kind in ("word", "quoted") else ""
        if token.kind == "quoted" and "\\" in token.text and following.text == "(":
            raise FlowtrailError(
                f"The function name {token.text} contains an escape sequence.", "Write the name without it."
            )
        if name in OUTSIDE and following.text == "(":
            raise FlowtrailError(f"The function {name} reads outside the store.", _ONLY)
        if name == "into" and following.kind == "word" and following.text.upper() == "OUTFILE":
            raise FlowtrailError("INTO OUTFILE writes a file.", "Use --output json and your shell's `>`.")
        if name == "format" and token.kind == following.kind == "word":
            raise FlowtrailError(
                "The output format cannot be set in the statement.", "Leave FORMAT out and use --output."
            )
