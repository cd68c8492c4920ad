"""What schedulers share whose rate goes by epochs."""

from collections.abc import Callable

import pytest

from seqtrain.errors import CheckpointError
from seqtrain.lr_schedulers._epochs import EpochScheduler
from seqtrain.lr_schedulers.fixed import Fixed, FixedConfig
from seqtrain.lr_schedulers.manual import Manual, ManualConfig
from seqtrain.optimizers.sgd import SGD

Make = Callable[[SGD], EpochScheduler]

pytestmark = pytest.mark.parametrize(
    "make",
    [
        lambda optimizer: Fixed(FixedConfig(lr_per_epoch=[3.0, 1.0]), optimizer),
        lambda optimizer: Manual(ManualConfig(epoch2lr={1: 3.0, 2: 1.0}), optimizer),
    ],
    ids=["fixed", "manual"],
)


def test_the_state_is_the_epoch(optimizer: SGD, make: Make) -> None:
    scheduler, resumed = make(optimizer), make(optimizer)
    scheduler.step(1, None)
    assert scheduler.state_dict() == {"epoch": 2}
    resumed.load_state_dict({"epoch": 2})
    assert resumed.step_update(7) == 1.0


def test_the_state_of_another_scheduler(optimizer: SGD, make: Make) -> None:
    with pytest.raises(CheckpointError, match="resume with the lr_scheduler that it was saved with"):
        make(optimizer).load_state_dict({})
