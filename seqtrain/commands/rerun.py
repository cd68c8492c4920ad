"""``rerun``: repeat a run from a checkpoint alone, up to that checkpoint, and say whether it comes out the same."""

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from seqtrain.checkpoint import STATE, Checkpoint, complete
from seqtrain.commands._rerun_request import CHECKPOINT, Request, parse
from seqtrain.commands._same_bytes import different_files
from seqtrain.commands._words import words_parser
from seqtrain.commands.hydra_files import repeated_run_directory
from seqtrain.composition import discover, register_all, searchpath_override, to_container
from seqtrain.config import Plugins, TrainConfig
from seqtrain.documents import fits
from seqtrain.errors import CheckpointError
from seqtrain.locks import locked
from seqtrain.plugins import user_directories
from seqtrain.registry import REGISTRIES
from seqtrain.signals import ending_at_once
from seqtrain.training.device import find_device, torch_settings
from seqtrain.training.environment import environment, value_changes
from seqtrain.training.finetuning import open_origin, origin_fingerprints, prepare_task
from seqtrain.training.hooks.stop_after import StopAfter
from seqtrain.training.logs import logging_to
from seqtrain.training.same_data import data_changes
from seqtrain.training.saved_state import saved_threads, taking_over, train_state
from seqtrain.training.session import TrainResult, train

DESCRIPTION = """\
Train once more as a checkpoint was trained, up to its update: its config, seed and number of threads, in a new run
directory. First says what has changed since: versions, the machine, data, the code of plug-ins.
Ends with 0 if the parameters and the optimizer's state come out with the same bytes, with 1 if not.
"""
EPILOG = """\
Words:
  checkpoint=RUN               run directory (its best checkpoint) or checkpoint directory; it is not touched
  hydra.run.dir=DIR            the new run directory; a new one in runs/ if left out
  task.data=DIR                where the data is, if it has moved
  plugins=bundled              run the checkpoint's copy of users' plug-ins
  hydra.searchpath=[DIR,...]   where users' plug-ins are, if they have moved
"""


def main(arguments: Sequence[str]) -> None:
    """Repeat a run.

    Raises:
        SeqtrainError: a word is wrong, or the checkpoint, its data or its plug-ins are not there.
        SystemExit: with 1 if it comes out different, with 130 if it is interrupted.
    """
    parser = words_parser("rerun", DESCRIPTION, EPILOG, "checkpoint=RUN [hydra.run.dir=DIR] [OVERRIDE ...]")
    _, words = parser.parse_known_args(list(arguments))
    if not rerun(parse(words)):
        raise SystemExit(1)


def rerun(request: Request) -> bool:
    """Repeat a run and tell whether it came out with the same bytes; says what has changed first.

    Raises:
        CheckpointError: there is no checkpoint, or it is one for inference only.
        PluginError: a plug-in is not there.
    """
    original, state, started = open_trained(request.checkpoint)
    same_code = provide_plugins(original, request)
    cfg = original.config(request.overrides)
    with working_directory(started["working_directory"]) as moved:
        code = [] if same_code else ["the code of plug-ins has changed, as shown above"]
        describe(
            original, state, started["overrides"], [*resumes(started), *moved, *code, *changes(cfg, original, state)]
        )
        with locked(request.directory), ending_at_once():
            searchpath = [str(directory) for directory in user_directories()]
            repeated_run_directory(request.directory, to_container(cfg), started["overrides"], searchpath)
            result = repeat(cfg, request.directory, state)
    return compare(original, state["trainer"]["num_updates"], result)


def open_trained(path: Path) -> tuple[Checkpoint, dict[str, Any], dict[str, Any]]:
    """Return a checkpoint that training wrote, its state, and how its run was started.

    Raises:
        CheckpointError: there is none, it is one for inference only, or its state is not what training writes.
    """
    original = Checkpoint.open(path)
    if not original.is_resumable:
        raise CheckpointError(
            f"{CHECKPOINT}{path} is for inference only, such as an average: name a checkpoint that training wrote"
        )
    with taking_over(original.path / STATE):
        state = original.state()
        started = {"overrides": [], "working_directory": "", "resumed": []} | state.get("started", {})
        train_state(state["trainer"])
        saved_threads(original)
        resumes(started)
        if not (fits(started["overrides"], list[str]) and fits(started["working_directory"], str)):
            raise CheckpointError("started does not say how it was")
    return original, state, started


