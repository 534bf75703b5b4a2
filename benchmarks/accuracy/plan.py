"""Which kinds and seeds are run, in batches; what was judged already is read from a file and not run again."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.accuracy.batch import Case
from benchmarks.accuracy.judge import Judgement
from simulation.worlds.clean import CLEAN
from simulation.worlds.faults import FAULTS

ROOT = Path(__file__).parents[2]
PRODUCT = ("schemas", "network", "connectors", "pipelines", "simulation", "benchmarks/accuracy")
BATCH = 50


def cases(incidents: int, windows: int) -> list[list[Case]]:
    """Batches of cases: all kinds in turn, with rising seeds."""
    return [*_batches(list(FAULTS), incidents), *_batches(list(CLEAN), windows)]


def _batches(kinds: Sequence[str], n: int) -> Iterator[list[Case]]:
    whole = [(kinds[i % len(kinds)], i // len(kinds) + 1) for i in range(n)]
    for at in range(0, n, BATCH):
        yield whole[at : at + BATCH]


def version() -> str:
    """A digest of the code that decides the results."""
    digest = hashlib.blake2b(digest_size=8)
    for package in PRODUCT:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".sql"):
                digest.update(path.read_bytes())
    return digest.hexdigest()


class Done:
    """Judgements of one version of the code, a JSON line each."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{version()}.jsonl"

    def read(self) -> dict[Case, Judgement]:
        """By case. A last line that was cut off counts as not done."""
        found = {}
        lines = self.path.read_text("utf-8").splitlines(keepends=True) if self.path.exists() else []
        for line in lines:
            if line.endswith("\n"):
                members = json.loads(line)
                one = Judgement(**members | {"said": tuple(members["said"])})
                found[one.kind, one.seed] = one
        return found

    def add(self, judgements: Sequence[Judgement]) -> None:
        whole = "".join(json.dumps(asdict(one)) + "\n" for one in judgements)
        have = self.path.read_text("utf-8") if self.path.exists() else ""
        if have and not have.endswith("\n"):
            self.path.write_text(have[: have.rfind("\n") + 1], "utf-8")
        with self.path.open("a", encoding="utf-8") as file:
            file.write(whole)
