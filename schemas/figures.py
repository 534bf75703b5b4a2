"""What the store says of itself at the end of a turn, for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Figures:
    """`newest`: the time of the latest record, by account and region of the objects. `incidents`: how many, by state
    and certainty. `loads` counts those with receipts. `failed`: messages that a channel did not take, by channel, ever.
    """

    newest: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    incidents: Mapping[tuple[str, str], int] = field(default_factory=dict)
    snapshot: datetime | None = None
    dead_letters: int = 0
    rejected_lines: int = 0
    skipped_intervals: int = 0
    objects: int = 0
    loads: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
