"""Figures with their targets, and a table by kind."""

import math
from collections.abc import Sequence

from rich.table import Table

from benchmarks.accuracy.judge import Judgement
from benchmarks.measure import Result


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95% interval of a share, in percent (Wilson)."""
    if not n:
        return 0.0, 100.0
    z, share = 1.96, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return 100 * (middle - half), 100 * (middle + half)


def results(found: Sequence[Judgement]) -> list[Result]:
    faults, clean = [j for j in found if not j.clean], [j for j in found if j.clean]
    right = sum(j.right for j in faults)
    low, high = wilson(right, len(faults))
    seeds = f"seeds 1 to {max((j.seed for j in found), default=0)}"
    kinds = len({j.kind for j in faults})
    detail = f"{right} of {len(faults)} incidents of {kinds} kinds, {seeds}; 95% {low:.2f} to {high:.2f}"
    fixes = [j.restored for j in faults if j.restored is not None]
    causes, incidents = sum(j.causes for j in faults), sum(j.incidents for j in faults)
    named = sum(bool(j.named) for j in clean)
    return [
        Result("cause right, % of incidents", _percent(right, len(faults)), 99, "higher", f"{detail}; published: 97.5"),
        Result("false proofs", sum(j.false_proofs for j in found), 0, "lower", f"in {len(found)} worlds"),
        Result("clean windows with a cause named", named, 0, "lower", f"{len(clean)} windows of an hour, {seeds}"),
        Result("incidents per cause", incidents / max(causes, 1), 1, "lower", f"{incidents} for {causes} causes"),
        Result("fixes that restore, %", _percent(sum(fixes), len(fixes)), 100, "higher", f"{len(fixes)} worlds"),
    ]


def by_kind(found: Sequence[Judgement]) -> Table:
    table = Table("kind", "worlds", "right", "false proofs", "named", "incidents per cause", "restored")
    for kind in dict.fromkeys(j.kind for j in found):
        mine = [j for j in found if j.kind == kind]
        fixes = [j.restored for j in mine if j.restored is not None]
        causes = sum(j.causes for j in mine)
        each = f"{sum(j.incidents for j in mine) / causes:.2f}" if causes else ""
        restored = f"{sum(fixes)} of {len(fixes)}" if fixes else ""
        counts = (len(mine), sum(j.right for j in mine), sum(j.false_proofs for j in mine), sum(j.named for j in mine))
        table.add_row(kind, *map(str, counts), each, restored)
    return table


def _percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0
