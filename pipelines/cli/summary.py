"""What an ingest did, in words and in JSON."""

from typing import TYPE_CHECKING, Any

from console.coverage import SEE_REJECTED
from console.screen import Screen
from schemas.ledger import DeadLetter

if TYPE_CHECKING:
    from pipelines.ingest.pipeline import IngestSummary

MOST = 20
"""Dead letters that are listed; the others are in their folder."""

LETTER = ("bucket", "key", "etag", "version_id", "size", "reason", "detail")


def to_json(summary: "IngestSummary") -> dict[str, Any]:
    """Every count, and every dead letter with its object."""
    return {**vars(summary), "dead_letters": [letter_json(letter) for letter in summary.dead_letters]}


def to_record(summary: "IngestSummary") -> dict[str, Any]:
    """Every count, for a line of CSV; of dead letters how many."""
    return {**vars(summary), "dead_letters": len(summary.dead_letters)}


def letter_json(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter, flat."""
    ref = letter.ref
    values = (ref.bucket, ref.key, ref.etag, ref.version_id, ref.size, letter.reason, letter.detail)
    return dict(zip(LETTER, values, strict=True))


def show(summary: "IngestSummary", dead_letter_folder: str, screen: Screen) -> None:
    """Objects, then records, then what was set aside."""
    counts = [f"{summary.objects_done} loaded", f"{summary.objects_known} known already"]
    counts += [f"{summary.objects_other} no logs"] if summary.objects_other else []
    counts += [f"{summary.objects_busy} being loaded by another process"] if summary.objects_busy else []
    counts += [f"{len(summary.dead_letters)} set aside"] if summary.dead_letters else []
    screen.line(f"{summary.objects_listed} objects: {', '.join(counts)}.")
    screen.line(
        f"{summary.rows_read} records read = {summary.rows_written} written + {summary.rows_rejected} rejected"
        f" + {summary.rows_skipped} skipped: {summary.flows} flows, {summary.coverage} coverage,"
        f" {summary.change_events} changes."
    )
    if summary.tgw_flows or summary.tgw_coverage:
        screen.line(
            f"Of transit gateways, apart from these: {summary.tgw_flows} flows, {summary.tgw_coverage} coverage."
        )
    if summary.skipped:
        screen.line("Skipped: " + ", ".join(f"{count} {reason}" for reason, count in sorted(summary.skipped.items())))
    if summary.rows_rejected:
        screen.line(f"Rejected lines are kept with their reason: {SEE_REJECTED}")
    if summary.dead_letters:
        _show_letters(summary.dead_letters, dead_letter_folder, screen)


def _show_letters(letters: list[DeadLetter], folder: str, screen: Screen) -> None:
    screen.heading("Set aside")
    for letter in letters[:MOST]:
        screen.line(f"  {letter.ref.url}")
        screen.line(f"    {letter.reason}: {letter.detail}")
    if len(letters) > MOST:
        screen.line(f"  and {len(letters) - MOST} more")
    screen.line(f"References to them are in {folder}. Deliver them anew or mend them, then run the same command again:")
    screen.line("what is loaded is not loaded twice.")
