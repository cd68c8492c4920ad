import shutil
from pathlib import Path

import pytest

from seqtrain import checkpoint
from seqtrain.checkpoint import Snapshot
from seqtrain.config import SavingConfig
from seqtrain.training.run_directory import RunDirectory


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
