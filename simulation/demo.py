"""`flowtrail demo`: the story with real components, each command shown as it is run.

A moto server on loopback stands in for AWS, the real `aws` command line creates, breaks and repairs the configuration,
and `flowtrail` runs as a person would run it.
"""

import json
import shlex
import shutil
import subprocess
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from simulation.aws import AwsError, environment, moto_server, program
from simulation.calls import UnknownCall
from simulation.network import save
from simulation.recorder import Actor
from simulation.story import BEGIN, END, FIXED, NOW, Fault, Stage, Story, Telling, clock, logs, put

BUCKET, LIVE = "flowtrail-demo", "flowtrail-demo-live"
AT_FIRST = clock("15:00")
"""Logs up to then have arrived when watching begins."""
MARKER = ".flowtrail-demo"
SEED = 1
COMMAND_SECONDS = 150
LOOKED_AT = "2026-11-20T14:00:00Z"


class Failed(Exception):
    """The story did not end as expected."""


def run(folder: Path, console: Console) -> None:
    """Run the story; the store is left in `folder`, which is emptied first if an earlier demo created it.

    Raises SystemExit(1), after printing the reason, unless the story ends as expected: exactly two incidents, both
    proven, both closed by the commands that Flowtrail printed.
    """
    try:
        store = _empty_folder(folder)
        with moto_server(SEED) as endpoint:
            _Demo(console, endpoint, store).tell()
    except (Failed, AwsError, UnknownCall, OSError) as error:
        console.print(Text(f"\nThe demo failed: {error}", style="bold red"))
        raise SystemExit(1) from None
    _farewell(console, store)


def _empty_folder(folder: Path) -> Path:
    """The path of the new store. Removes what an earlier demo left, and nothing else. Raises Failed."""
    if folder.exists() and not folder.is_dir():
        raise Failed(f"{folder} is not a folder. Choose another one: flowtrail demo --folder DIR")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise Failed(f"{folder} has files that no demo created. Choose another folder: flowtrail demo --folder DIR")
    if (folder / MARKER).exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Created by `flowtrail demo`, which empties this folder each time it runs.\n", "utf-8")
    return folder / "flowtrail.db"


def _farewell(console: Console, store: Path) -> None:
    _title(console, "Your turn")
    _say(console, "The store is kept. Explore it:")
    flowtrail = _as_typed(program("flowtrail"))
    for command in (
        [flowtrail, "incidents"],
        [flowtrail, "search", "--action", "reject", "--port", "22", "--limit", "20"],
        [flowtrail, "sql", "SELECT action, count() FROM flows GROUP BY action"],
        [flowtrail, "status"],
        [flowtrail, "console"],
    ):
        console.print(
            Text(f"  $ FLOWTRAIL_DB={shlex.quote(str(store))} {shlex.join(command)}", style="bold"), soft_wrap=True
        )


def _as_typed(path: str) -> str:
    """How to call the program from the current folder: by name if it is on PATH, else by its path."""
    if shutil.which(Path(path).name) == path:
        return Path(path).name
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


