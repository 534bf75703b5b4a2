"""How complete the facts of an incident are, in a sentence. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.correlate.blame.trial import Fidelity


@dataclass(frozen=True)
class Coverage:
    """The completeness of one interface in the range: its flow records and how many of them were accepted, intervals
    without traffic (NODATA) and with records that AWS dropped (SKIPDATA), minutes for which its flow log delivered
    anything, all minutes of the range, and how often the verdict agrees with the log."""

    interface_id: str
    flows: int
    accepts: int
    nodata: int
    skipdata: int
    minutes: int
    all_minutes: int
    fidelity: Fidelity


def sentence(parts: Sequence[Coverage], rejected_lines: int) -> str:
    """The sentence for the interfaces of an incident."""
    enis = ", ".join(part.interface_id for part in parts)
    flows, nodata, skipdata = (sum(getattr(part, n) for part in parts) for n in ("flows", "nodata", "skipdata"))
    missing = max((part.all_minutes - part.minutes for part in parts), default=0)
    every = max((part.all_minutes for part in parts), default=0)
    model = sum((part.fidelity for part in parts), Fidelity())
    delivered = (
        f"nothing was delivered for {missing} of its {every} minutes" if missing else "every minute was delivered"
    )
    dropped = f"AWS dropped records in {skipdata} intervals (SKIPDATA)" if skipdata else "AWS dropped none (SKIPDATA)"
    agreed = (
        f"the verdict agrees with the log on {model.agreed} of {model.compared} sampled flows"
        if model.compared
        else "the verdict could not be compared with the log"
    )
    return (
        f"The range has {flows} flow records of {enis}; {delivered}, {nodata} intervals had no traffic (NODATA),"
        f" {dropped}, and {rejected_lines} lines could not be read; {agreed}."
        + one_sided(flows, sum(part.accepts for part in parts))
    )


def one_sided(flows: int, accepts: int) -> str:
    """What is to be said of a log of accepted or of rejected records only, which a flow log's traffic type may ask for;
    "" for any other."""
    if not flows or 0 < accepts < flows:
        return ""
    missing, there = ("rejected", "ACCEPT") if accepts else ("accepted", "REJECT")
    return f" No {missing} traffic is logged: check whether the flow log's traffic type is {there}."
