import os
import signal

import pytest

from seqtrain.training.hooks.interrupt import Interrupt
from seqtrain.training.trainer import Trainer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_the_update_and_handlers_are_given_back(trainer: Trainer, number: int) -> None:
    before = signal.getsignal(number)
    hook = Interrupt()
    hook.on_start(trainer)
    hook.on_update(trainer, None)
    assert trainer.stop_reason == ""
    os.kill(os.getpid(), number)
    hook.on_update(trainer, None)
    assert (trainer.stop_reason, trainer.interrupted, trainer.ended) == ("interrupted", True, False)
    hook.on_end(trainer)
    assert signal.getsignal(number) is before


def test_a_second_ctrl_c_ends_at_once(trainer: Trainer) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may start tests with it ignored
    hook = Interrupt()
    hook.on_start(trainer)
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    hook.on_end(trainer)
    signal.signal(signal.SIGINT, before)
