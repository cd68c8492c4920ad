"""A run that is killed, wherever and however often, and goes on ends with the bytes of one that was left alone."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.integration.kill_harness import (
    KILLED,
    ROOT,
    Ended,
    Event,
    ForkServer,
    Killable,
    assert_same_end,
    of_each_kind,
    packed,
)

Call = Callable[..., Any]

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at processes through /proc")

BASE = [
    "model.dropout=0.1",
    "training.update_freq=2",
    "training.patience=3",
    "training.max_update=100",
    "training.log_interval=4",
    "dataset.max_tokens=256",
    "optimizer.lr=5e-2",
    "lr_scheduler.warmup_updates=4",
    "validation.interval_epochs=0",
    "validation.interval_updates=3",
    "validation.generate=true",
    "scorer=[chrf]",
    "saving.metric=valid/chrf",
    "saving.maximize=true",
    "saving.interval_epochs=0",
    "saving.interval_updates=5",
    "saving.keep_last=2",
    "saving.keep_best=2",
]
"""About 12 updates an epoch, stops within one; the metric goes up and down until patience ends the run."""

MORE = [
    "training.ema=true",
    "ema.decay=0.8",
    "tokenizer=sentencepiece",
    "tokenizer.vocab_size=60",
    "tokenizer.sampling_alpha=0.1",
    "lr_scheduler=reduce_lr_on_plateau",
    "lr_scheduler.lr_shrink=0.5",
    "lr_scheduler.lr_threshold=0.3",
]
"""A moving average of the parameters, subword sampling, and a schedule with a state of its own."""

FAULTS = [
    f"hydra.searchpath=[{ROOT / 'tests/fixtures/faulty'}]",
    "criterion=faulty",
    f"criterion.sentences={list(range(0, 260, 20))}".replace(" ", ""),
    "training.max_faults=1000",
    "saving.interval_updates=2",
    "saving.keep_last=1",
]
"""Updates that are skipped, and others that training goes back from."""

SCENARIOS = {"base": BASE, "more": [*BASE, *MORE]}
"""Runs that are killed, by name."""

SEED = int(os.environ.get("SEQTRAIN_KILL_SEED", "1"))
"""Draws the random kills; another one by the environment."""


@dataclass(frozen=True)
class Scenario:
    """A run that was left alone, and how to begin another one like it."""

    server: ForkServer
    overrides: list[str]
    alone: Path
    """Run directory of the one that was left alone."""
    ended: Ended
    """How that one ended."""

    def new(self, directory: Path) -> Killable:
        """Return a run like it that has not begun."""
        return Killable(self.server, self.overrides, directory)

    def starting(self) -> list[Event]:
        """Return the events up to where there is a run to go on with."""
        whats = [event.what for event in self.ended.events]
        return self.ended.events[: whats.index("mkdir checkpoints")]

    def training(self) -> list[Event]:
        """Return the events after those."""
        return self.ended.events[len(self.starting()) :]

    def later(self) -> list[Event]:
        """Return the events of saving after the first checkpoint: a resume from there has all that a resume may do."""
        saving = [event for event in self.training() if event.group]
        return [event for event in saving if event.group != saving[0].group]

    def resuming(self, directory: Path) -> list[Event]:
        """Return the events at the beginning of a resume that finds nothing left behind.

        It goes from update 9 to update 10, where a checkpoint is due and no validation: no resume has fewer, and one
        that came later would be beside a checkpoint that a thread saves.
        """
        run = self.new(directory)
        for place in ("update-00000010:0", "update-00000012:0"):
            ended = run.go_on(place)
        return [event for event in ended.events if event.begun == "-"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[ForkServer]:
    with ForkServer(tmp_path_factory.mktemp("server"), cache) as server:
        yield server


@pytest.fixture(scope="module", params=SCENARIOS)
def scenario(
    request: pytest.FixtureRequest, server: ForkServer, tiny: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Scenario:
    alone = tmp_path_factory.mktemp(request.param) / "alone"
    overrides = [*tiny, *{**SCENARIOS, "faults": [*BASE, *FAULTS]}[request.param]]
    ended = Killable(server, overrides, alone).go_on()
    assert ended.code == 0 and "(training.patience)" in ended.out, ended.out
    kinds = {event.kind for event in ended.events}
    assert {"rename .tmp-best best", "rename .tmp-last last", "rmdir checkpoints/.tmp-update-N"} <= kinds
    return Scenario(server, overrides, alone, ended)


with_faults = pytest.mark.parametrize(
    "scenario", [*SCENARIOS, pytest.param("faults", marks=pytest.mark.slow)], indirect=True
)
only_base = pytest.mark.parametrize("scenario", ["base"], indirect=True)
only_more = pytest.mark.parametrize("scenario", ["more"], indirect=True)


def stop_all(scenario: Scenario, trials: Iterable[tuple[Event, ...]], directory: Path) -> set[str]:
    """Stop runs at all of these, compare how they end, and return the kinds of events that they were stopped at."""
    stopped = []
    for number, chain in enumerate(packed(trials)):
        run = scenario.new(directory / str(number))
        stopped += list(run.stop_at(chain))
        assert_same_end(run.directory, scenario.alone, chain)
    print(f"stopped {len(stopped)} times in {number + 1} runs")
    return {event.kind for event in stopped}


@only_more
@pytest.mark.slow
def test_stopped_after_each_kind_of_change(scenario: Scenario, tmp_path: Path) -> None:
    kinds = sorted(of_each_kind(scenario.training()), key=lambda event: event not in scenario.later())
    resuming = scenario.resuming(tmp_path / "sample")
    pairs = [(event, again) for event, again in zip(kinds, resuming, strict=False)]
    others = [(event,) for event in kinds[len(pairs) :]]
    assert stop_all(scenario, [*pairs, *others], tmp_path) >= {event.kind for event in [*kinds, *resuming]}


@only_more
def test_files_are_synced_before_they_are_renamed(scenario: Scenario) -> None:
    unsynced, renamed = set(), []
    for event in scenario.ended.events:
        what, path, *_ = event.what.split(" ")
        if what in ("write", "complete"):
            unsynced.add(path)
        elif what == "fsync":
            unsynced.discard(path)
        elif what == "rename":
            renamed.append(path)
            assert not [file for file in unsynced if f"{file}/".startswith(f"{path}/")], event
    assert set(renamed) >= {".hydra/.tmp-config.yaml", f"checkpoints/.tmp-{scenario.later()[0].group}"}


@only_base
def test_stopped_before_there_is_a_run(scenario: Scenario, call: Call, tmp_path: Path) -> None:
    run = scenario.new(tmp_path / "run")
    for event in run.stop_at(event.place for event in scenario.starting()):
        assert event.what in {other.what for other in scenario.starting()}
        if run.command[0].startswith("resume="):
            continue
        assert "there is no run here" in call(f"resume={run.directory}").refused()
    assert_same_end(run.directory, scenario.alone, "starting")


@only_base
@pytest.mark.slow
def test_stopped_while_data_is_prepared(scenario: Scenario, tmp_path: Path) -> None:
    cache, entry, number = tmp_path / "cache", "", 0
    run = Killable(scenario.server, [*scenario.overrides, f"dataset.cache_dir={cache}"], tmp_path / "run", cache)
    while (ended := run.go_on(f":{number}")).code == KILLED:
        # An entry of the cache that is whole is not made again: the next one's events begin at 0.
        number, entry = number + 1 if ended.events[0].what == entry else 1, ended.events[0].what
    assert ended.code == 0, ended.out
    for file in ("model.safetensors", "training/optimizer.safetensors"):
        assert (run.directory / "last" / file).read_bytes() == (scenario.alone / "last" / file).read_bytes()


@pytest.mark.slow
def test_stopped_after_each_change(scenario: Scenario, tmp_path: Path) -> None:
    stop_all(scenario, [(event,) for event in scenario.training()], tmp_path)


@only_base
@pytest.mark.slow
def test_stopped_again_in_each_resume(scenario: Scenario, tmp_path: Path) -> None:
    kinds = [event for event in of_each_kind(scenario.later()) if not event.what.startswith(("fsync", "chmod"))]
    resuming = scenario.resuming(tmp_path / "sample")
    stop_all(scenario, [(event, again) for event in kinds for again in resuming], tmp_path)


def kill_at_random(scenario: Scenario, directory: Path, kills: int) -> None:
    """Kill runs, and resumes of them, at random times until that has happened often enough."""
    random, killed = Random(SEED), 0
    for number in count():
        run, story = scenario.new(directory / str(number)), [f"SEQTRAIN_KILL_SEED={SEED}"]
        while (ended := run.go_on(kill_after_seconds=random.uniform(0, scenario.ended.seconds))).code == KILLED:
            story.append(f"killed after {ended.seconds:.3f} s before {ended.events[-1:]}")
        assert ended.code == 0, (story, ended.out)
        assert_same_end(run.directory, scenario.alone, story)
        killed += len(story) - 1
        if killed >= kills:
            break
    print(f"SEQTRAIN_KILL_SEED={SEED}: killed {killed} times in {number + 1} runs")


@with_faults
def test_killed_at_random(scenario: Scenario, tmp_path: Path) -> None:
    kill_at_random(scenario, tmp_path, 8)


@with_faults
@pytest.mark.slow
def test_killed_at_random_often(scenario: Scenario, tmp_path: Path) -> None:
    kill_at_random(scenario, tmp_path, 50)


@only_base
def test_killed_at_random_in_processes_of_their_own(scenario: Scenario, start: Call, run: Call, tmp_path: Path) -> None:
    random, killed = Random(SEED), scenario.new(tmp_path / "run")
    for _ in range(2):
        reports = metrics_lines(killed.directory) + random.randint(1, 5)
        with start(*killed.command, cwd=ROOT) as process:
            while process.poll() is None and metrics_lines(killed.directory) < reports:
                time.sleep(0.001)
            time.sleep(random.uniform(0, 0.05))
            process.kill()
        assert process.returncode == KILLED, f"SEQTRAIN_KILL_SEED={SEED}: it ended before"
    ended = run(*killed.command, cwd=ROOT)
    assert ended.code == 0, ended.err
    assert_same_end(killed.directory, scenario.alone, f"SEQTRAIN_KILL_SEED={SEED}")


def metrics_lines(run: Path) -> int:
    """Return how many reports a run has written."""
    file = run / "metrics.jsonl"
    return file.read_bytes().count(b"\n") if file.exists() else 0
