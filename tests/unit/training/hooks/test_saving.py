from pathlib import Path

from seqtrain import checkpoint
from seqtrain.config import SavingConfig
from seqtrain.training.hooks.saving import Saving
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.trainer import Trainer


def make(path: Path, saving: SavingConfig) -> tuple[Saving, list[tuple[int, dict[str, float]]]]:
    written: list[tuple[int, dict[str, float]]] = []

    def write(trainer: Trainer, directory: Path, metrics: dict[str, float]) -> None:
        written.append((trainer.state.num_updates, metrics))
        checkpoint.write(directory, model={}, config={}, metrics=metrics, save_task=lambda path: None)

    return Saving(saving, RunDirectory(path, saving), write), written


def test_saves_when_due_when_best_and_at_the_end(tmp_path: Path, trainer: Trainer) -> None:
    saving, written = make(tmp_path, SavingConfig(interval_epochs=0, interval_updates=4, keep_best=1))
    saving.on_start(trainer)
    losses = {2: 5.0, 3: 6.0, 5: 4.0}
    for update in range(1, 7):
        trainer.state.num_updates = update
        if update in losses:
            saving.on_metrics(trainer, {"valid/loss": losses[update]})
        if update == 6:
            trainer.stop("enough")
        saving.on_update(trainer, None)
    assert written == [(2, {"valid/loss": 5.0}), (4, {}), (5, {"valid/loss": 4.0}), (6, {})]


def test_one_checkpoint_an_update(tmp_path: Path, trainer: Trainer) -> None:
    saving, written = make(tmp_path, SavingConfig(interval_updates=1))
    saving.on_start(trainer)
    saving.on_update(trainer, None)
    saving.on_update(trainer, None)
    assert len(written) == 1
