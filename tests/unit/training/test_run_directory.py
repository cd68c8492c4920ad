import errno
import shutil
from pathlib import Path

import pytest

from seqtrain import checkpoint
from seqtrain.checkpoint import Snapshot
from seqtrain.config import SavingConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.training.run_directory import RunDirectory, check_unused


def make_run(
    path: Path, losses: dict[int, float | None], gone_back_to: int | None = None, **saving: object
) -> RunDirectory:
    run = RunDirectory(path, SavingConfig(**saving))  # type: ignore[arg-type]  # a test's own keywords
    snapshot = None if gone_back_to is None else Snapshot({}, {"trainer": {"saved": gone_back_to}})
    for update, loss in losses.items():
        metrics = {} if loss is None else {"valid/loss": loss}
        checkpoint.write(
            run.checkpoint_path(update),
            model={},
            config={},
            metrics=metrics,
            save_task=lambda directory: None,
            snapshot=snapshot,
        )
    return run


def kept(run: RunDirectory) -> list[int]:
    return [int(c.path.name.removeprefix("update-")) for c in run.complete()]


@pytest.mark.parametrize(
    ("saving", "left"),
    [
        ({"keep_last": 2, "keep_best": 1}, [2, 4, 5]),
        ({"keep_last": 1, "keep_best": 2}, [2, 3, 5]),
        ({"keep_last": 0, "keep_best": 0}, [1, 2, 3, 4, 5]),
        ({"keep_last": 1, "keep_best": 0, "keep_every": 2}, [2, 4, 5]),
        ({"keep_last": 1, "keep_best": 1, "maximize": True}, [1, 5]),
    ],
)
def test_keeps_the_newest_and_the_best(tmp_path: Path, saving: dict[str, object], left: list[int]) -> None:
    run = make_run(tmp_path, {1: 9.0, 2: 3.0, 3: 4.0, 4: 5.0, 5: None}, None, **saving)
    run.refresh()
    assert kept(run) == left


def test_keeps_what_a_recovery_goes_back_to(tmp_path: Path) -> None:
    """The newest is one that an interrupt left, 3 was the last that was due."""
    run = make_run(tmp_path, {1: None, 2: None, 3: None, 4: None}, gone_back_to=3, keep_last=1, keep_best=0)
    run.refresh()
    assert kept(run) == [3, 4]


def test_links_point_to_best_and_last(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 2.0, 2: 1.0, 3: 1.5})
    run.refresh()
    assert (tmp_path / "best").resolve() == run.checkpoint_path(2)
    assert (tmp_path / "last").resolve() == run.checkpoint_path(3)
    assert checkpoint.resolve(tmp_path) == run.checkpoint_path(2).resolve()


def test_of_equal_values_the_older_is_the_best(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 1.0, 2: 1.0})
    run.refresh()
    assert (tmp_path / "best").resolve() == run.checkpoint_path(1)


def test_up_to_an_update(tmp_path: Path) -> None:
    run = make_run(tmp_path, {2: None, 4: None, 7: None})
    found = [run.up_to(number) for number in (1, 4, 6, 9)]
    assert [None if saved is None else saved.path.name[-1] for saved in found] == [None, "4", "4", "7"]


def test_is_among_best(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 2.0, 2: 1.0}, keep_best=2)
    assert run.is_among_best(1.5)
    assert not run.is_among_best(2.0)
    assert not run.is_among_best(float("nan"))
    assert make_run(tmp_path / "new", {}, keep_best=1).is_among_best(5.0)
    assert not make_run(tmp_path / "none", {}, keep_best=0).is_among_best(5.0)


def test_leftovers_of_a_killed_save_are_removed(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 1.0})
    leftover = run.checkpoints / ".tmp-update-00000002-77"
    leftover.mkdir()
    run.refresh()
    assert not leftover.exists()


def test_best_is_one_that_is_kept(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 1.0, 2: 2.0, 3: 3.0}, keep_last=1, keep_best=0)
    run.refresh()
    assert (tmp_path / "best").resolve() == (tmp_path / "last").resolve() == run.checkpoint_path(3)


