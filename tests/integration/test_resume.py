"""A run that was interrupted goes on as if it had not been."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqtrain
from seqtrain import cli
from seqtrain.checkpoint import Checkpoint
from seqtrain.training import session
from seqtrain.training.hooks.interrupt import Interrupt
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer
from tests.integration.runs import metrics, send_in_update

Call = Callable[..., Any]

EXACT = [
    "model.dropout=0.1",
    "training.update_freq=2",
    "dataset.max_tokens=256",
    "validation.interval_updates=7",
    "saving.interval_updates=5",
]
"""Dropout, accumulation, and about 16 updates an epoch: the run is interrupted within one."""


def assert_same_end(run: Path, other: Path) -> None:
    last, expected = run / "last", other / "last"
    assert last.resolve().name == expected.resolve().name
    for file in ("model.safetensors", "training/optimizer.safetensors", "metrics.json"):
        assert (last / file).read_bytes() == (expected / file).read_bytes(), file
    assert metrics(run) == metrics(other)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tiny: list[str]) -> Path:
    directory = tmp_path_factory.mktemp("uninterrupted") / "run"
    cli.main([*tiny, *EXACT, f"hydra.run.dir={directory}"])
    return directory


def test_ctrl_c_in_a_process_and_resume_to_the_same_bytes(
    start: Call, call: Call, tiny: list[str], uninterrupted: Path, tmp_path: Path
) -> None:
    with start(*tiny, *EXACT, "hydra.run.dir=run", "training.max_update=100000", cwd=tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"update 7" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
    stopped = int(out.decode().split("interrupted after update ")[1].split(";")[0])
    assert "python -m seqtrain resume=run" in out.decode()
    saved = json.loads((tmp_path / "run/last/training/state.json").read_text())["trainer"]
    assert saved["num_updates"] == stopped
    # However far it came: going back to a checkpoint before the end of the other run gives that run's end.
    for checkpoint in (tmp_path / "run/checkpoints").glob("update-*"):
        if int(checkpoint.name[-8:]) >= 24:
            shutil.rmtree(checkpoint)
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=24")
    assert resumed.code == 0, resumed.err
    assert "going on after update" in resumed.out
    assert_same_end(tmp_path / "run", uninterrupted)


@pytest.mark.parametrize("update", [3, 7, 16, 23])
def test_interrupted_at_any_update(
    call: Call, train: Call, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: int
) -> None:
    with monkeypatch.context() as patch:
        send_in_update(patch, update)
        stopped = train(*EXACT)
    assert stopped.code == 130
    assert f"interrupted after update {update}; to go on:" in stopped.out
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", uninterrupted)


SAMPLING = [
    "tokenizer=sentencepiece",
    "tokenizer.vocab_size=60",
    "tokenizer.sampling_alpha=0.1",
    "lr_scheduler=reduce_lr_on_plateau",
    "lr_scheduler.lr_threshold=0.9",
    "lr_scheduler.warmup_updates=4",
    "dataset.max_tokens=512",
]


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory, tiny: list[str], run: Call) -> Path:
    """A run with subword sampling, in another process than this."""
    directory = tmp_path_factory.mktemp("sampled") / "run"
    assert run(*tiny, *EXACT, *SAMPLING, f"hydra.run.dir={directory}", cwd=directory.parent).code == 0
    return directory


@pytest.mark.parametrize("update", [6, 20])
def test_subword_sampling_and_a_schedule_with_a_state(
    call: Call, train: Call, sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: int
) -> None:
    with monkeypatch.context() as patch:
        send_in_update(patch, update)
        assert train(*EXACT, *SAMPLING).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", sampled)
    state = json.loads((sampled / "last/training/state.json").read_text())
    assert state["trainer"]["epoch"] > 1 and state["lr_scheduler"]["lr"] < 1e-2


def test_killed_between_checkpoints(
    call: Call, train: Call, uninterrupted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(self: Interrupt, trainer: Trainer, result: object) -> None:
        if trainer.state.num_updates == 12:
            raise RuntimeError("power failure")

    with monkeypatch.context() as patch:
        patch.setattr(Interrupt, "on_update", die)
        with pytest.raises(RuntimeError, match="power failure"):
            train(*EXACT)
    assert (tmp_path / "run/last").resolve().name == "update-00000010"
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", uninterrupted)


def test_without_a_checkpoint_from_the_beginning(call: Call, uninterrupted: Path, tmp_path: Path) -> None:
    run = shutil.copytree(uninterrupted, tmp_path / "run", symlinks=True)
    for name in ("checkpoints", "train.log"):
        shutil.rmtree(run / name) if (run / name).is_dir() else (run / name).unlink()
    for name in ("best", "last"):
        (run / name).unlink()
    assert call(f"resume={run}").code == 0
    assert_same_end(run, uninterrupted)


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of the shared run to go on with."""
    return shutil.copytree(trained, tmp_path / "copy", symlinks=True)