def provide_plugins(original: Checkpoint, request: Request) -> bool:
    """Import the plug-ins of a checkpoint, from where they were if no directory is named; tell whether unchanged.

    Raises:
        PluginError: one is not there.
    """
    register_all()
    there = [name for name in original.bundle().directories() if Path(name).is_dir()]
    known = [] if request.plugins is Plugins.bundled else searchpath_override(there)
    if named := request.searchpath or known:
        discover(named)
    with logging_to(Console(stderr=True)):
        return original.bundle().provide(request.plugins)


@contextlib.contextmanager
def working_directory(path: str) -> Iterator[list[str]]:
    """Work where the run was started, for the relative paths in its config; yield a line if it is not there."""
    here = Path.cwd()
    if not Path(path).is_dir():
        yield [f"the directory that it was started in, {path}, is not here: relative paths are taken from {here}"]
        return
    os.chdir(path or here)
    try:
        yield []
    finally:
        os.chdir(here)


def resumes(started: Mapping[str, Any]) -> list[str]:
    """Return a line for each resume that has changed the config: here it is so from the start."""
    return [
        f"after update {one['num_updates']} it went on with another config, which counts from the start here: {key}"
        for one in started["resumed"]
        for key in one["changed"]
    ]


def changes(cfg: TrainConfig, original: Checkpoint, state: Mapping[str, Any]) -> list[str]:
    """Return what has changed since: versions, the machine, the data, other checkpoints."""
    now = environment(find_device(cfg.training.device))
    with logging_to(Console(quiet=True)):
        task = REGISTRIES["task"].build(cfg.task)
        origin = open_origin(cfg)
        prepare_task(task, cfg.saving, origin)
        criterion = task.build_criterion(cfg.criterion)
        criterion.prepare()
        read = {**criterion.fingerprints(), **origin_fingerprints(cfg.saving, origin, None)}
        data = {**task.fingerprints(), **read}
        return value_changes(state["environment"], now) + data_changes(data, original, state.get("data"))


def describe(original: Checkpoint, state: Mapping[str, Any], overrides: Sequence[str], changed: Sequence[str]) -> None:
    """Say what is repeated and what has changed."""
    num_updates, num_threads = state["trainer"]["num_updates"], state["environment"]["num_threads"]
    _say(f"rerun of {original.path}, {num_updates} updates, with num_threads={num_threads}")
    if overrides:
        _say(f"started with: {shlex.join(overrides)}")
    _say("changed since:" if changed else "nothing that it records has changed since")
    for line in changed:
        _say(f"  {line}")


def repeat(cfg: TrainConfig, directory: Path, state: Mapping[str, Any]) -> TrainResult:
    """Train up to the update of the checkpoint, with as many threads."""
    then = state["trainer"]
    stop = StopAfter(then["num_updates"], interrupted=True, place=(then["epoch"], then["position"]))
    with torch_settings(cfg.training, state["environment"]["num_threads"]):
        return train(cfg, directory, hooks=[stop])


def compare(original: Checkpoint, num_updates: int, result: TrainResult) -> bool:
    """Say whether a run came out like the checkpoint, or how it differs.

    Raises:
        SystemExit: it was interrupted before: with 130 by Ctrl-C, else with 75.
    """
    if result.num_updates != num_updates:
        _say(f"ended after update {result.num_updates}, before {num_updates} that are to be repeated")
        if result.exit_code:
            raise SystemExit(result.exit_code)
        return False
    repeated = Checkpoint(complete(result.run_directory / "checkpoints")[-1])
    different = different_files(original.path, repeated.path)
    for line in different:
        _say(line)
    outcome = "not the same as" if different else "the same bytes as"
    _say(f"{repeated.path}: {outcome} {original.path} after update {num_updates}")
    if result.exit_code:
        _say(f"to go on from there: python -m seqtrain resume={shlex.quote(str(result.run_directory))}")
    return not different


def _say(line: str) -> None:
    print(line, flush=True)