def test_a_copy_that_followed_links_still_has_its_best_and_can_go_on(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", {1: 1.0, 2: 2.0})
    run.refresh()
    shutil.copytree(run.path, tmp_path / "copy", symlinks=False)
    copy = RunDirectory(tmp_path / "copy", run.cfg)
    assert checkpoint.Checkpoint.open(copy.path).metrics() == {"valid/loss": 1.0}
    copy.refresh()
    assert (copy.path / "best").resolve() == copy.checkpoint_path(1)


def damage(run: RunDirectory, update: int, file: str = "model.safetensors", *, cut: bool = False) -> None:
    path = run.checkpoint_path(update) / file
    content = path.read_bytes()
    path.write_bytes(content[:-1] if cut else bytes([content[0] ^ 1]) + content[1:])


def test_nothing_is_removed_if_the_newest_is_damaged(tmp_path: Path) -> None:
    run = make_run(tmp_path, {1: 1.0, 2: 2.0, 3: 3.0}, keep_last=1, keep_best=0)
    damage(run, 3)
    with pytest.raises(CheckpointError, match=r"update-00000003/model.safetensors is damaged"):
        run.refresh()
    assert kept(run) == [1, 2, 3]


@pytest.mark.parametrize("file", ["model.safetensors", "metrics.json", "manifest.json"])
def test_one_that_is_cut_short_is_not_counted_and_not_removed(tmp_path: Path, file: str) -> None:
    run = make_run(tmp_path, {1: 3.0, 2: 2.0, 3: 1.0}, keep_last=1, keep_best=1)
    damage(run, 3, file, cut=True)
    if file != "model.safetensors":
        (run.checkpoint_path(3) / file).write_text("{")
    assert run.is_among_best(1.5)
    run.refresh()
    assert kept(run) == [2, 3]
    assert (tmp_path / "best").resolve() == (tmp_path / "last").resolve() == run.checkpoint_path(2)


def test_the_links_are_right_before_anything_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(tmp_path, {1: 1.0, 2: 2.0}, keep_last=1, keep_best=1)
    run.refresh()
    make_run(tmp_path, {3: 0.5})

    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="Input/output error"):
        run.refresh()
    assert kept(run) == [1, 2, 3]
    assert (tmp_path / "best").resolve() == (tmp_path / "last").resolve() == run.checkpoint_path(3)


@pytest.mark.parametrize("what", ["listing", "reading"])
def test_what_cannot_be_read_just_now_is_not_taken_for_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    run = make_run(tmp_path, {1: 1.0, 2: 2.0, 3: 3.0}, keep_last=1, keep_best=0)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch, pytest.raises(CheckpointError, match=r"cannot be read|is missing or damaged"):
        if what == "listing":
            patch.setattr("os.listdir", refuse)
        else:
            patch.setattr("seqtrain.documents.open_regular", refuse)
        run.refresh()
    assert kept(run) == [1, 2, 3]


def test_a_directory_that_was_used(tmp_path: Path) -> None:
    check_unused(tmp_path / "new")
    run = make_run(tmp_path, {1: 1.0})
    with pytest.raises(ConfigError, match=f"go on with it by resume={tmp_path}"):
        check_unused(run.path)


@pytest.mark.parametrize(
    ("keep_last", "keep_best", "left"), [(3, 1, [1, 3, 4]), (2, 0, [4]), (1, 0, [2, 3, 4]), (0, 0, [1, 2, 3, 4])]
)
def test_room_is_made_of_what_would_go_and_never_of_the_newest(
    tmp_path: Path, keep_last: int, keep_best: int, left: list[int]
) -> None:
    losses: dict[int, float | None] = {2: 2.0, 3: 3.0, 4: 4.0} if keep_last == 1 else {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    run = make_run(tmp_path, losses, keep_last=keep_last, keep_best=keep_best)
    run.make_room()
    assert kept(run) == left
