"""Changes in a terminal."""

import re

from console.answers.changes import FAILED, Changes
from console.answers.text import utc
from console.terminal.screen import Screen

TOOLS = re.compile(r"\b(?:Terraform|Pulumi|OpenTofu)/[\w.]+")


def show(found: Changes, screen: Screen) -> None:
    """One row for each change, newest first."""
    if found.changes:
        screen.table(
            ["time (UTC)", "call", "by", "from", "with", "what", "event ID"],
            [
                [
                    utc(change.time),
                    change.event_name,
                    change.actor,
                    change.source_ip,
                    tool(change.user_agent),
                    "; ".join(change.what),
                    change.event_id,
                ]
                for change in found.changes
            ],
        )
        screen.line()
    number = len(found.changes)
    count = f"{number} change{'s' * (number != 1)}" if number else "No matching changes"
    screen.line(count + (", and there are more: raise --limit or narrow the range." if found.more else "."))
    failed = found.not_kept.get(FAILED, 0)
    if failed:
        calls, were, are = ("1 call", "was", "is") if failed == 1 else (f"{failed} calls", "were", "are")
        screen.line(f"{calls} that AWS refused, or that failed, {were} read and {are} not stored.")


def tool(user_agent: str) -> str:
    """The name and version of the tool, without what it says of its libraries and system.

    >>> tool("APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io)"), tool("aws-cli/2.31.18 md/awscrt")
    ('Terraform/1.5.7', 'aws-cli/2.31.18')
    """
    known = TOOLS.search(user_agent)
    return known[0] if known else next(iter(user_agent.split()), "-")
