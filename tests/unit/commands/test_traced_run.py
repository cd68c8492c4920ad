import pytest

from seqtrain.commands._traced_run import with_shorter_intervals
from seqtrain.config import SavingConfig, TrainConfig, TrainingConfig, ValidationConfig


@pytest.mark.parametrize(("configured", "used"), [(0, 10), (3, 3), (10, 10), (5000, 10)])
def test_validates_and_saves_within_a_short_run(configured: int, used: int) -> None:
    cfg = TrainConfig(
        training=TrainingConfig(max_update=9000),
        validation=ValidationConfig(interval_updates=configured, max_batches=2),
        saving=SavingConfig(interval_updates=configured, keep_last=7),
    )
    shorter = with_shorter_intervals(cfg, 10)
    assert shorter.validation == ValidationConfig(interval_updates=used, max_batches=2)
    assert shorter.saving == SavingConfig(interval_updates=used, keep_last=7)
    assert shorter.training is cfg.training
