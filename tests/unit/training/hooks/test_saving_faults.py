"""Each call of saving to the file system fails in turn: once, from then on, and each of its kind from then on."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
import safetensors.torch
import torch
from safetensors import SafetensorError

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint, Snapshot
from seqtrain.config import SavingConfig
from seqtrain.errors import StorageError
from seqtrain.model_tensors import copied
from seqtrain.paths import TEMPORARY, read_link
from seqtrain.training.hooks.saving import Saving
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.state import TrainState
from seqtrain.training.trainer import Trainer

T = TypeVar("T")
Fails = Callable[[int, str], bool]
"""Tells by number, from 1, and kind whether a call is to fail."""
SAVING = SavingConfig(interval_epochs=0, interval_updates=2, keep_last=1, keep_best=1)
LOSSES = {2: 3.0, 3: 4.0}
LAST = 5
"""Checkpoints are written at updates 2, 4 and 5; that of update 2 is the best, and that of update 4 is removed."""
EVENTS = {"open", *(f"os.{name}" for name in ("mkdir", "rename", "symlink", "remove", "rmdir", "listdir", "scandir"))}


class Faults:
    """Counts the calls of saving by kind, and lets those fail that ``fails`` names."""

    def __init__(self, directory: Path, number: int = errno.ENOSPC) -> None:
        self.directory, self.errno = str(directory), number
        self.calls: list[str] = []
        self.fails: Fails = lambda number, kind: False
        self.looks = False

    def call(self, kind: str, path: object = "") -> None:
        """Count a call, and fail if it is to.

        Raises:
            OSError: it is.
        """
        elsewhere = isinstance(path, str) and os.path.isabs(path) and not path.startswith(self.directory)
        if elsewhere or not (self.looks or threading.current_thread().name.startswith("saving")):
            return
        self.calls.append(kind)
        if self.fails(len(self.calls), kind):
            raise OSError(self.errno, os.strerror(self.errno), path)


_current: list[Faults] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _current and event in EVENTS:
        path = os.fspath(arguments[0]) if isinstance(arguments[0], (str, Path)) else ""
        reads = event == "open" and isinstance(arguments[1], str) and arguments[1].startswith("r")
        _current[0].call("read" if reads else event, path)


@pytest.fixture(scope="module", autouse=True)
def calls_of_the_file_system() -> Iterator[None]:
    """See calls for what has audit events, and for writing and syncing, which have none."""
    sys.addaudithook(_audit)  # for good; it does nothing outside of these tests
    write_text, write_bytes, save_file = Path.write_text, Path.write_bytes, safetensors.torch.save_file

    def half(kind: str, path: Path, write: Callable[[], T], write_half: Callable[[], object]) -> T:
        try:
            if _current:
                _current[0].call(kind, str(path))
        except OSError:
            write_half()
            raise
        return write()

    def text(self: Path, data: str, *arguments: Any, **options: Any) -> int:
        write = partial(write_text, self, data, *arguments, **options)
        return half("write", self, write, lambda: write_text(self, data[: len(data) // 2], "utf-8"))

    def binary(self: Path, data: bytes) -> int:
        return half("write", self, lambda: write_bytes(self, data), lambda: write_bytes(self, data[: len(data) // 2]))

    def tensors(saved: Any, path: Path, **options: Any) -> None:
        try:
            half("tensors", path, lambda: save_file(saved, path, **options), lambda: write_bytes(path, b"\0" * 9))
        except OSError as error:
            raise SafetensorError(f"Error while serializing: I/O error: {error}") from None

    def sync(descriptor: int) -> None:
        if _current:
            _current[0].call("fsync")
        # Counted, and not done: it is what takes the time.

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_text", text)
        patch.setattr(Path, "write_bytes", binary)
        patch.setattr(safetensors.torch, "save_file", tensors)
        patch.setattr(os, "fsync", sync)
        patch.setattr("seqtrain.training.checkpoint_writer.WAITS", (0.0, 0.0, 0.0))
        yield


def save_task(directory: Path) -> None:
    (directory / "tokenizer").mkdir()
    (directory / "tokenizer" / "words.txt").write_bytes(b"a\nb\n")


def capture(trainer: Trainer, metrics: dict[str, float]) -> Callable[[Path], Checkpoint]:
    state = {"trainer": {"saved": trainer.state.saved}}
    return partial(
        checkpoint.write,
        model=copied({"weight": torch.full((4,), float(trainer.state.num_updates))}),
        config={"training": {"seed": 1}},
        metrics=metrics,
        save_task=save_task,
        snapshot=Snapshot({"weight.exp_avg": torch.ones(4)}, state),
    )


class Looking(RunDirectory):
    """A run directory whose reading in the thread of training counts as a call of saving too."""

    def is_among_best(self, value: float) -> bool:
        for faults in _current:
            faults.looks = True
        try:
            return super().is_among_best(value)
        finally:
            for faults in _current:
                faults.looks = False


def train(directory: Path, trainer: Trainer, faults: Faults | None = None, last: int = LAST) -> str:
    """Train, or go on, to an update; return with which message saving failed, if it did."""
    first = trainer.state.num_updates + 1
    trainer.stop_reason = ""
    saving = Saving(SAVING, Looking(directory, SAVING), capture)
    saving.on_start(trainer)
    _current[:] = [faults] if faults is not None else []
    try:
        for number in range(first, last + 1):
            trainer.state.num_updates = number
            if number in LOSSES:
                saving.on_metrics(trainer, {"valid/loss": LOSSES[number]})
            if number == last:
                trainer.stop("enough")
            saving.on_update(trainer, None)
            saving.writer.wait(number)  # so that calls have the same order each time
    except StorageError as error:
        return str(error)
    finally:
        saving.on_end(trainer)
        _current.clear()
    return ""


def listing(directory: Path) -> dict[str, str]:
    """Return the checkpoints and the links of a run directory; each checkpoint was opened, and found whole."""
    opened = [Checkpoint.open(saved.path) for saved in RunDirectory(directory, SAVING).complete()]
    manifests = {saved.path.name: (saved.path / "manifest.json").read_text() for saved in opened}
    return manifests | {name: read_link(directory / name).name for name in ("best", "last")}  # type: ignore[union-attr]


def leftovers(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob(f"{TEMPORARY}*")]


@pytest.fixture
def clean(tmp_path: Path, trainer: Trainer) -> tuple[dict[str, str], list[str]]:
    """What a run without faults leaves, and its calls."""
    faults = Faults(tmp_path / "clean")
    assert train(tmp_path / "clean", trainer, faults) == ""
    left = listing(tmp_path / "clean")
    assert list(left) == ["update-00000002", "update-00000005", "best", "last"]
    assert (left["best"], left["last"]) == ("update-00000002", "update-00000005")
    assert leftovers(tmp_path / "clean") == []
    trainer.state = TrainState()
    return left, faults.calls


def weight(path: Path) -> float:
    model = torch.nn.Module()
    model.register_buffer("weight", torch.zeros(4))
    Checkpoint.open(path).load_model(model)
    return float(model.state_dict()["weight"][0])


def check_what_is_left(directory: Path, trainer: Trainer, message: str) -> None:
    """Check that what is there is whole, that the message says what it is, and that a run goes on from it."""
    good = [saved.path for saved in RunDirectory(directory, SAVING).complete()]
    assert [weight(path) for path in good] == [float(path.name[-8:]) for path in good]
    if "has no good checkpoint yet" in message:
        assert good == []
    elif message:
        assert f"the last good checkpoint is {good[-1]}: make room or mend that, and resume={directory} goes" in message
    else:
        assert good[-1].name == f"update-{LAST:08d}"
    trainer.state = TrainState(num_updates=int(good[-1].name[-8:]) if good else 0)
    assert train(directory, trainer, last=LAST + 3) == ""
    assert listing(directory)["last"] == f"update-{LAST + 3:08d}"
    assert leftovers(directory) == []


def at(nth: int) -> Fails:
    return lambda count, kind: count == nth


def from_then_on(nth: int, kinds: set[str]) -> Fails:
    return lambda count, kind: count >= nth and kind in kinds


def train_with(directory: Path, trainer: Trainer, number: int, fails: Fails) -> str:
    """Train from the start with calls that fail; return with which message saving failed, if it did."""
    faults = Faults(directory, number)
    faults.fails = fails
    trainer.state = TrainState()
    return train(directory, trainer, faults)


EACH = pytest.param(1, errno.ENOSPC, id="each")
SOME = pytest.param(6, errno.ENOSPC, id="some")
ALL = [
    pytest.param(1, number, id=errno.errorcode[number], marks=pytest.mark.slow)
    for number in (errno.ENOSPC, errno.EIO, errno.EDQUOT)
]


@pytest.mark.parametrize(("every", "number"), [EACH, *ALL[1:]])
def test_a_call_that_fails_once_changes_nothing(
    tmp_path: Path, trainer: Trainer, clean: tuple[dict[str, str], list[str]], every: int, number: int
) -> None:
    left, calls = clean
    for nth in range(1, len(calls) + 1, every):
        directory = tmp_path / str(nth)
        message = train_with(directory, trainer, number, at(nth))
        assert (message, listing(directory)) == ("", left), (nth, calls[nth - 1])


@pytest.mark.parametrize(("every", "number"), [SOME, *ALL])
@pytest.mark.parametrize("only_its_kind", [False, True])
def test_a_call_that_fails_from_then_on_costs_no_good_checkpoint(
    tmp_path: Path,
    trainer: Trainer,
    clean: tuple[dict[str, str], list[str]],
    every: int,
    number: int,
    only_its_kind: bool,
) -> None:
    _, calls = clean
    messages = []
    for nth in range(1, len(calls) + 1, every):
        directory, kinds = tmp_path / str(nth), {calls[nth - 1]} if only_its_kind else set(calls)
        message = train_with(directory, trainer, number, from_then_on(nth, kinds))
        check_what_is_left(directory, trainer, message)
        messages.append(message)
    assert any("has no good checkpoint yet" in message for message in messages)
    assert any("the last good checkpoint is" in message for message in messages)
