import os
import signal

import pytest

from seqtrain.signals import ending_at_once
from seqtrain.training.hooks.interrupt import Interrupt, exit_code
from seqtrain.training.trainer import Trainer


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [(signal.SIGINT, "Ctrl-C", 130), (signal.SIGTERM, "SIGTERM", 75), (signal.SIGUSR1, "SIGUSR1", 75)],
)
def test_a_signal_stops_after_the_update_and_handlers_are_given_back(
    trainer: Trainer, number: int, reason: str, code: int
) -> None:
    before = signal.getsignal(number)
    hook = Interrupt()
    hook.on_start(trainer)
    hook.on_update(trainer, None)
    assert trainer.stop_reason == ""
    os.kill(os.getpid(), number)
    hook.on_update(trainer, None)
    assert (trainer.stop_reason, trainer.interrupted, trainer.ended) == (reason, True, False)
    assert exit_code(trainer) == code
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


def test_the_end_is_no_interrupt(trainer: Trainer) -> None:
    trainer.stop("training.max_update=1 is reached")
    assert exit_code(trainer) == 0


def test_a_second_signal_ends_the_program_at_once(trainer: Trainer) -> None:
    hook = Interrupt()
    with pytest.raises(SystemExit) as end, ending_at_once():
        hook.on_start(trainer)
        os.kill(os.getpid(), signal.SIGUSR1)
        hook.on_update(trainer, None)
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            hook.on_end(trainer)
    assert (trainer.stop_reason, end.value.code) == ("SIGUSR1", 75)
