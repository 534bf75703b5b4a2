"""SQL as tokens, and what may be sent as a query: one statement that writes no file.

The embedded engine runs every statement in a string, and lets even a read-only client write a file with INTO OUTFILE.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from schemas.errors import FlowtrailError

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


class Token(NamedTuple):
    """A significant token; `kind` is text, quoted (a quoted name), word or other; `end` is where it ends in the
    statement."""

    kind: str
    text: str
    end: int


def tokens(sql: str) -> list[Token]:
    """The tokens of a statement, without comments, white space and trailing semicolons.

    >>> [token.text for token in tokens("SELECT 'a;b' -- why ;")]
    ['SELECT', "'a;b'"]
    """
    found = [Token(str(m.lastgroup), m.group(), m.end()) for m in _TOKEN.finditer(sql)]
    found = [token for token in found if token.kind not in ("comment", "space")]
    while found and found[-1].text == ";":
        found.pop()
    return found


def one_query(sql: str) -> str:
    """`sql` up to its last token. Raises FlowtrailError for more than one statement, and for INTO OUTFILE."""
    found = tokens(sql)
    unquoted = {token.text for token in found if token.kind == "other"}
    unclosed = any(one.text == "/" and two.text == "*" for one, two in pairwise(found))
    if not found or unclosed or unquoted & {";", "$", "'", '"', "`"}:
        raise FlowtrailError("This is not a single query.", "Send one statement at a time, with every quote closed.")
    if any((one.text.lower(), two.text.lower()) == ("into", "outfile") for one, two in pairwise(found)):
        raise FlowtrailError(
            "A query cannot write a file.", "Leave out INTO OUTFILE and redirect the command's output."
        )
    return sql[: found[-1].end]
