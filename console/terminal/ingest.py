"""The summary of an ingest, as text and as JSON."""

from typing import TYPE_CHECKING, Any

from console.answers.coverage import SEE_REJECTED
from console.terminal.screen import Screen
from schemas.ledger import DeadLetter

if TYPE_CHECKING:
    from schemas.summary import IngestSummary

MOST = 20
"""Dead letters that are shown; the store has all of them."""

LETTER = ("bucket", "key", "etag", "version_id", "size", "reason", "detail")


def to_json(summary: "IngestSummary") -> dict[str, Any]:
    """All counts, and each dead letter with its object."""
    return {**vars(summary), "dead_letters": [letter_json(letter) for letter in summary.dead_letters]}


def to_record(summary: "IngestSummary") -> dict[str, Any]:
    """All counts, for one line of CSV; `dead_letters` is their number."""
    return {**vars(summary), "dead_letters": len(summary.dead_letters)}


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter with its object, as one flat object."""
    ref = letter.ref
    values = (ref.bucket, ref.key, ref.etag, ref.version_id, ref.size, letter.reason, letter.detail)
    return dict(zip(LETTER, values, strict=True))


def show(summary: "IngestSummary", screen: Screen) -> None:
    """Objects, then records, then dead letters."""
    counts = [f"{summary.objects_done} loaded", f"{summary.objects_known} already known"]
    counts += [f"{summary.objects_other} not logs"] if summary.objects_other else []
    counts += [f"{summary.objects_busy} being loaded by another process"] if summary.objects_busy else []
    counts += [f"{len(summary.dead_letters)} set aside"] if summary.dead_letters else []
    screen.line(f"{summary.objects_listed} objects: {', '.join(counts)}.")
    screen.line(
        f"{summary.rows_read} records read = {summary.rows_written} written + {summary.rows_rejected} rejected"
        f" + {summary.rows_skipped} skipped: {summary.flows} flows, {summary.coverage} coverage,"
        f" {summary.change_events} changes."
    )
    if summary.tgw_flows or summary.tgw_coverage:
        screen.line(f"In addition, from transit gateways: {summary.tgw_flows} flows, {summary.tgw_coverage} coverage.")
    if summary.skipped:
        screen.line("Skipped: " + ", ".join(f"{count} {reason}" for reason, count in sorted(summary.skipped.items())))
    if summary.rows_rejected:
        screen.line(f"Rejected lines are stored with their reason: {SEE_REJECTED}")
    if summary.dead_letters:
        _show_letters(summary.dead_letters, screen)


def _show_letters(letters: list[DeadLetter], screen: Screen) -> None:
    screen.heading("Set aside")
    for letter in letters[:MOST]:
        screen.line(f"  {letter.ref.url}")
        screen.line(f"    {letter.reason}: {letter.detail}")
    if len(letters) > MOST:
        screen.line(f"  and {len(letters) - MOST} more")
    screen.line(
        "`flowtrail deadletters list` shows them all. Repair or redeliver them, then run the same command again:"
    )
    screen.line("objects that are already loaded are not loaded twice.")
