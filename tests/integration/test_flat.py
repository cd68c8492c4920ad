"""Memory, open files and threads of a training process stay as they are, however long it trains."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest

Call = Callable[..., Any]

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at processes through /proc")

SMALL = [
    *("model.encoder_embed_dim=8", "model.encoder_ffn_embed_dim=8"),
    *("model.decoder_embed_dim=8", "model.decoder_ffn_embed_dim=8"),
    *("training.log_interval=50", "dataset.max_sentences=2", "validation.generate=true"),
    *("validation.interval_epochs=0", "saving.interval_epochs=0", "saving.keep_last=2"),
]
"""130 updates an epoch, of two sentences each."""
SLACK = 1.01
"""Factor by which memory may differ from one third of the updates to the next."""


@dataclass(frozen=True)
class Usage:
    """What a process holds at one moment."""

    num_updates: int
    """Updates that it has reported."""
    resident_mb: float
    """Memory, in 10^6 bytes."""
    handles: int
    """Open file descriptors."""
    threads: int
    """Threads."""


def watch(process: "subprocess.Popen[bytes]", metrics: Path) -> Iterator[Usage]:
    """Yield what a process holds, again and again until it ends."""
    proc = Path(f"/proc/{process.pid}")
    while process.poll() is None:
        try:
            status = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
            handles = len(list((proc / "fd").iterdir()))
        except FileNotFoundError:
            continue
        if "VmRSS" in status and metrics.exists():
            resident = int(status["VmRSS"].split()[0]) * 1024 / 1e6
            yield Usage(num_updates_in(metrics), resident, handles, int(status["Threads"]))
        time.sleep(0.02)


def num_updates_in(metrics: Path) -> int:
    """Return the update of the last whole line."""
    lines = metrics.read_bytes().splitlines(keepends=True)
    whole = [line for line in lines[-2:] if line.endswith(b"\n")]
    return int(json.loads(whole[-1])["num_updates"]) if whole else 0


def typical(usages: Sequence[Usage]) -> Usage:
    """Return the median of each number."""
    numbers = [median(column) for column in zip(*map(astuple, usages), strict=True)]
    return Usage(int(numbers[0]), numbers[1], int(numbers[2]), int(numbers[3]))


@pytest.mark.parametrize("max_update", [1500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_flat(start: Call, tiny: list[str], tmp_path: Path, max_update: int) -> None:
    often = [f"{section}.interval_updates={max_update // 30}" for section in ("validation", "saving")]
    run = [*tiny, *SMALL, *often, f"training.max_update={max_update}", "hydra.run.dir=run"]
    with start(*run, cwd=tmp_path, stdout=subprocess.DEVNULL) as process:
        usages = list(watch(process, tmp_path / "run/metrics.jsonl"))
    assert process.returncode == 0
    third = max_update // 3
    middle, last = (
        typical([usage for usage in usages if n * third <= usage.num_updates < (n + 1) * third]) for n in (1, 2)
    )
    print(f"of {len(usages)} measurements: {middle}, {last}")
    assert last.resident_mb < middle.resident_mb * SLACK
    assert (last.handles, last.threads) == (middle.handles, middle.threads)
