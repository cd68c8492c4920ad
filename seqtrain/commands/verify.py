"""``verify``: whether a config gives the same numbers twice, and once more with a stop and a resume in the middle."""

import contextlib
import shutil
import tempfile
from argparse import SUPPRESS, Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqtrain import without_torch
from seqtrain.commands._causes import When, points_to
from seqtrain.commands._runs import Runs, ended_by_sigterm
from seqtrain.commands._words import Words, read_config_words, value_of, words_parser
from seqtrain.composition import to_config
from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.training.trace import Difference, Record, difference_of_resumed, first_difference, read_trace

UPDATES, KEEP = "updates=", "keep="
"""Words that are no overrides."""

DESCRIPTION = """\
Train twice with the same config, and once more with a stop and a resume in the middle, and report the first tensor
that differs. Every run is a process of its own, in which sets have an order of their own.
Ends with 0 if all is the same, with 1 if something differs, with 2 if a run cannot be done.
"""
EPILOG = """\
Words:
  updates=N     length of a run (20); training.max_update and schedules stay as they are
  keep=DIR      new directory in which traces and runs stay; without it they stay only if something differs
  OVERRIDE ...  as for train

Data are prepared once and then come from the cache, as in training: preparing them is not verified.

Example:
  $ seqtrain verify hydra.searchpath=[plugins] model=my_gru updates=10
  run 1: 10 updates, 4,210 tensors and numbers
  run 2 differs from run 1
    where:      update 1, micro-batch 1, output of model.encoder.dropout
    run 1:      float32[16, 9, 64] 1b7ad54ad9fbd4c3
    run 2:      float32[16, 9, 64] 90bd0e3fd3bd0da7
    points to:  the module model.encoder.dropout draws numbers that training.seed does not govern (...)
    traces:     /tmp/seqtrain-verify-x1/run-1.jsonl /tmp/seqtrain-verify-x1/run-2.jsonl
"""


def main(arguments: Sequence[str]) -> None:
    """Verify a config, or do one of the runs of that.

    Raises:
        ConfigError: the words compose no config.
        SystemExit: with 1 if something differs.
    """
    options, rest = parse(arguments)
    words = read_config_words(rest, "verify starts runs of one config")
    if options.trace is not None:
        one_run(words, options)
        return
    cfg = to_config(words.compose())
    with directory_for(options.keep) as directory, ended_by_sigterm():
        verify(Runs(rest, directory, options.updates), compiled=cfg.training.compile)


def parse(arguments: Sequence[str]) -> tuple[Namespace, list[str]]:
    """Return the command's own words, and the others."""
    parser = words_parser("verify", DESCRIPTION, EPILOG, "[updates=N] [keep=DIR] [OVERRIDE ...]")
    # With these it does one of its runs.
    parser.add_argument("--trace", type=Path, help=SUPPRESS)
    parser.add_argument("--run", type=Path, help=SUPPRESS)
    parser.add_argument("--stop-after", type=int, help=SUPPRESS)
    options, words = parser.parse_known_args(list(arguments))
    options.updates = _number_of_updates(value_of(words, UPDATES, "20"))
    keep = value_of(words, KEEP)
    options.keep = Path(keep).expanduser() if keep else None
    return options, [word for word in words if not word.startswith((UPDATES, KEEP))]


def _number_of_updates(value: str) -> int:
    if not value.isdecimal() or int(value) < 2:
        raise ConfigError(f"{UPDATES}{value}: must be a whole number, at least 2 for a stop in the middle")
    return int(value)


def one_run(words: Words, options: Namespace) -> None:
    """Do one run, in this process."""
    without_torch.undo()
    from seqtrain.commands._traced_run import traced_run

    cfg = to_config(words.compose())
    assert isinstance(cfg, TrainConfig)
    traced_run(cfg, options.run, options.trace, stop_after=options.stop_after, updates=options.updates)


