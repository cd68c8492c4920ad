import json
from pathlib import Path

from seqtrain.training.hooks.metrics_file import MetricsFile
from seqtrain.training.trainer import Trainer


def records(path: Path) -> list[tuple[int, int, float]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(r["num_updates"], r["epoch"], r["train/loss"]) for r in lines]


def test_a_line_for_each_report_and_cut_back_to_the_checkpoint(tmp_path: Path, trainer: Trainer) -> None:
    path = tmp_path / "metrics.jsonl"
    hook = MetricsFile(path)
    hook.on_start(trainer)
    # The last two are of one update: the second is of an epoch's end that another update, which was skipped, came to.
    for update in (1, 2, 2):
        trainer.state.num_updates = update
        hook.on_metrics(trainer, {"train/loss": float(update)})
        if len(records(path)) == 2:
            saved = hook.state_dict()
    path.write_text(path.read_text() + '{"num_upd')  # a write that was cut short by a kill
    resumed = MetricsFile(path)
    resumed.load_state_dict(saved)
    resumed.on_start(trainer)
    assert records(path) == [(1, 1, 1.0), (2, 1, 2.0)]
    resumed.on_metrics(trainer, {"train/loss": 3.0})
    resumed.load_state_dict(saved)
    resumed.on_return(trainer)
    assert records(path) == [(1, 1, 1.0), (2, 1, 2.0)]


def test_without_a_checkpoint_all_is_dropped(tmp_path: Path, trainer: Trainer) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("{}\n")
    MetricsFile(path).on_start(trainer)
    assert path.read_text() == ""
