"""The rows of a query, in a terminal."""

from console.answers.sql import Rows
from console.terminal.screen import Screen


def show(answer: Rows, screen: Screen) -> None:
    """A table of the rows; NULL is an empty cell."""
    screen.table(answer.columns, [["" if cell is None else cell for cell in row] for row in answer.rows])
