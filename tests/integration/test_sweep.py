"""``-m``: one run for each combination, through Hydra's launcher."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]

SWEEPER = '''
"""Prints what the jobs return."""

from hydra.experimental.callback import Callback


class Print(Callback):
    def on_job_end(self, config, job_return, **_):
        print(f"{job_return.overrides} returned {job_return.return_value:.6f}")
'''


def test_a_run_for_each_value_returns_its_objective(run: Call, tiny: list[str], tmp_path: Path) -> None:
    (tmp_path / "printing.py").write_text(SWEEPER)
    result = run(
        "-m", *tiny, "training.seed=1,2", "training.max_update=2", "hydra.sweep.dir=sweep",
        "+hydra.callbacks.p._target_=printing.Print", cwd=tmp_path,
    )  # fmt: skip
    assert result.code == 0, result.err
    for job, seed in (("0", 1), ("1", 2)):
        directory = tmp_path / "sweep" / job
        assert (directory / "last/model.safetensors").is_file()
        assert f"seed: {seed}" in (directory / ".hydra/config.yaml").read_text()
    returned = [float(line.split()[-1]) for line in result.out.splitlines() if " returned " in line]
    assert len(returned) == 2 and returned[0] != returned[1]
