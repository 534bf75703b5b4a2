"""One incident on the screen: it has everything a person needs, and none of it can do harm there."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.answers.incidents import what
from console.answers.text import both
from console.terminal.incidents import show_list, show_story
from console.terminal.screen import Screen
from schemas.incident import Cause, Certainty, Evidence, Incident, Kind, State, TimelineEntry

AT = datetime(2026, 11, 20, 15, 5, tzinfo=UTC)

INCIDENT = Incident(
    id="abc123",
    kind=Kind.REJECTS,
    state=State.OPEN,
    certainty=Certainty.PROVEN,
    reason="before the change these packets pass, after it they are rejected",
    cause=Cause(
        ("event-1",),
        "CreateNetworkAclEntry",
        "arn:aws:iam::1:user/bob",
        "203.0.113.250",
        AT,
        "network-acl",
        "acl-1",
        "ingress 90 deny tcp 22 from 0.0.0.0/0",
    ),
    enis=("eni-1",),
    protocols=(6,),
    ports=(22,),
    peers=tuple(f"198.51.100.{n}" for n in range(1, 9)),
    first_seen=AT + timedelta(seconds=12),
    last_seen=AT + timedelta(minutes=40),
    closed_at=None,
    closed_by=(),
    fix="aws ec2 delete-network-acl-entry --network-acl-id acl-1 --rule-number 90 --ingress " + "x" * 200,
    inverse="aws ec2 create-network-acl-entry --network-acl-id acl-1",
    timeline=(TimelineEntry(AT, "bob adds rule 90"), TimelineEntry(AT + timedelta(seconds=12), "first reject")),
    evidence=(Evidence("first reject", AT, "logs", "a/b.log.gz", "e7a9", 17, "2 1 eni-1 ... REJECT OK"),),
    coverage="no SKIPDATA in the range",
    proof_query="SELECT 1\nFROM flows",
)


def told(incident: Incident) -> str:
    out = io.StringIO()
    show_story(incident, Screen(out))
    return out.getvalue()


def test_the_story_has_everything() -> None:
    text = told(INCIDENT)
    for part in (
        "tcp 22 rejected at eni-1",
        "proven (tested",
        "CreateNetworkAclEntry on acl-1",
        "ingress 90 deny tcp 22 from 0.0.0.0/0 (network-acl)",
        "arn:aws:iam::1:user/bob from 203.0.113.250",
        "event-1",
        "8: 198.51.100.1, 198.51.100.2, 198.51.100.3, 198.51.100.4, 198.51.100.5 and 3 more",
        f"first seen  {both(INCIDENT.first_seen)}",
        "bob adds rule 90",
        "s3://logs/a/b.log.gz line 17 (ETag e7a9)",
        "2 1 eni-1 ... REJECT OK",
        "no SKIPDATA in the range",
        "FROM flows",
        "Flowtrail never runs this",
    ):
        assert part in text


def test_each_command_is_on_one_line_so_it_can_be_copied() -> None:
    lines = [line.strip() for line in told(INCIDENT).splitlines()]
    assert INCIDENT.fix in lines
    assert INCIDENT.inverse in lines


def test_a_closed_incident_shows_when_and_by_what_and_suggests_nothing() -> None:
    closed = replace(INCIDENT, state=State.CLOSED, closed_at=AT + timedelta(minutes=45), closed_by=("event-2",))
    text = told(closed)
    assert "closed 2026-11-20 15:50:00Z" in text
    assert "event-2" in text
    assert "not needed: the incident is closed" in text


def test_without_a_cause_nothing_is_guessed() -> None:
    unexplained = replace(INCIDENT, cause=None, certainty=Certainty.UNEXPLAINED, fix=None, inverse=None)
    text = told(unexplained)
    assert "Unknown; Flowtrail does not guess." in text
    assert "undo" not in text


@pytest.mark.parametrize("hostile", ["\x1b[2Jgone", "\u202etxt.exe", "a\nb", "[red]x[/]"])
def test_hostile_text_does_nothing(hostile: str) -> None:
    assert INCIDENT.cause is not None
    bad = replace(
        INCIDENT,
        id=hostile,
        reason=hostile,
        cause=replace(INCIDENT.cause, actor=hostile, rule=hostile),
        timeline=(TimelineEntry(AT, hostile),),
        evidence=(replace(INCIDENT.evidence[0], key=hostile, text=hostile),),
        coverage=hostile,
    )
    out = io.StringIO()
    show_list([bad], Screen(out))
    show_story(bad, Screen(out))
    assert all(line.isprintable() for line in out.getvalue().split("\n"))
    if "[" in hostile:
        assert hostile.replace("\x1b", r"\x1b") in out.getvalue()


def test_the_list_is_one_line_each() -> None:
    out = io.StringIO()
    show_list([INCIDENT, replace(INCIDENT, id="def", kind=Kind.LOST_TRAFFIC, cause=None)], Screen(out))
    lines = out.getvalue().splitlines()
    assert lines[1].split()[:3] == ["abc123", "open", "tcp"]
    assert "CreateNetworkAclEntry by arn:aws:iam::1:user/bob on acl-1" in lines[1]
    assert "lost at eni-1" in lines[2]
    out = io.StringIO()
    show_list([], Screen(out))
    assert out.getvalue() == "No incidents.\n"


def test_what_stopped_in_a_few_words() -> None:
    assert what(INCIDENT) == "tcp 22 rejected at eni-1"
    assert what(replace(INCIDENT, protocols=(1,), ports=())) == "icmp rejected at eni-1"
