"""Timing and results."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

RUNS = 5


@dataclass(frozen=True)
class Result:
    """A figure. `better` is `higher` or `lower`; `target` is None if none was set; `detail` is how it was measured."""

    name: str
    value: float
    target: float | None
    better: str
    detail: str

    @property
    def met(self) -> str:
        if self.target is None:
            return ""
        good = self.value >= self.target if self.better == "higher" else self.value <= self.target
        return "met" if good else "MISSED"


def seconds_of_one_core(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median CPU seconds of `work`, after one warm-up run. CPU time is what one core needs: other work on the machine
    does not increase it, and threads do not reduce it."""
    work()
    taken = []
    for _ in range(runs):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return statistics.median(taken)


def write(results: list[Result], path: Path) -> None:
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