def test_more_updates(call: Call, copy: Path) -> None:
    before = (copy / ".hydra/config.yaml").read_bytes()
    resumed = call(f"resume={copy}", "training.max_update=27", "training.keep_memory=false")
    assert resumed.code == 0, resumed.err
    assert "training ended after update 27: training.max_update=27 is reached" in resumed.out
    assert (copy / "last").resolve().name == "update-00000027"
    assert (copy / ".hydra/config.yaml").read_bytes() == before


def test_a_run_that_has_ended_ends_at_once(call: Call, copy: Path) -> None:
    resumed = call(f"resume={copy}")
    assert resumed.code == 0
    assert "training ended after update 24: training.max_update=24 is reached" in resumed.out
    assert "epoch" not in resumed.out.split("going on after")[1].split("training ended")[0]


@pytest.mark.parametrize(
    "override", ["model.dropout=0.5", "training.update_freq=3", "optimizer.lr=1", "model=transformer"]
)
def test_overrides_that_would_change_the_past(call: Call, copy: Path, override: str) -> None:
    assert f"{override} would change what is past" in call(f"resume={copy}", override).refused()


def test_forced_overrides(call: Call, copy: Path) -> None:
    resumed = call(f"resume={copy}", "model.dropout=0.5", "resume_force=true", "training.max_update=25")
    assert resumed.code == 0, resumed.err
    assert "dropout: 0.5" in (copy / "last/config.yaml").read_text()


def test_a_word_that_neither_forces_nor_not(call: Call, copy: Path) -> None:
    message = call(f"resume={copy}", "model.dropout=0.5", "resume_force=yes").refused()
    assert message == "resume_force=yes: must be true or false"
    assert "would change what is past" in call(f"resume={copy}", "model.dropout=0.5", "resume_force=false").refused()


def test_an_unknown_key(call: Call, copy: Path) -> None:
    assert "saving.keep_first" in call(f"resume={copy}", "saving.keep_first=1").refused()


def test_no_checkpoint_but_damaged_ones(call: Call, copy: Path) -> None:
    for model in copy.glob("checkpoints/update-*/model.safetensors"):
        model.write_bytes(model.read_bytes()[:-10])
    assert "model.safetensors is cut short" in call(f"resume={copy}").refused()


@pytest.mark.parametrize("directory", ["nowhere", "."])
def test_no_run(call: Call, tmp_path: Path, directory: str) -> None:
    assert "there is no run here" in call(f"resume={tmp_path / directory}").refused()


def test_resume_goes_with_train_only(call: Call, copy: Path) -> None:
    assert "resume= goes with train" in call("generate", f"resume={copy}").refused()


def test_auto_starts_and_then_goes_on(train: Call, tmp_path: Path) -> None:
    first = train("resume=auto", "training.max_update=4")
    assert first.code == 0, first.err
    assert "going on" not in first.out
    second = train("resume=auto", "training.max_update=6")
    assert "going on after update 4" in second.out
    assert (tmp_path / "run/last").resolve().name == "update-00000006"


def test_auto_wants_a_directory_that_stays(call: Call, tiny: list[str]) -> None:
    assert "name it, hydra.run.dir=DIR" in call(*tiny, "resume=auto").refused()


def test_a_checkpoint_is_no_run(call: Call, trained: Path) -> None:
    assert "this is a checkpoint, and no run; name" in call(f"resume={trained / 'last'}").refused()


@pytest.mark.parametrize("name", ["with space", "a=b", "(paren)", "it's", "ü"])
def test_any_path(call: Call, trained: Path, tmp_path: Path, name: str) -> None:
    run = shutil.copytree(trained, tmp_path / name, symlinks=True)
    resumed = call(f"resume={run}")
    assert resumed.code == 0, resumed.err