class _Demo:
    """One run of the story, which calls only `endpoint`."""

    def __init__(self, console: Console, endpoint: str, store: Path) -> None:
        self.console = console
        self.endpoint = endpoint
        self.telling = Telling(seed=SEED)
        settings = {name: value for name, value in environment(endpoint).items() if not name.startswith("FLOWTRAIL_")}
        self.environment = settings | {"FLOWTRAIL_DB": str(store), "COLUMNS": str(console.width)}

    def tell(self) -> None:
        """Raises Failed, AwsError or UnknownCall."""
        self._chapter("A VPC", "A web server in a public subnet (SSH and HTTP open), a database in a private one.")
        self._say(f"A moto server on {self.endpoint} stands in for AWS; nothing leaves this machine.")
        with self.console.status("Building it with about 25 `aws ec2` commands ..."):
            stage = Stage(self.endpoint, SEED, self._announce)
        self._say("At noon, we take a snapshot of its configuration. No other preparation is needed.")
        self._flowtrail("snapshot", "--as-of", "2026-11-20T12:00:00Z")

        self._chapter("An afternoon", "Clients come and go, scanners probe closed ports. Then people make changes:")
        story = stage.tell()
        self._say("15:04:30  erin tries to add a deny rule too: Client.UnauthorizedOperation")
        self._say("          (moto does not enforce IAM: this call is only in the trail)")
        self._say("AWS delivers the flow logs and the trail to a bucket.")
        put(logs(story, self.telling, BEGIN, NOW), self.endpoint, BUCKET)

        self._chapter("15:45", "HTTP is down, SSH is down, and the scanners are as noisy as ever. What happened?")
        self._flowtrail("ingest", f"s3://{BUCKET}/")
        self._flowtrail(
            "search", "--action", "reject", "--port", "22", "--from", "2026-11-20T15:00:00Z", "--limit", "8"
        )
        self._flowtrail("correlate", "--from", LOOKED_AT, "--to", _text(NOW))
        self._flowtrail("incidents")
        found = self._incidents()
        _check(story.faults, found, "open")
        for incident in found:
            self._flowtrail("incident", incident["id"])

        self._chapter("15:50", "Flowtrail never changes anything itself. We run the two commands that it printed:")
        fixed = stage.fix(story, [incident["fix"] for incident in found], FIXED)
        self._say("Traffic continues until 16:15, and more logs arrive.")
        put(logs(fixed, self.telling, NOW, END), self.endpoint, BUCKET)
        self._flowtrail("ingest", f"s3://{BUCKET}/")
        self._flowtrail("correlate", "--from", LOOKED_AT, "--to", _text(END))
        self._flowtrail("incidents")
        closed = self._incidents()
        _check(fixed.faults, closed, "closed")
        for incident in closed:
            self._say(f"{incident['kind']}: closed, traffic got through again at {incident['closed_at']}.")

        self._chapter("The same, as it happens", "With another store, `flowtrail watch` runs while the logs arrive:")
        self._watch(story, fixed)

    def _watch(self, story: Story, fixed: Story) -> None:
        """Raises Failed unless both incidents are told of by themselves, and that they are over."""
        store = Path(self.environment["FLOWTRAIL_DB"])
        own = self.environment | {"FLOWTRAIL_DB": str(store.with_name("watched.db"))}
        save(story.phases[0].answers, store.with_name("answers"))
        snapshot = ["snapshot", "--from-files", str(store.with_name("answers")), "--as-of", _text(BEGIN)]
        self._run(["flowtrail", *snapshot], own, capture=True)
        put(logs(story, self.telling, BEGIN, AT_FIRST), self.endpoint, LIVE)
        command = ["watch", f"s3://{LIVE}/", "--every", "1s", "--notify", "stdout"]
        self._show(f"$ {shlex.join(['flowtrail', *command])}")
        with _Watching([program("flowtrail"), *command], own) as watching:
            self._say("15:00  Logs of the first hours have arrived.")
            self._told(watching, "Open: ", 1)
            put(logs(story, self.telling, AT_FIRST, NOW), self.endpoint, LIVE)
            self._say("15:45  More logs have arrived.")
            self._told(watching, "Open: ", 1)
            put(logs(fixed, self.telling, NOW, END), self.endpoint, LIVE)
            self._say("16:15  Logs from after the repair have arrived.")
            self._told(watching, "Over: ", 2)

    def _told(self, watching: "_Watching", state: str, number: int) -> None:
        """Show messages until so many of this state have come. One that is only told again does not count."""
        titles: set[str] = set()
        while len(titles) < number:
            message = watching.message()
            for line in message:
                self.console.print(Text(f"  {line}"), soft_wrap=True)
            self.console.print()
            if message[0].startswith(state) and message[0] not in watching.titles:
                titles.add(message[0])
            watching.titles.add(message[0])

    def _incidents(self) -> list[dict[str, Any]]:
        answer = self._run(["flowtrail", "incidents", "--output", "json"], capture=True)
        incidents: list[dict[str, Any]] = json.loads(answer)
        return sorted(incidents, key=lambda incident: str(incident["first_seen"]))

    def _flowtrail(self, *arguments: str) -> None:
        self._show(f"$ {shlex.join(['flowtrail', *arguments])}")
        self._run(["flowtrail", *arguments], capture=False)
        self.console.print()

    def _run(self, command: Sequence[str], variables: dict[str, str] | None = None, *, capture: bool) -> str:
        self.console.file.flush()
        try:
            done = subprocess.run(
                [program(command[0]), *command[1:]],
                env=variables or self.environment,
                stdout=subprocess.PIPE if capture else None,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"`{shlex.join(command)}` did not finish within {COMMAND_SECONDS} s.") from None
        if done.returncode != 0:
            raise Failed(f"`{shlex.join(command)}` failed with exit code {done.returncode}.")
        return done.stdout or ""

    def _announce(self, at: datetime, actor: Actor, command: str) -> None:
        line = command if command.startswith("aws ") else f"aws ec2 {command}"
        self._say(f"{at:%H:%M:%S}  {actor.name}")
        self._show(f"$ {line}")

    def _chapter(self, title: str, words: str) -> None:
        _title(self.console, title)
        self._say(words)

    def _say(self, words: str) -> None:
        _say(self.console, words)

    def _show(self, line: str) -> None:
        self.console.print(Text(line, style="bold"), soft_wrap=True)


