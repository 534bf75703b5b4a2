"""Partial rejects: of the connections that a peer opens to a service, some are rejected and others accepted, as when
only a part of the ephemeral ports gets through. Judged by what opens a connection: late packets of old ones do not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipelines.correlate.detect.minutes import Ints
from pipelines.correlate.detect.one_way import OneWay
from pipelines.correlate.detect.signals import Run, moment

APART = 600
"""Seconds between rejects of one peer up to which they belong together."""
MIXED_MINUTES, RETURNS = 2, 3
"""Rejects are partial if connections are accepted among them in this many minutes, or if minutes of accepts follow
minutes of rejects this often. A fault that is repaired and made again has fewer."""
ENOUGH_REJECTS = 3
CHANCE = 0.01
"""The probability below which accepted connections in a row, before the rejects or after them, are more than luck."""


@dataclass(frozen=True)
class Partial:
    """Partial rejects of one peer: the cells from `begin` to `end` (exclusive) of its direction, and their run."""

    begin: int
    end: int
    run: Run


def partial_rejects(w: OneWay, known_since: Ints) -> Iterator[Partial]:
    """The partial rejects in one direction, in order; of peers that were known (`known_since`, by pair, in Unix
    seconds) before."""
    for begin, end in _episodes(w):
        opened, refused = (w.col[name][begin:end] for name in ("accept_opens", "reject_opens"))
        if known_since[w.pair[begin]] > w.col["minute"][begin] or int(refused.sum()) < ENOUGH_REJECTS:
            continue
        if not _mixed(w, begin, end):
            continue
        first, last = np.searchsorted(w.pair, [w.pair[begin], w.pair[begin] + 1])
        share = float(opened.sum() / (opened.sum() + refused.sum()))
        before = begin - 1 if w.col["accept_first"][begin] >= w.col["reject_first"][begin] else begin
        earlier = int(w.col["accept_opens"][first:begin].sum())
        if before < first or not w.col["accept_flows"][before] or share**earlier > CHANCE:
            continue  # as far as is known it was always so
        yield Partial(begin, end, _run(w, begin, end, before, _after(w, end, int(last), share)))


def _episodes(w: OneWay) -> Iterator[tuple[int, int]]:
    """Cells `begin` to `end` (exclusive) of one pair whose rejected openings are at most `APART` apart."""
    found = np.flatnonzero(w.col["reject_opens"] > 0)
    if not len(found):
        return
    gaps = w.col["reject_first"][found[1:]] - w.col["reject_last"][found[:-1]]
    new = np.append(True, (w.pair[found[1:]] != w.pair[found[:-1]]) | (gaps > APART))
    heads = np.flatnonzero(new)
    tails = np.append(heads[1:], len(found)) - 1
    many = tails > heads
    for head, tail in zip(found[heads[many]], found[tails[many]], strict=True):
        yield int(head), int(tail) + 1


def _mixed(w: OneWay, begin: int, end: int) -> bool:
    """Whether accepted and rejected openings alternate, rather than follow each other once."""
    names = ("reject_opens", "accept_opens", "accept_open_first", "accept_open_last", "reject_first", "reject_last")
    rejects, accepts, first, last, first_bad, last_bad = (w.col[name][begin:end] for name in names)
    refused, opened = rejects > 0, accepts > 0
    among = (last > first_bad) & (first < last_bad)
    returns = refused[:-1] & opened[1:] & ~refused[1:]
    return int((refused & opened & among).sum()) >= MIXED_MINUTES or int(returns.sum()) >= RETURNS


def _after(w: OneWay, end: int, last: int, share: float) -> int:
    """The first cell after the episode in which openings are accepted, if so many are accepted from there on that none
    can be rejected any more; otherwise -1. `last` ends the pair's cells."""
    later = np.flatnonzero(w.col["accept_opens"][end:last] > 0)
    refused = np.flatnonzero(w.col["reject_opens"][end:last] > 0)
    if len(refused):
        later = later[later < refused[0]]
    if not len(later) or share ** int(w.col["accept_opens"][end + later].sum()) > CHANCE:
        return -1
    return end + int(later[0])


def _run(w: OneWay, begin: int, end: int, before: int, after: int) -> Run:
    col = w.col
    good = "accept_first" if before == begin else "accept_last"
    opening, first_bad = int(col["accept_open_first"][begin]), int(col["reject_first"][begin])
    return Run(
        conversation=w.conversation(begin),
        last_good=moment(col[good][before]),
        good_row=w.pointer(before, good),
        first_bad=moment(first_bad),
        last_bad=moment(col["reject_last"][end - 1]),
        first_row=w.pointer(begin, "reject_first"),
        last_row=w.pointer(end - 1, "reject_last"),
        recovered=moment(col["accept_first"][after]) if after >= 0 else None,
        recovered_row=w.pointer(after, "accept_first") if after >= 0 else None,
        flows=int(col["reject_opens"][begin:end].sum()),
        opened=moment(opening) if 0 < opening < first_bad else w.opened(begin - 1),
    )
