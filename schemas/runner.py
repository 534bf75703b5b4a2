"""How a pipeline is run, as a person chooses it. Does not import Beam, which is slow."""

from dataclasses import dataclass
from enum import StrEnum

SHARE = 4
"""Parts of a plan in one element, where elements go to several workers: enough to read ahead, few enough to spread."""


class Kind(StrEnum):
    """Runners by the name that the command line uses."""

    IN_PROCESS = "in-process"
    DASK = "dask"
    PRISM = "prism"
    PORTABLE = "portable"


@dataclass(frozen=True)
class Runner:
    """A runner and Beam's own options for it, as on a command line."""

    kind: Kind = Kind.IN_PROCESS
    options: tuple[str, ...] = ()

    def share(self, parts: int) -> int:
        """How many parts of a plan go into one element. In one process all of them, so that reading ahead never pauses;
        elsewhere few, so that the work spreads."""
        return max(parts, 1) if self.in_this_process else SHARE

    @property
    def in_this_process(self) -> bool:
        """Whether every step runs in this process."""
        return self.kind is Kind.IN_PROCESS and not any("multi_processing" in option for option in self.options)


IN_PROCESS = Runner()
