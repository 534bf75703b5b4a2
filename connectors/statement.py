"""What may be sent as a query: one statement that writes no file.

The embedded engine runs every statement of a string and lets even a read-only client write a file with INTO OUTFILE.
"""

import re

from schemas.errors import FlowtrailError

_QUOTED = r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`"""
_COMMENT = r"--[^\n]*|#[ !][^\n]*|/\*.*?\*/"
_SKIPPED = re.compile(f"({_QUOTED})|{_COMMENT}", re.DOTALL)
_HEREDOC = re.compile(r"\$\w*\$")


def one_query(sql: str) -> str:
    """`sql` without the `;` at its end. Raises FlowtrailError for several statements, and for INTO OUTFILE."""
    bare = _SKIPPED.sub(lambda found: "''" if found[1] else " ", sql).rstrip()
    if bare.rstrip("; \n\t\r").count(";") or _HEREDOC.search(bare) or re.search(r"['\"`]|/\*", bare.replace("''", "")):
        raise FlowtrailError("That is not one query.", "Send one statement at a time, with every quote closed.")
    if re.search(r"\binto\s+outfile\b", bare, re.IGNORECASE):
        raise FlowtrailError(
            "A query cannot write a file.", "Leave INTO OUTFILE out and redirect the command's output."
        )
    ended = sql.rstrip()
    while bare.endswith(";") and ended.endswith(";"):
        bare, ended = bare[:-1].rstrip(), ended[:-1].rstrip()
    if bare.endswith(";"):
        raise FlowtrailError("That is not one query.", "Leave out the comment after the last `;`.")
    return ended
