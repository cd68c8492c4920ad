"""Training and translating in the kernel of a notebook, which is interrupted."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

ROOT = Path(__file__).parents[2]

TRAIN = """
import signal, seqtrain
cfg = seqtrain.compose({overrides!r})
result = seqtrain.train(cfg, "run")
print("exit code", result.exit_code, "python's Ctrl-C", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
TRANSLATE = "seqtrain.load(result.run_directory, device='cpu').translate(['one', ''], max_len_b=5)"

Execute = Callable[[str, str], list[dict[str, Any]]]


@pytest.fixture
def execute(tmp_path: Path, cache: Path) -> Iterator[Execute]:
    """Execute a cell, and interrupt the kernel once a text has come; return the messages that are shown below it."""
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    manager.start_kernel(cwd=str(tmp_path), env=environment)
    client: BlockingKernelClient = manager.client()
    client.start_channels()

    def execute(code: str, interrupt_at: str) -> list[dict[str, Any]]:
        shown: list[dict[str, Any]] = []

        def show(message: dict[str, Any]) -> None:
            waiting = interrupt_at and interrupt_at not in text_of(shown)
            shown.append(message)
            if waiting and interrupt_at in text_of(shown):
                manager.interrupt_kernel()

        client.execute_interactive(code, output_hook=show, timeout=120, allow_stdin=False)
        return shown

    try:
        client.wait_for_ready(timeout=120)
        yield execute
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def text_of(messages: list[dict[str, Any]]) -> str:
    """Return what was printed."""
    return "".join(message["content"]["text"] for message in messages if message["msg_type"] == "stream")


def test_a_notebook(execute: Execute, tiny: list[str], tmp_path: Path) -> None:
    endless = ["training.max_update=0", "training.max_epoch=100000", "training.log_interval=1"]
    shown = execute(TRAIN.format(overrides=[*tiny, *endless, "lr_scheduler=fixed"]), "update 3:")
    printed = text_of(shown)
    # Plain lines, and nothing that a notebook shows as a block of its own; no bar, which would be drawn line by line.
    assert {message["msg_type"] for message in shown} <= {"status", "execute_input", "stream"}, shown
    assert "\x1b" not in printed
    assert "epoch 1, update 1: train/loss " in printed
    assert "ending after this update; once more to end at once" in printed
    assert printed.endswith("exit code 130 python's Ctrl-C True\n")
    assert (tmp_path / "run" / "last" / "model.safetensors").is_file()
    (result,) = (message for message in execute(TRANSLATE, "") if message["msg_type"] == "execute_result")
    assert result["content"]["data"]["text/plain"].endswith(", '']")
