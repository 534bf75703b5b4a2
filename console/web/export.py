"""An incident as one file for a ticket: JSON, Markdown, or HTML that needs nothing else."""

import re
from collections.abc import Iterator
from importlib.resources import files

from markupsafe import Markup

from console.answers.incidents import Told, what
from console.answers.plain import json_text
from console.answers.text import clean, utc
from console.answers.traffic import Traffic
from console.web.chart import chart
from console.web.render import page


def as_json(told: Told) -> str:
    """All fields, as `flowtrail incident ID --output json`."""
    return json_text(told.to_json())


def as_markdown(told: Told) -> str:
    """For a ticket. Text from logs cannot act as Markdown or HTML."""
    return "\n".join(_lines(told)) + "\n"


def _lines(told: Told) -> Iterator[str]:
    found = told.now.incident
    yield f"# {_plain(what(found))}"
    yield ""
    if told.now.withdrawn:
        instead = f"; found instead: {', '.join(map(_code, told.now.replaced_by))}" if told.now.replaced_by else ""
        yield f"**This incident is no longer found{instead}. What follows is what was said earlier.**\n"
    yield f"* Incident: {_code(found.id)}, {found.state}, {found.certainty}"
    yield f"* First seen: {utc(found.first_seen)}; last seen: {utc(found.last_seen)}"
    if found.closed_at:
        yield f"* Closed: {utc(found.closed_at)}"
    yield f"* Why: {_plain(found.reason)}"
    if cause := found.cause:
        who = f"{_code(cause.actor)} from {_code(cause.source_ip)}"
        change = f"{_code(cause.event_name)} on {_code(cause.resource)}"
        yield f"* Cause ({found.certainty}): {change} by {who} at {utc(cause.time)}"
        yield f"* Rule: {_code(cause.rule)} ({cause.layer}); CloudTrail event {_code(', '.join(cause.event_ids))}"
    for title, command in (("To undo it", found.fix), ("To reverse that", found.inverse)):
        if command:
            yield f"\n## {title}\n\n{_block(command)}"
    yield "\n## Timeline\n"
    for entry in found.timeline:
        yield f"* {utc(entry.time)}: {_plain(entry.what)}"
    yield "\n## Evidence\n"
    for item in found.evidence:
        yield f"* {utc(item.time)}: {_plain(item.what)}"
        yield f"  {_code(f's3://{item.bucket}/{item.key}')} line {item.line}, ETag {_code(item.etag)}"
        yield f"  {_code(item.text)}"
    yield f"\n## Completeness\n\n{_plain(found.coverage)}"
    yield f"\n## Proof\n\n{_block(found.proof_query)}"


def _plain(text: str) -> str:
    """Text in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~])", r"\\\1", clean(text))


def _code(text: str) -> str:
    """Text in backticks: as many as are needed that those in the text end nothing."""
    shown = clean(text)
    ticks = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    return f"{ticks} {shown} {ticks}" if "`" in shown else f"`{shown}`"


def _block(text: str) -> str:
    return "\n".join("    " + clean(line) for line in text.split("\n"))


def as_html(told: Told, traffic: Traffic) -> str:
    """One page with its style in it, and no script."""
    style = Markup((files("console.web") / "static" / "style.css").read_text("utf-8"))  # noqa: S704 - our own file
    found = told.now.incident
    return page("exported", told=told, found=found, traffic=traffic, chart=chart(traffic, found), style=style)
