import json
from pathlib import Path

from seqtrain.training.hooks.metrics_file import MetricsFile
from seqtrain.training.trainer import Trainer


def test_a_line_for_each_report_and_cut_back_on_resume(tmp_path: Path, trainer: Trainer) -> None:
    path = tmp_path / "metrics.jsonl"
    hook = MetricsFile(path)
    hook.on_start(trainer)
    for update in (1, 2, 3):
        trainer.state.num_updates = update
        hook.on_metrics(trainer, {"train/loss": float(update)})
    path.write_bytes(path.read_bytes() + b'{"\xff\n{"num_upd')  # damage, and a write that was cut short by a kill
    trainer.state.num_updates = 2
    hook.on_start(trainer)
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["num_updates"], r["epoch"], r["train/loss"]) for r in records] == [(1, 1, 1.0), (2, 1, 2.0)]