@contextlib.contextmanager
def directory_for(keep: Path | None) -> Iterator[Path]:
    """Yield a new directory: ``keep``, or one that is removed at the end unless that is by exit code 1.

    Raises:
        ConfigError: ``keep`` is there already.
    """
    if keep is not None and keep.exists():
        raise ConfigError(f"{KEEP}{keep} is there already: choose another name")
    directory = keep or Path(tempfile.mkdtemp(prefix="seqtrain-verify-"))
    directory.mkdir(parents=True, exist_ok=True)
    try:
        yield directory.absolute()
    except SystemExit as end:
        keep = directory if end.code == 1 else keep
        raise
    finally:
        if keep is None:
            shutil.rmtree(directory, ignore_errors=True)


def verify(runs: Runs, *, compiled: bool) -> None:
    """Do the runs one after the other and say what came out.

    Raises:
        ConfigError: training ends before the stop.
        SystemExit: with 1 if something differs.
    """
    if compiled:
        _say("training.compile=true: what goes into and out of modules is not traced, only all else")
    first = runs.whole("run-1", 1)
    number, last = _size(first)
    if last <= runs.middle:
        raise ConfigError(
            f"training ends after update {last}: with {UPDATES}{runs.updates} it has no middle to stop in"
        )
    _say(f"run 1: {last} updates, {number:,} tensors and numbers")
    compare_whole(runs, first)
    _say("run 2: the same")
    compare_resumed(runs, first)
    _say(f"run 3: the same, stopped after update {runs.middle} and resumed")


def compare_whole(runs: Runs, first: Path) -> None:
    """Run once more, and once again with the order of sets of the first run if that differs."""

    def difference(name: str, hash_seed: int) -> Difference | None:
        return first_difference(read_trace(first), read_trace(runs.whole(name, hash_seed)))

    if found := difference("run-2", 2):
        when = When.always if difference("run-2-again", 1) else When.hash_seed
        _fail(found, when, "run 2", [first, runs.directory / "run-2.jsonl"])


def compare_resumed(runs: Runs, first: Path) -> None:
    """Run with a stop and a resume, and once again with the order of sets of the first run if that differs."""

    def difference(name: str, *hash_seeds: int) -> Difference | None:
        before, after = runs.resumed(name, (hash_seeds[0], hash_seeds[1]))
        return difference_of_resumed(first, before, after, runs.middle)

    if found := difference("run-3", 3, 4):
        again = difference("run-3-again", 1, 1)
        name = "run-3-again" if again else "run-3"
        traces = [first, *(runs.directory / f"{name}-{part}.jsonl" for part in ("before", "after"))]
        _fail(again or found, _when(again), "run 3", traces)


def _when(again: Difference | None) -> When:
    """Return when a resumed run differs, from what it does with the order of sets of the first run."""
    if again is None:
        return When.hash_seed
    return When.resume if again.after_resume else When.always


def _size(trace: Path) -> tuple[int, int]:
    """Return the number of records of a trace, and the last update."""
    number = last = 0
    for record in read_trace(trace):
        number, last = number + 1, record.update
    return number, last


def _fail(difference: Difference, when: When, name: str, traces: Sequence[Path]) -> None:
    """Say where a run differs from the first one and what that points to, and end with 1."""
    resumed = " after the resume" if difference.after_resume else ""
    _say(f"{name} differs from run 1{resumed}")
    if difference.is_in_value:
        _say(f"  where:      {difference.record.place}")
    for label, record in (("run 1", difference.first), (name, difference.second)):
        _say(f"  {label}:      {_shown(record, difference.is_in_value)}")
    _say(f"  points to:  {points_to(difference, when)}")
    _say(f"  traces:     {' '.join(map(str, traces))}")
    raise SystemExit(1)


def _shown(record: Record | None, only_value: bool) -> str:
    if record is None:
        return "has ended"
    return record.value if only_value else f"{record.place}: {record.value}"


def _say(line: str) -> None:
    print(line, flush=True)