class _Watching:
    """`flowtrail watch` as a process, whose messages are read; it ends with the context."""

    def __init__(self, command: Sequence[str], variables: dict[str, str]) -> None:
        self.titles: set[str] = set()
        self._process = subprocess.Popen(
            command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "_Watching":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip())
        self._lines.put("\0")

    def message(self) -> list[str]:
        """The lines of the next message. Raises Failed if none comes."""
        found: list[str] = []
        while True:
            try:
                line = self._lines.get(timeout=COMMAND_SECONDS)
            except Empty:
                raise Failed(f"`flowtrail watch` told of nothing for {COMMAND_SECONDS} s.") from None
            if line == "\0":
                raise Failed("`flowtrail watch` ended.")
            if line:
                found.append(line)
            elif found:
                return found


def _check(faults: Sequence[Fault], incidents: Sequence[dict[str, Any]], state: str) -> None:
    """Raise Failed unless the incidents are exactly the story's faults, each proven, with a fix, and in this state."""
    if len(incidents) != len(faults):
        raise Failed(f"expected exactly {len(faults)} incidents, found {len(incidents)}.")
    for fault in faults:
        incident = next((one for one in incidents if one["kind"] == fault.kind), None)
        if incident is None:
            raise Failed(f"there is no incident of kind {fault.kind}.")
        _check_one(fault, incident, state)


def _check_one(fault: Fault, incident: dict[str, Any], state: str) -> None:
    cause = incident["cause"] or {}
    wanted = {
        "certainty": ("proven", incident["certainty"]),
        "state": (state, incident["state"]),
        "event ids": ([fault.event_id], cause.get("event_ids")),
        "actor": (fault.actor, cause.get("actor")),
        "layer": (fault.layer, cause.get("layer")),
        "resource": (fault.resource, cause.get("resource")),
        "rule": (fault.rule, cause.get("rule")),
    }
    for name, (expected, found) in wanted.items():
        if found != expected:
            raise Failed(f"the {fault.kind} incident's {name} should be {expected!r} but is {found!r}.")
    if not incident["fix"]:
        raise Failed(f"the {fault.kind} incident has no command that undoes it.")


def _title(console: Console, title: str) -> None:
    console.print()
    console.print(Rule(Text(title, style="bold"), align="left"))


def _say(console: Console, words: str) -> None:
    console.print(Text(words))


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
