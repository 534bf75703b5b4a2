"""The cells of one direction, and where connections were opened in them."""

from datetime import datetime

import numpy as np

from pipelines.correlate.detect.minutes import Ints, Minutes
from pipelines.correlate.detect.signals import Conversation, Pointer, address, moment, pointer


class OneWay:
    """The cells `rows` of `Minutes`, all of one direction, in order of pair and minute. `col` has their columns."""

    def __init__(self, c: Minutes, rows: Ints) -> None:
        self.c, self.rows = c, rows
        self.col = {name: values[rows] for name, values in c.columns.items()}
        self.pair = c.pair[rows]
        self._opening = np.maximum.accumulate(np.where(self.col["accept_opens"] > 0, np.arange(len(rows)), -1))

    def __len__(self) -> int:
        return len(self.rows)

    def conversation(self, i: int) -> Conversation:
        """The first rejected conversation of cell `i`; one that was being opened, if there is one."""
        return conversation(self.c, int(self.rows[i]), "reject")

    def pointer(self, i: int, which: str) -> Pointer:
        return pointer(self.col[f"{which}_object"][i], self.col[f"{which}_row"][i])

    def opened(self, i: int) -> datetime:
        """When the last connection of cell `i` or an earlier one of its pair was opened; the first accepted row of the
        pair where none is known."""
        last = int(self._opening[i])
        if last >= 0 and self.pair[last] == self.pair[i]:
            return moment(self.col["accept_open_last"][last])
        first = int(np.searchsorted(self.pair, self.pair[i]))
        accepted = self.col["accept_first"][first : i + 1]
        return moment(accepted[accepted > 0].min())


def conversation(c: Minutes, row: int, action: str) -> Conversation:
    """The conversation of the first flow record with this action in the cell `row`."""
    return Conversation(
        address(c.local[row].tobytes()),
        address(c.peer[row].tobytes()),
        int(c["protocol"][row]),
        int(c[f"{action}_local_port"][row]),
        int(c[f"{action}_peer_port"][row]),
        bool(c["server"][row]),
    )
