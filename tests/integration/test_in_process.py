"""``compose``, ``train`` and ``load`` inside somebody else's program: they leave it as it was."""

import gc
import logging
import os
import random
import signal
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import seqtrain
from seqtrain.checkpoint import Checkpoint
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer
from tests.integration.runs import metrics, untimed

SETTINGS = ["training.num_threads=1", "training.deterministic=true", "training.max_update=6", "training.log_interval=2"]


def stock() -> dict[str, Any]:
    """Return what all code of a process shares."""
    gc.collect()
    logger, files = logging.getLogger("seqtrain"), Path("/proc/self/fd")
    return {
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)],
        "logging": (logger.level, logger.propagate, logger.handlers[:], logging.root.handlers[:], logging.root.level),
        "threads": {thread.name for thread in threading.enumerate()},
        "torch": (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.is_grad_enabled()),
        "formats": (torch.get_default_dtype(), torch.get_float32_matmul_precision()),
        "random": (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()),  # type: ignore[index]
        "hydra": GlobalHydra.instance().hydra,
        "path": sys.path[:],
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "directory": Path.cwd(),
        "warnings": warnings.filters[:],
        "streams": (sys.stdout, sys.stderr, sys.excepthook, threading.excepthook),
        "files": sorted(os.readlink(file) for file in files.iterdir() if os.path.isfile(file))
        if files.exists()
        else [],
    }


class At(Hook):
    """Does something after an update."""

    def __init__(self, num_updates: int) -> None:
        self.num_updates = num_updates

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        if trainer.state.num_updates == self.num_updates:
            self.act()

    def act(self) -> None:
        raise RuntimeError("in a hook")


class CtrlC(At):
    """What a terminal does, and a notebook whose kernel is interrupted."""

    def act(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


class Twice(CtrlC):
    def act(self) -> None:
        super().act()
        super().act()


@pytest.fixture(autouse=True)
def with_python_s_own_ctrl_c() -> Any:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def warm(trained: Path) -> dict[str, Any]:
    """What there is once everything has been imported and registered."""
    seqtrain.load(trained, device="cpu").translate("one", max_len_b=3)
    return stock()


def test_compose_train_and_load_leave_nothing(warm: dict[str, Any], tiny: list[str], tmp_path: Path) -> None:
    result = seqtrain.train(seqtrain.compose([*tiny, *SETTINGS]), tmp_path / "run")
    assert (result.num_updates, result.run_directory) == (6, tmp_path / "run")
    assert stock() == warm
    model = seqtrain.load(result.run_directory, device="cpu")
    assert len(model.sample(["one", "two"], max_len_b=5)) == 2
    assert stock() == warm


def test_an_error_leaves_nothing(warm: dict[str, Any], tiny: list[str], tmp_path: Path) -> None:
    cfg = seqtrain.compose([*tiny, *SETTINGS])
    with pytest.raises(RuntimeError, match="in a hook"):
        seqtrain.train(cfg, tmp_path / "run", hooks=[At(3)])
    assert stock() == warm


def test_an_interrupt_saves_and_leaves_nothing(warm: dict[str, Any], tiny: list[str], tmp_path: Path) -> None:
    cfg = seqtrain.compose([*tiny, *SETTINGS])
    result = seqtrain.train(cfg, tmp_path / "run", hooks=[CtrlC(3)])
    # The update that was under way when it came is done.
    assert (result.num_updates, result.stop_reason, result.exit_code) == (4, "Ctrl-C", 130)
    assert stock() == warm
    # It goes on as if nothing had happened.
    last = Checkpoint.open(tmp_path / "run" / "last")
    assert seqtrain.train(cfg, tmp_path / "run", resume=last).num_updates == 6
    assert stock() == warm
    whole = seqtrain.train(cfg, tmp_path / "whole")
    ends = [untimed(metrics(directory)[-1]) for directory in (tmp_path / "run", whole.run_directory)]
    assert ends[0] == ends[1]


def test_a_second_interrupt_ends_at_once(warm: dict[str, Any], tiny: list[str], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        seqtrain.train(seqtrain.compose([*tiny, *SETTINGS]), tmp_path / "run", hooks=[Twice(3)])
    assert stock() == warm


def test_training_in_a_thread_that_is_not_the_main_one(warm: dict[str, Any], tiny: list[str], tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as thread:
        cfg = thread.submit(seqtrain.compose, [*tiny, *SETTINGS]).result()
        assert thread.submit(seqtrain.train, cfg, tmp_path / "run").result().num_updates == 6
    assert stock() == warm


def test_composing_while_hydra_runs_a_program(warm: dict[str, Any], tiny: list[str]) -> None:
    from hydra import initialize

    with initialize(version_base="1.3", config_path=None):
        running = GlobalHydra.instance().hydra
        assert seqtrain.compose(tiny).training.max_update == 24
        assert GlobalHydra.instance().hydra is running is not None
    assert stock() == warm
