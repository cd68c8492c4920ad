"""A real disk that is full for a while: training goes on, and ends as it would have."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.checkpoint import Checkpoint, complete
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Trainer
from tests.integration.runs import metrics

Call = Callable[..., Any]
SAVING = [
    "saving.interval_epochs=0",
    "saving.interval_updates=4",
    "saving.keep_last=1",
    "validation.interval_epochs=0",
    "validation.interval_updates=20",
    "training.log_interval=1",
    "training.max_update=60",
]


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Updates take no time here either."""
    monkeypatch.setattr("seqtrain.training.checkpoint_writer.WAITS", (0.01, 0.01, 0.01))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a file system can be mounted by root only: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory, tiny: list[str]) -> Path:
    """A run that had room."""
    directory = tmp_path_factory.mktemp("with-room") / "run"
    cli.main([*tiny, *SAVING, f"hydra.run.dir={directory}"])
    return directory


@pytest.fixture
def at_update(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], None]], None]:
    """Do something during an update."""
    actions: dict[int, Callable[[], None]] = {}
    on_update = Limits.on_update

    def update(self: Limits, trainer: Trainer, result: UpdateResult | None) -> None:
        actions.pop(trainer.state.num_updates, lambda: None)()
        on_update(self, trainer, result)

    monkeypatch.setattr(Limits, "on_update", update)
    return actions.__setitem__


def fill(disk: Path) -> None:
    """Leave no room, not even for a line."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            while _write(file, size):
                pass


def _write(file: Any, size: int) -> bool:
    try:
        return bool(file.write(b"\0" * size) == size)
    except OSError:
        return False


def assert_same_checkpoints(run: Path, other: Path) -> None:
    assert [path.name for path in complete(run / "checkpoints")] == [p.name for p in complete(other / "checkpoints")]
    assert (run / "best").resolve().name == (other / "best").resolve().name


def assert_same_end(run: Path, other: Path) -> None:
    for path in complete(run / "checkpoints"):
        Checkpoint.open(path)
    for file in ("model.safetensors", "training/optimizer.safetensors", "metrics.json"):
        assert (run / "last" / file).read_bytes() == (other / "last" / file).read_bytes(), file
    assert (run / "last").resolve().name == (other / "last").resolve().name
    assert metrics(run) == metrics(other)


def test_training_goes_on_and_saves_when_there_is_room_again(
    call: Call, tiny: list[str], disk: Path, clean: Path, at_update: Callable[..., None]
) -> None:
    at_update(6, lambda: fill(disk))
    at_update(50, (disk / "ballast").unlink)
    trained = call(*tiny, *SAVING, f"hydra.run.dir={disk / 'run'}")
    assert trained.code == 0, trained.err
    good = disk / "run/checkpoints/update-00000004"
    assert 1 <= trained.out.count("cannot save ") <= 7
    assert f"cannot save {disk / 'run/checkpoints/update-00000008'}: " in trained.out
    assert "No space left on device" in trained.out
    assert f"the last good checkpoint is {good}" in trained.out
    assert "saved " in trained.out and "after all" in trained.out
    assert f"cannot write {disk / 'run/metrics.jsonl'}: [Errno 28] No space left on device" in trained.out
    assert_same_end(disk / "run", clean)


def test_a_disk_that_stays_full_and_a_resume_when_there_is_room(
    call: Call, tiny: list[str], disk: Path, clean: Path, at_update: Callable[..., None]
) -> None:
    at_update(10, lambda: fill(disk))
    message = call(*tiny, *SAVING, f"hydra.run.dir={disk / 'run'}").refused()
    assert f"cannot save {disk / 'run/checkpoints/update-00000060'}: " in message
    assert f"the last good checkpoint is {disk / 'run/checkpoints/update-00000008'}" in message
    assert f"resume={disk / 'run'} goes on from it" in message
    assert [path.name for path in complete(disk / "run/checkpoints")] == ["update-00000008"]
    assert list((disk / "run").rglob(".tmp-*")) == []
    (disk / "ballast").unlink()
    assert call(f"resume={disk / 'run'}").code == 0
    assert_same_end(disk / "run", clean)
    assert_same_checkpoints(disk / "run", clean)


def test_a_disk_that_is_full_before_the_first_checkpoint(
    call: Call, tiny: list[str], disk: Path, at_update: Callable[..., None]
) -> None:
    at_update(2, lambda: fill(disk))
    message = call(*tiny, *SAVING, f"hydra.run.dir={disk / 'run'}").refused()
    assert f"cannot save {disk / 'run/checkpoints/update-00000004'}: " in message
    assert "this run has no good checkpoint yet: make room or mend that, and start again" in message
    assert list((disk / "run/checkpoints").iterdir()) == []


def resize(disk: Path, checkpoints: float, clean: Path) -> None:
    """Leave room for so many checkpoints and for the log."""
    files = [file for file in (clean / "last/").rglob("*") if file.is_file()]
    size = sum(-(-file.stat().st_size // 4096) * 4096 for file in files)
    subprocess.run(["mount", "-o", f"remount,size={int(size * checkpoints) + 65536}", disk], check=True)


def test_a_disk_on_which_a_third_checkpoint_has_no_room_until_the_first_goes(
    call: Call, tiny: list[str], disk: Path, clean: Path
) -> None:
    resize(disk, 2.5, clean)
    trained = call(*tiny, *SAVING, f"hydra.run.dir={disk / 'run'}", "saving.keep_last=2", "saving.keep_best=0")
    assert trained.code == 0, trained.err
    assert "cannot" not in trained.out
    assert_same_end(disk / "run", clean)
    assert [path.name[-2:] for path in complete(disk / "run/checkpoints")] == ["56", "60"]


def test_a_disk_on_which_a_second_checkpoint_never_has_room(
    call: Call, tiny: list[str], disk: Path, clean: Path
) -> None:
    resize(disk, 1.5, clean)
    message = call(*tiny, *SAVING, f"hydra.run.dir={disk / 'run'}").refused()
    (good,) = complete(disk / "run/checkpoints")
    assert f"the last good checkpoint is {Checkpoint.open(good).path}" in message
    resize(disk, 4, clean)
    resumed = call(f"resume={disk / 'run'}")
    assert resumed.code == 0, resumed.err
    assert_same_end(disk / "run", clean)
    assert_same_checkpoints(disk / "run", clean)
