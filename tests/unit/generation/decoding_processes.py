"""What tests let processes do: they import this module, and nothing of pytest."""

import os
import signal
import sys
import time
from collections.abc import Callable

import torch

from seqtrain.base import Batch, Hypothesis
from seqtrain.errors import DataError
from seqtrain.generation.worker import Found


def batch_of(*ids: int) -> Batch:
    """Return a batch; the numbers say what is to be done with it."""
    return Batch(torch.tensor(ids), {"source_tokens": torch.ones(len(ids), 2)}, torch.empty(len(ids), 0), 0, len(ids))


def set_up(number: int) -> Callable[[Batch], Found]:
    """Return what answers a batch by its numbers and the process, or goes wrong where a number is negative."""
    return do


def do(batch: Batch) -> Found:
    """Do what the first number of the batch says."""
    wrong = {-1: refuse, -2: die, -3: leave, -4: sleep}
    wrong.get(int(batch.ids[0]), lambda: None)()
    is_deaf = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return [[Hypothesis(torch.tensor([id, is_deaf]), float(os.getpid()), torch.zeros(1))] for id in batch.ids.tolist()]


def refuse() -> None:
    raise DataError("line 7: wrong")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    sys.exit(3)


def sleep() -> None:
    time.sleep(600)
