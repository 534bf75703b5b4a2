"""The only module that prints, so that no hostile text bypasses `clean`."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from console.answers.plain import json_text
from console.answers.spreadsheet import write_csv
from console.answers.text import clean

WIDE = 1_000_000
"""Width in columns when the output is not a terminal: lines in a pipe are never broken."""

GAP = "  "
FOLDED = 24
"""A column is not folded to less than this width."""


@dataclass(frozen=True)
class Styled:
    """A cell of a table in a style, such as `red`, which only a terminal shows."""

    text: str
    style: str

    def __str__(self) -> str:
        return self.text


class Screen:
    """Prints to standard output, or to `file`. Text is cleaned and never interpreted as markup."""

    def __init__(self, file: TextIO | None = None, width: int | None = None) -> None:
        out = file or sys.stdout
        width = width or (None if out.isatty() else WIDE)
        self.console = Console(file=out, width=width, markup=False, highlight=False, emoji=False)

    def line(self, text: object = "", style: str = "") -> None:
        """One line, never wrapped by us, so that it can be copied."""
        self.console.print(Text(clean(text), style=style), soft_wrap=True)

    def lines(self, texts: Sequence[object]) -> None:
        for text in texts:
            self.line(text)

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def fits(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bool:
        """Whether a table of these takes one line for each row."""
        return sum(_widths(_cells(columns, rows))) + len(GAP) * (len(columns) - 1) <= self.console.width

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """One line per row where it fits, as in a pipe. On a narrower terminal the widest column is folded, and where
        that is not enough each row becomes a block of `column value` lines. Nothing is cut off."""
        cells = _cells(columns, rows)
        widths = _widths(cells)
        widest = widths.index(max(widths))
        natural = sum(widths) + len(GAP) * (len(widths) - 1)
        if natural > self.console.width < natural - widths[widest] + FOLDED:
            self._blocks(cells)
            return
        table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
        for place, name in enumerate(cells[0]):
            table.add_column(name, overflow="fold", no_wrap=place != widest)
        for row in cells[1:]:
            table.add_row(*row)
        with self.console.capture() as printed:
            self.console.print(table)
        self.console.file.writelines(line.rstrip() + "\n" for line in printed.get().splitlines())

    def _blocks(self, cells: list[list[Text]]) -> None:
        names, *rows = cells
        width = max(name.cell_len for name in names)
        for row in rows:
            for name, cell in zip(names, row, strict=True):
                self.console.print(Text.assemble(name, " " * (width - name.cell_len), GAP, cell), soft_wrap=True)
            self.line()

    def json(self, value: Any) -> None:
        """One JSON document, and nothing else."""
        self.console.file.write(json_text(value) + "\n")

    def csv(self, columns: Sequence[str], records: Sequence[Mapping[str, Any]]) -> None:
        """A header line, and one line for each record."""
        write_csv(self.console.file, columns, records)


def _cells(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> list[list[Text]]:
    """The header and the rows, cleaned."""
    return [
        [Text(clean(cell), style=cell.style if isinstance(cell, Styled) else "") for cell in row]
        for row in (columns, *rows)
    ]


def _widths(cells: Sequence[Sequence[Text]]) -> list[int]:
    return [max(cell.cell_len for cell in column) for column in zip(*cells, strict=True)]
