"""Kills runs and lets them go on: what the tests of kills share."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.file_events import NOT_READ_BACK
from tests.integration.runs import untimed, untimed_lines

ROOT = Path(__file__).parents[2]
KILLED = -9
"""What of metrics and state depends on the clock."""


@dataclass(frozen=True)
class Event:
    """A change of a file, as ``FileEvents`` notes it."""

    place: str
    """Where it stands in its process, as ``Trial.stop`` names it."""
    begun: str
    """The checkpoint that was begun last; ``-`` before the first."""
    what: str
    """What is done, and to which files."""

    @property
    def group(self) -> str:
        """Name of the checkpoint that is saved; empty for what saving does not do, and before the first."""
        return self.place.partition(":")[0]

    @property
    def kind(self) -> str:
        """What it is, whichever the update."""
        return re.sub(r"update-\d+", "update-N", self.what)


@dataclass(frozen=True)
class Ended:
    """How a process of the program ended."""

    code: int
    """Exit code, or minus the signal."""
    seconds: float
    """How long it took."""
    out: str
    """What it printed."""
    events: list[Event]
    """Its changes of files; of a process that was stopped the last one did not happen."""


class ForkServer:
    """The program in processes that start at once; a context that ends with the server."""

    def __init__(self, directory: Path, cache: Path) -> None:
        self.directory = directory
        environment = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "SEQTRAIN_CACHE": str(cache)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.fork_server"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "ForkServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=60)

    def run(self, *arguments: str, directory: Path, stop: str = "", kill_after_seconds: float = 120.0) -> Ended:
        """Run the program, watching a directory, up to an event or a time."""
        output, events = self.directory / "output", self.directory / "events"
        for file in (output, events):  # a process may end before it opens them
            file.write_bytes(b"")
        trial = {"arguments": arguments, "directory": str(directory), "output": str(output), "events": str(events)}
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({**trial, "stop": stop, "kill_after_seconds": kill_after_seconds}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return Ended(**answer, out=output.read_text(encoding="utf-8"), events=list(_events(events)))


@dataclass(frozen=True)
class Killable:
    """A run that is killed and goes on, as often as one likes."""

    server: ForkServer
    overrides: Sequence[str]
    """What it is started with."""
    directory: Path
    """Its run directory."""
    watched: Path | None = None
    """Where changes of files are events; the run directory if None."""

    @property
    def command(self) -> list[str]:
        """What a user types now: ``resume=RUN``; the first command again as long as there is nothing to go on with."""
        if (self.directory / ".hydra/config.yaml").is_file():
            return [f"resume={self.directory}"]
        return [*self.overrides, f"hydra.run.dir={self.directory}"]

    def go_on(self, stop: str = "", kill_after_seconds: float = 120.0) -> Ended:
        """Start or go on, up to an event, a time, or the end."""
        watched = self.watched or self.directory
        return self.server.run(*self.command, directory=watched, stop=stop, kill_after_seconds=kill_after_seconds)

    def stop_at(self, places: Iterable[str]) -> Iterator[Event]:
        """Stop before one event after another, yield them, and go on to the end."""
        for place in places:
            ended = self.go_on(place)
            assert ended.code == KILLED, f"did not come to {place}: {ended.out}"
            yield ended.events[-1]
        ended = self.go_on()
        assert ended.code == 0, ended.out


def packed(trials: Iterable[tuple[Event, ...]]) -> list[list[str]]:
    """Join trials, each the events to stop before one after another, into chains for one run each.

    A chain goes from checkpoint to checkpoint: what a stop spoils in one is carried through all that come after it, up
    to the end that is compared.
    """
    chains: list[list[str]] = []
    reached: list[str] = []
    for trial in sorted(trials, key=lambda trial: trial[0].place):
        places, first = [event.place for event in trial], trial[0]
        free = next((i for i, last in enumerate(reached) if last < first.group), len(chains))
        chains[free : free + 1] = [[*(chains[free] if free < len(chains) else []), *places]]
        # Beside a checkpoint that a thread saves it is open which one comes next: the chain ends there.
        reached[free : free + 1] = [first.group if first.group or first.begun == "-" else "update-END"]
    return chains


def of_each_kind(events: Iterable[Event]) -> list[Event]:
    """Return one event of each kind, spread over the checkpoints so that few chains hold them."""
    places: dict[str, dict[str, Event]] = {}
    for event in events:
        places.setdefault(event.kind, {}).setdefault(event.group, event)
    taken: Counter[str] = Counter()
    found = []
    for groups in sorted(places.values(), key=len):
        group = min(groups, key=lambda group: (taken[group], group))
        taken[group] += 1
        found.append(groups[group])
    return found


def contents(run: Path) -> dict[str, Any]:
    """Return all that a run leaves, by path, but for times and for the log."""
    found: dict[str, Any] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file() and name not in NOT_READ_BACK:
            found[name] = _timeless(path, run)
    return found


def assert_same_end(run: Path, expected: Path, what: object) -> None:
    """Check that two runs left the same files with the same content."""
    ended, other = contents(run), contents(expected)
    assert ended.keys() == other.keys(), f"{what}: {run} and {expected} differ in {ended.keys() ^ other.keys()}"
    different = [name for name, content in ended.items() if content != other[name]]
    assert not different, f"{what}: {different} of {run} and {expected} differ"


def _timeless(file: Path, run: Path) -> Any:
    """Return a file's content without what depends on the clock and on where the run directory is."""
    content = file.read_bytes()
    if file.name == "metrics.jsonl":
        return untimed_lines(content.splitlines())
    if file.name == "state.json":
        state = json.loads(content)
        return {**state, "trainer": untimed(state["trainer"])}
    if file.name == "manifest.json":
        manifest = json.loads(content)
        return {**manifest, "files": {k: v for k, v in manifest["files"].items() if k != "training/state.json"}}
    return content.replace(os.fsencode(run), b"RUN")


def _events(file: Path) -> Iterator[Event]:
    for line in file.read_text(encoding="utf-8").splitlines():
        yield Event(*line.split(" ", 2))
