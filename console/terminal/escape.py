"""Text that is safe to print. Text from logs is hostile: none of it reaches a terminal or a spreadsheet raw."""

import json

from console.answers.plain import plain


def clean(text: object) -> str:
    r"""`text` on one line. Characters that Unicode classifies as control, format (bidi), surrogate, separator (except
    the space), private or unassigned are escaped.

    >>> print(clean("\x1b[2J"))
    \x1b[2J
    """
    return "".join(_shown(character) for character in str(text))


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


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
