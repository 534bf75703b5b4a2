"""Templates. Every value is cleaned and escaped where it is put in: text from logs is hostile."""

from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from console.answers.incidents import what
from console.answers.text import clean, few, span, utc
from schemas.protocols import protocol_name

FOLDER = files("console.web")


def _put(value: Any) -> Any:
    """What a template puts in: control and bidirectional characters are shown as escapes, line breaks stay."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, datetime):
        return utc(value)
    return "\n".join(map(clean, str(value).split("\n"))) if isinstance(value, str) else value


def link(path: str, query: Mapping[str, Any] | None = None, /, **more: Any) -> str:
    """An address of this console; parameters without a value are left out.

    >>> link("/search", eni="eni-1", port=None)
    '/search?eni=eni-1'
    """
    pairs = {name: value for name, value in {**(query or {}), **more}.items() if value not in (None, "")}
    texts = {
        name: utc(value).replace(" ", "T") if isinstance(value, datetime) else value for name, value in pairs.items()
    }
    return path + ("?" + urlencode(texts) if texts else "")


TEMPLATES = Environment(
    loader=FileSystemLoader(str(FOLDER / "templates")),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_put,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(link=link)
TEMPLATES.filters.update(utc=utc, few=few, what=what, protocol=protocol_name, duration=span)


def page(name: str, **values: Any) -> str:
    """The page of this template."""
    return TEMPLATES.get_template(f"{name}.html").render(**values)
