"""Publish: make what a run has found part of what is known, when other runs do the same at the same time.

A run reads what is known, settles what it has found against it, writes the outcome as the next generation, and then
looks whether another run has written since it read. If so, it has settled against what is no longer all that is known:
it settles anew against what the others say. Of two runs that overlap, the one that looks last sees all that the other
has written, because the history is written before anything else; so nothing that a run found is lost. If it dies before
it looks, what it overwrote is only in the history until that time is correlated again.
"""

import random
import time

from clickhouse_connect.driver.client import Client

from connectors.store import incidents
from pipelines.correlate.settle import Settled, corrected, settle
from schemas.errors import FlowtrailError
from schemas.incident import Examined

ATTEMPTS = 30
PAUSE = 0.25
"""Runs that met wait up to this many seconds, each its own time, so that they do not meet again."""


def publish(client: Client, run: str, now: Examined) -> Settled:
    """Publish the drafts of a run over the range `now`. Raises FlowtrailError when other runs never leave it alone."""
    found = incidents.drafts(client, run)
    generation = incidents.latest(client)
    settled = settle(incidents.current(client), found, now)
    said = settled.said
    for _ in range(ATTEMPTS):
        written = incidents.write(client, run, said, generation + 1)
        if not written or not incidents.is_overtaken(client, run, generation):
            return settled
        time.sleep(random.uniform(0, PAUSE))  # noqa: S311 - only spreads attempts
        generation = incidents.latest(client)
        others = incidents.of_others(client, run)
        settled = settle(others, found, now)
        said = corrected(settled, others, incidents.of_run(client, run), now)
    raise FlowtrailError(
        "Other runs of `correlate` on this database are changing the incidents all the time.",
        "What this run found is kept with it. Run it again when fewer run at the same time.",
    )
