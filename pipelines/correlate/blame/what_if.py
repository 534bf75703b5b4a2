"""What if a change had not been made: which findings it leaves. Pure.

The log stays what it is. A finding is left out if, without the change, the configuration lets the packets of all its
conversations pass, at the time when they were stopped. That is the answer of the model, not of the log.
"""

from dataclasses import replace

from network.history.timeline import Timeline
from network.verdict.explain import explain
from pipelines.correlate.blame.finding import Finding
from pipelines.correlate.blame.trial import Effect, effect, packet_of
from schemas.incident import Certainty

UNKNOWN = "Without the change that is left out, it is not known whether these packets would pass."


def remaining(finding: Finding, altered: Timeline) -> Finding | None:
    """What is left of a finding with a cause under another history of the configuration; None if nothing is. Where that
    is not known it is left, and at most suspected."""
    if finding.cause is None:
        return finding
    signal, kept, doubted = finding.signal, [], False
    for run in signal.runs:
        moment = run.first_bad or signal.last_good + (signal.until - signal.last_good) / 2
        would = effect(signal, explain(packet_of(run.conversation), altered.at(moment), signal.interface_id))
        doubted |= would is Effect.UNKNOWN
        if would is not Effect.GOOD:
            kept.append(run)
    if not kept:
        return None
    if not doubted:
        return replace(finding, signal=replace(signal, runs=tuple(kept)))
    certainty = Certainty.SUSPECTED if finding.certainty is Certainty.PROVEN else finding.certainty
    left = replace(signal, runs=tuple(kept))
    return replace(finding, signal=left, certainty=certainty, reason=f"{finding.reason} {UNKNOWN}")
