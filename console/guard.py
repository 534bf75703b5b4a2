"""What SQL a person may run: one reading statement that touches nothing outside the store.

The read-only client is the wall; this stands before it because the embedded engine, even read-only, writes files for
INTO OUTFILE, reads them for file(), and runs a string of several statements.
"""

import re
from itertools import pairwise

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
"""Functions, with and without a table for an answer, that read what is not in the store."""

_OTHER_QUOTES = "$\u2018\u2019\u201c\u201d"
"""What the engine takes as quotation marks too (heredocs, typographic ones): text could hide in them from us."""

_TOKEN = re.compile(
    r"""
    (?P<comment>--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
  | (?P<text>'(?:[^'\\]|\\.|'')*')
  | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
  | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<space>\s+)
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)


def guarded(sql: str) -> str:
    """The statement, ready to run: without a closing semicolon. Raises FlowtrailError when it is not one reading
    statement, or reads or writes anything outside the store."""
    tokens = [(str(m.lastgroup), m.group()) for m in _TOKEN.finditer(sql) if m.lastgroup not in ("comment", "space")]
    while tokens and tokens[-1] == ("other", ";"):
        tokens.pop()
    if not tokens:
        raise FlowtrailError("There is no statement.", 'For example: flowtrail sql "SELECT count() FROM flows"')
    if ("other", ";") in tokens:
        raise FlowtrailError("There is more than one statement.", "Run them one at a time.")
    if any(kind == "other" and text in "'\"`" for kind, text in tokens):
        raise FlowtrailError("A quotation in the statement does not end.", "Close it.")
    if strange := next((text for kind, text in tokens if kind == "other" and text in _OTHER_QUOTES), ""):
        raise FlowtrailError(f"The statement quotes with {strange}.", "Quote text with '...' and names with `...`.")
    first = first_word(sql)
    if first not in READING:
        raise FlowtrailError(f"A statement that begins with {first} is not one that reads.", _ONLY)
    _nothing_outside(tokens)
    return _without_end(sql)


def first_word(sql: str) -> str:
    """What the statement begins with, in capitals; comments and brackets do not count."""
    words = (m.group() for m in _TOKEN.finditer(sql) if m.lastgroup not in ("comment", "space") and m.group() != "(")
    return next(words, "").upper()


_ONLY = f"`flowtrail sql` only reads: {', '.join(READING)}."


def _nothing_outside(tokens: list[tuple[str, str]]) -> None:
    for (kind, text), (next_kind, following) in pairwise(tokens):
        name = text.strip('`"').lower() if kind in ("word", "quoted") else ""
        if kind == "quoted" and "\\" in text and following == "(":
            raise FlowtrailError(f"The function {text} is written with an escape.", "Write its name plainly.")
        if name in OUTSIDE and following == "(":
            raise FlowtrailError(f"The function {name} reads outside the store.", _ONLY)
        if name == "into" and (next_kind, following.upper()) == ("word", "OUTFILE"):
            raise FlowtrailError("INTO OUTFILE writes a file.", "Use --output json and your shell's `>`.")
        if name == "format" and kind == "word" and next_kind == "word":
            raise FlowtrailError(
                "The form of the answer is not chosen in the statement.", "Leave FORMAT out; use --output."
            )


def _without_end(sql: str) -> str:
    """Without closing semicolons, and on lines of its own so that a closing comment swallows nothing after it."""
    end = 0
    for match in _TOKEN.finditer(sql):
        if match.lastgroup not in ("comment", "space") and match.group() != ";":
            end = match.end()
    return sql[:end] + "\n"
