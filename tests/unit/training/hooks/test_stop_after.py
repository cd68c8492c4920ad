import pytest

from seqtrain.training.hooks.stop_after import StopAfter
from seqtrain.training.trainer import Trainer


@pytest.mark.parametrize(("num_updates", "reason"), [(2, ""), (3, "update 3 is reached"), (4, "update 3 is reached")])
def test_stops_after_an_update(trainer: Trainer, num_updates: int, reason: str) -> None:
    trainer.state.num_updates = num_updates
    StopAfter(3, interrupted=False).on_update(trainer, None)
    assert (trainer.stop_reason, trainer.interrupted) == (reason, False)


def test_stops_at_once_where_a_run_is_there_already(trainer: Trainer) -> None:
    trainer.state.num_updates = 3
    StopAfter(3, interrupted=True).on_start(trainer)
    assert trainer.interrupted


@pytest.mark.parametrize(("place", "stops"), [((1, 9), False), ((2, 2), False), ((2, 4), True), ((3, 0), True)])
def test_tells_which_time_it_comes_to_an_update(trainer: Trainer, place: tuple[int, int], stops: bool) -> None:
    trainer.state.num_updates = 3
    trainer.state.epoch, trainer.state.position = place
    StopAfter(3, interrupted=True, place=(2, 4)).on_update(trainer, None)
    assert trainer.interrupted == stops
