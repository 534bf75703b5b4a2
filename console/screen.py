"""What a person sees: one place that prints, so that nothing hostile slips past `clean`."""

import sys
from collections.abc import Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.render import clean, json_text

WIDE = 10_000
"""Columns where no terminal limits them: a pipe gets whole lines."""


class Screen:
    """Prints to standard output, or to `file`. Data is cleaned; no markup is ever read from it."""

    def __init__(self, file: TextIO | None = None) -> None:
        out = file or sys.stdout
        width = None if out.isatty() else WIDE
        self.console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)

    def line(self, text: object = "", style: str = "") -> None:
        """One line, never broken by us: what is printed can be copied."""
        self.console.print(Text(clean(text), style=style), soft_wrap=True)

    def lines(self, texts: Sequence[object]) -> None:
        for text in texts:
            self.line(text)

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Cells fold within a terminal's width and are whole in a pipe."""
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in columns:
            table.add_column(Text(clean(column)), overflow="fold")
        for row in rows:
            table.add_row(*(Text(clean(cell)) for cell in row))
        self.console.print(table)

    def json(self, value: Any) -> None:
        """One document, and nothing beside it."""
        self.console.file.write(json_text(value) + "\n")
