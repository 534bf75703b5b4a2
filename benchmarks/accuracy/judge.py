"""What was said of a world, compared with its truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.incident import Certainty, Incident, State
from simulation.walk import walk
from simulation.worlds.ec2 import Refused, run_line
from simulation.worlds.world import World


@dataclass(frozen=True)
class Judgement:
    """`right`: all guilty calls are named and nobody else is, with the demanded certainty. `restored`: whether the
    printed fixes bring the packets back; None where no fix was printed. `per_cause`: incidents per guilty call named;
    `said` is for people."""

    kind: str
    seed: int
    clean: bool
    right: bool
    false_proofs: int
    named: int
    causes: int
    incidents: int
    restored: bool | None
    problem: str
    said: tuple[str, ...]


def judge(world: World, found: Sequence[Incident]) -> Judgement:
    allowed = world.guilty | world.may
    naming = [i for i in found if i.cause]
    named = {event for i in naming if i.cause for event in i.cause.event_ids}
    false_proofs = sum(
        bool(i.cause and set(i.cause.event_ids) - allowed) and i.certainty is Certainty.PROVEN for i in naming
    )
    weak = [i for i in naming if i.certainty is not Certainty.PROVEN and i.cause and set(i.cause.event_ids) & allowed]
    problems = []
    if world.guilty - named:
        problems.append(f"not named: {_events(world, world.guilty - named)}")
    if named - allowed:
        problems.append(f"innocent and named: {_events(world, named - allowed)}")
    if weak and world.demanded == "proven":
        problems.append("only suspected")
    right_ones = [i for i in naming if i.cause and set(i.cause.event_ids) & world.guilty]
    restored, why = _restored(world, right_ones)
    return Judgement(
        kind=world.kind,
        seed=world.seed,
        clean=not world.guilty,
        right=not problems,
        false_proofs=false_proofs,
        named=len(naming),
        causes=len(world.guilty & named),
        incidents=len(right_ones),
        restored=restored,
        problem="; ".join([*problems, *([why] if why else [])]),
        said=tuple(_said(world, i) for i in found),
    )


def _restored(world: World, found: Sequence[Incident]) -> tuple[bool | None, str]:
    """A closed incident's fix is run where it was last seen, but before the call that closed it; those of all open ones
    are run together at the end."""
    fixed = [i for i in found if i.fix]
    if not fixed:
        return None, ""
    runs = [[i for i in fixed if i.state is State.OPEN], *([i] for i in fixed if i.state is State.CLOSED)]
    whole = len(fixed) == len(found)
    for incidents in runs:
        if not incidents:
            continue
        closed = incidents[0].state is State.CLOSED
        state = world.state_at(_bad_until(world, incidents[0]) if closed else world.states[-1][0])
        try:
            for line in dict.fromkeys(i.fix or "" for i in incidents):
                run_line(state, line)
        except (Refused, StopIteration, KeyError) as error:
            return False, f"fix refused: {error}: {incidents[0].fix}"
        ports = {port for i in incidents for port in i.ports}
        for probe in world.probes:
            if closed or not whole or {i.state for i in found} != {State.OPEN}:
                mine = probe.dst_port in ports and probe.eni in {eni for i in incidents for eni in i.enis}
                mine = mine and bool({probe.src, probe.dst} & {peer for i in incidents for peer in i.peers})
                if not mine:
                    continue
            ends = (probe.src, probe.dst, probe.protocol, probe.src_port, probe.dst_port)
            if walk(state, probe.eni, *ends).outcome != "completes":
                return False, f"not restored: {probe} by {incidents[0].fix}"
    return True, ""


def _bad_until(world: World, incident: Incident) -> datetime:
    """A moment at which the fault of a closed incident lasted: flows of before a change are logged after it."""
    ended = [r["eventTime"] for r in world.records if r["eventID"] in incident.closed_by]
    return min([incident.last_seen, *(datetime.fromisoformat(at) - timedelta(seconds=1) for at in ended)])


def _events(world: World, ids: frozenset[str] | set[str]) -> str:
    return ", ".join(_event(world, event) for event in sorted(ids))


def _event(world: World, event_id: str) -> str:
    for record in world.records:
        if record["eventID"] == event_id:
            return f"{record['eventName']} at {record['eventTime'][11:19]}"
    return f"a call of another world ({event_id})"


def _said(world: World, i: Incident) -> str:
    cause = _events(world, set(i.cause.event_ids)) if i.cause else "no cause"
    place = f"{','.join(i.enis)} ports {','.join(map(str, i.ports))}"
    return f"{i.kind} {i.certainty} {i.state} at {place}: {cause}. {i.reason[:300]}"
