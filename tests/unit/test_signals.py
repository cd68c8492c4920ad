import os
import signal

import pytest

from seqtrain.signals import ending_at_once


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_before_and_after_training_a_signal_ends_the_program_at_once(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as end, ending_at_once():
        os.kill(os.getpid(), number)
    assert end.value.code == 75
    assert signal.getsignal(number) is before
