"""Which SQL a person may run: one read-only statement that touches nothing outside the store.

The read-only client is not protection enough: even a read-only embedded engine writes files for INTO OUTFILE, reads
them for file(), and runs several statements given as one string. The engine's own parser reads the statement, so that
no comment or quotation can mean one thing here and another there. What is judged, and then run, is the text that the
parser gives back: without comments, with one way to write texts and names.
"""

import re
from functools import lru_cache
from itertools import pairwise

from clickhouse_connect.driver.client import Client

from connectors.store.clickhouse import Store, query
from connectors.store.statement import Token, tokens
from schemas.errors import FlowtrailError

READING = ("SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS")

TABLE_FUNCTIONS = frozenset(
    {
        "format", "generate_series", "generaterandom", "generateseries", "null", "numbers", "numbers_mt", "primes",
        "values", "view", "zeros", "zeros_mt",
    }
)  # fmt: skip
"""The table functions that read nothing but their arguments. All others of the engine are refused."""

OUTSIDE = frozenset(
    {
        "addresstoline", "addresstolinewithinlines", "addresstosymbol", "catboostevaluate", "file", "getmacro",
        "getmergetreesetting", "getserversetting", "hascolumnintable", "reversednsquery", "showcertificate",
    }
)  # fmt: skip
OUTSIDE_PREFIXES = ("ai", "dictget", "dicthas", "dictisin", "filesystem", "joinget", "naivebayes", "region")
"""Functions that read files or the server's configuration, or open connections (dictionaries may have any source)."""

_PARSED = """
    WITH formatQuerySingleLine(unhex({sql:String})) AS once
    SELECT hex(once) AS sql, formatQuerySingleLine(once) = once AS understood
"""
"""Hexadecimal, so that nothing on the way to the engine has to be escaped."""

_FUNCTIONS = """
    SELECT lower(name) AS name FROM system.table_functions
    UNION ALL SELECT lower(name) FROM system.functions WHERE origin != 'System'
"""

_ONLY = f"Use only statements that read: {', '.join(READING)}."
_AMBIGUOUS = re.compile(r"--|/\*|[;#$\u2018\u2019\u201c\u201d]")
"""Comments and other quotations: the parser gives back none of them outside of texts and quoted names."""


def guarded(store: Store, sql: str) -> str:
    """The statement to run, in the words of the engine's parser. Raises FlowtrailError when it is not a single
    read-only statement, when it reads or writes anything outside the store, and when the parser does not accept it."""
    if not tokens(sql):
        raise FlowtrailError("The statement is empty.", 'Give one: flowtrail sql "SELECT count() FROM flows"')
    parsed = _parsed(store.reader(), sql)
    found = tokens(parsed)
    if _AMBIGUOUS.search(_without_quotations(parsed, found)):
        raise FlowtrailError("The statement is ambiguous.", "Write it in another way.")
    first = first_word(parsed)
    if first not in READING:
        raise FlowtrailError(f"A statement that starts with {first} is not read-only.", _ONLY)
    _nothing_outside(found, _refused(store))
    if store.embedded and "default" in map(_name, found):
        raise FlowtrailError(
            "The database `default` is not part of the store: the embedded engine takes its tables for files.",
            "Leave the database's name out.",
        )
    return parsed


def first_word(sql: str) -> str:
    """The first word of the statement, in capitals; comments and opening parentheses are skipped."""
    return next((token.text for token in tokens(sql) if token.text != "("), "").upper()


def _parsed(client: Client, sql: str) -> str:
    """The statement as the engine's parser gives it back."""
    try:
        [row] = query(client, _PARSED, {"sql": sql.encode().hex()}).to_pylist()
    except FlowtrailError as error:
        if "Multi-statements" in error.message:
            raise FlowtrailError("There is more than one statement.", "Run them one at a time.") from None
        raise FlowtrailError(
            f"The engine's parser does not accept the statement: {_reason(error.message)}.",
            "Correct it; docs/schema.md describes the tables.",
        ) from None
    if not row["understood"]:
        raise FlowtrailError("The engine's parser does not understand the statement.", "Write it in another way.")
    try:
        return bytes.fromhex(row["sql"]).decode()
    except UnicodeDecodeError:
        raise FlowtrailError("A text in the statement is not UTF-8.", "Write it with unhex('...').") from None


@lru_cache(maxsize=8)
def _refused(store: Store) -> frozenset[str]:
    """The names of functions that are refused, in lower case: the engine's table functions, and functions that
    somebody has added to the server."""
    names = [str(row["name"]) for row in query(store.reader(), _FUNCTIONS).to_pylist()]
    return frozenset(names) - TABLE_FUNCTIONS | OUTSIDE


def _reason(message: str) -> str:
    """The parser's own words out of the engine's message, which also quotes the query that called the parser."""
    found = re.search(r"DB::Exception: (.*?)(?:: In scope SELECT|\. \(SYNTAX_ERROR\)|$)", message, re.DOTALL)
    return (found[1] if found else message).strip().rstrip(".")


def _nothing_outside(found: list[Token], refused: frozenset[str]) -> None:
    before = ""
    for token, following in pairwise([*found, Token("other", "", 0)]):
        name = _name(token)
        called = following.text == "(" or before in ("APPLY", "APPLY(")
        if called and (name in refused or name.startswith(OUTSIDE_PREFIXES)):
            raise FlowtrailError(f"The function {name} is refused: it may read outside the store.", _ONLY)
        if token.kind == "word":
            _clause(token, following)
        if token.text == "{" and following.kind in ("word", "quoted"):
            raise FlowtrailError("The statement has parameters.", "Write their values instead.")
        before = token.text.upper() if token.text != "(" else f"{before}("


def _clause(token: Token, following: Token) -> None:
    """Refuse a clause that does more than read. The parser gives back keywords in capitals."""
    named = following.kind in ("word", "quoted")
    if (token.text, following.text) == ("INTO", "OUTFILE"):
        raise FlowtrailError("INTO OUTFILE writes a file.", "Use --output json and your shell's `>`.")
    if (token.text, following.text) == ("PARALLEL", "WITH"):
        raise FlowtrailError("There is more than one statement.", "Run them one at a time.")
    if token.text == "FORMAT" and named:
        raise FlowtrailError("The output format cannot be set in the statement.", "Leave FORMAT out and use --output.")
    if token.text == "SETTINGS" and named:
        raise FlowtrailError("Settings cannot be changed in the statement.", "Leave SETTINGS out.")


def _without_quotations(sql: str, found: list[Token]) -> str:
    """What is left of `sql` without its texts and quoted names."""
    left, start = [], 0
    for token in found:
        if token.kind in ("text", "quoted"):
            left.append(sql[start : token.end - len(token.text)])
            start = token.end
    return " ".join([*left, sql[start:]])


def _name(token: Token) -> str:
    """The name that a word or a quoted name stands for, in lower case; "" for anything else."""
    if token.kind == "quoted":
        return re.sub(r"\\(.)", r"\1", token.text[1:-1]).lower()
    return token.text.lower() if token.kind == "word" else ""
