"""What a run has reached: its losses, and the BLEU of its best checkpoint and of averages, for ``docs/results.md``.

    python -m benchmarks.quality RUN --last 10 --json FILE generation.beam=5 scorer.bleu.tokenizer=none

What stands behind the options is for ``evaluate``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks._machine import ROOT, about

SEQTRAIN = (sys.executable, "-m", "seqtrain")
CURVE = ("epoch", "num_updates", "valid/loss", "valid/nll_loss", "valid/ppl", "seconds")
"""What is kept of each validation."""
SPLITS = ("valid", "test")


def measured(run: Path, averages: Sequence[int], overrides: Sequence[str]) -> dict[str, Any]:
    """Return what there is to know of a run."""
    state = json.loads((run / "last/training/state.json").read_text(encoding="utf-8"))
    return {
        "about": about(state["environment"]["num_threads"]),
        "curve": curve(run / "metrics.jsonl"),
        "scores": list(scores(run, averages, overrides)),
    }


def curve(metrics: Path) -> list[dict[str, float]]:
    """Return the validations of a run, in order."""
    lines = [json.loads(line) for line in metrics.read_text(encoding="utf-8").splitlines()]
    return [{name: line[name] for name in CURVE} for line in lines if "valid/loss" in line]


def scores(run: Path, averages: Sequence[int], overrides: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what ``evaluate`` prints of the best checkpoint, and of the averages of the last so many."""
    with tempfile.TemporaryDirectory(prefix="quality-") as directory:
        checkpoints = {"best checkpoint": run}
        for count in averages:
            output = Path(directory) / str(count)
            seqtrain("average", f"checkpoint={run}", f"last={count}", f"output={output}")
            checkpoints[f"average of the last {count}"] = output
        for name, checkpoint in checkpoints.items():
            for split in SPLITS:
                found = json.loads(seqtrain("evaluate", f"checkpoint={checkpoint}", f"split={split}", *overrides))
                yield {**found, "checkpoint": name}


def seqtrain(*words: str) -> str:
    """Return what a command of the program prints."""
    return subprocess.run([*SEQTRAIN, *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and write a file of results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run directory, with its checkpoints")
    parser.add_argument("--last", type=int, nargs="*", default=[10], help="how many of the last checkpoints to average")
    parser.add_argument("--json", type=Path, required=True, help="file to write")
    chosen, overrides = parser.parse_known_args(arguments)
    found = measured(chosen.run.resolve(), chosen.last, overrides)
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