def test_a_second_run_does_not_mix_with_a_finished_one(train: Call, tmp_path: Path) -> None:
    assert train("training.max_update=3").code == 0
    message = train("training.max_update=3", "training.seed=2").refused()
    assert "resume=" in message and str(tmp_path / "run") in message


def test_auto_says_what_of_the_command_does_not_count(train: Call) -> None:
    stopped = train("resume=auto", "training.stop_time_hours=1e-9", "validation.interval_epochs=0")
    assert stopped.code == 75
    assert "goes on with its own config" not in stopped.out
    again = train("resume=auto", "training.max_update=2", "training.stop_time_hours=1", "validation.interval_epochs=0")
    assert again.code == 0
    assert "goes on with its own config" not in again.out
    left_out = train("resume=auto", "training.max_update=2", "training.stop_time_hours=1")
    assert "warning: " in left_out.out
    assert "run goes on with its own config, in which validation.interval_epochs is 0, not 1" in left_out.out


def test_auto_refuses_what_is_past(train: Call) -> None:
    assert train("resume=auto", "training.max_update=2").code == 0
    assert "optimizer.lr=1 would change what is past" in train("resume=auto", "optimizer.lr=1").refused()
    forced = train("resume=auto", "optimizer.lr=1", "resume_force=true", "training.max_update=3")
    assert (forced.code, "goes on with its own config" in forced.out) == (0, False)


def test_a_damaged_last_checkpoint_gives_way_to_the_one_before(call: Call, copy: Path) -> None:
    newest = max((copy / "checkpoints").glob("update-*"))
    (newest / "model.safetensors").write_bytes(b"")
    resumed = call(f"resume={copy}")
    assert resumed.code == 0, resumed.err
    assert "is cut short (0 bytes" in resumed.out
    assert "it is now called damaged-update-00000024, and the run goes on from update-" in resumed.out
    assert (newest / "model.safetensors").stat().st_size > 0


class Counting(Hook):
    """Counts updates, by a number of its own."""

    def __init__(self, by: int) -> None:
        self.by = by
        self.sum = 0

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        self.sum += self.by

    def state_dict(self) -> dict[str, Any]:
        return {"sum": self.sum}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.sum = state["sum"]


def test_two_hooks_of_a_class_have_a_state_each(tiny: list[str], tmp_path: Path) -> None:
    for max_update in (2, 3):
        cfg = seqtrain.compose([*tiny, f"training.max_update={max_update}"])
        hooks = Counting(1), Counting(10)
        checkpoint = None if max_update == 2 else Checkpoint.open(tmp_path / "run/last")
        session.train(cfg, tmp_path / "run", resume=checkpoint, hooks=hooks)
    assert [hook.sum for hook in hooks] == [3, 30]


def test_a_last_checkpoint_without_its_manifest_gives_way_to_the_one_before(call: Call, copy: Path) -> None:
    newest = max((copy / "checkpoints").glob("update-*"))
    (newest / "manifest.json").unlink()
    resumed = call(f"resume={copy}")
    assert resumed.code == 0, resumed.err
    assert "manifest.json is missing or damaged" in resumed.out
    assert (newest / "manifest.json").is_file()
    assert (copy / "checkpoints/damaged-update-00000024/model.safetensors").is_file()


def test_checkpoints_without_manifests_are_not_begun_anew(train: Call, tmp_path: Path) -> None:
    assert train("training.max_update=2").code == 0
    for manifest in (tmp_path / "run/checkpoints").glob("*/manifest.json"):
        manifest.unlink()
    assert "manifest.json is missing or damaged" in train("resume=auto", "training.max_update=3").refused()


WINDOWS = ["dataset.shuffle_window=100", "dataset.max_tokens=128"]
"""Several windows, so that an update's two batches are from two of them."""


def test_windows_of_a_corpus(
    call: Call, train: Call, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tmp_path / "expected"
    result = call(*tiny, *EXACT, *WINDOWS, f"hydra.run.dir={expected}")
    assert result.code == 0 and "planned 100 at a time" in result.out
    with monkeypatch.context() as patch:
        send_in_update(patch, 21)
        assert train(*EXACT, *WINDOWS).code == 130
    assert call(f"resume={tmp_path / 'run'}").code == 0
    assert_same_end(tmp_path / "run", expected)
