"""Take over the state that a checkpoint holds, whatever it turns out to be."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqtrain.checkpoint import STATE, Checkpoint
from seqtrain.documents import DocumentError, build
from seqtrain.errors import CheckpointError, SeqtrainError
from seqtrain.training.state import TrainState

MAX_THREADS = 4096


@contextlib.contextmanager
def taking_over(file: Path) -> Iterator[None]:
    """Say which file it is that does not fit, whatever a plug-in makes of the state that was its own.

    Raises:
        CheckpointError: within, a value was missing or of another kind than expected.
    """
    try:
        yield
    except DocumentError as error:
        raise CheckpointError(f"{file}: {error}: use another checkpoint") from error
    except SeqtrainError as error:
        raise error if str(file.parent.parent) in str(error) else type(error)(f"{file}: {error}") from error
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        kind = type(error).__name__
        raise CheckpointError(
            f"{file} does not fit what is to take it over ({kind}: {error}): use another checkpoint"
        ) from error


def train_state(data: Any) -> TrainState:
    """Return where training stood.

    Raises:
        SeqtrainError: a field is missing, unknown, of another type or out of its range.
    """
    state = build(TrainState, data, "trainer")
    if state.epoch < 1 or min(state.num_updates, state.position, state.num_validations_since_best, state.saved) < 0:
        raise CheckpointError(f"trainer does not fit: {state} counts below its first number")
    return state


def saved_threads(checkpoint: Checkpoint) -> int:
    """Return the number of threads that a checkpoint's run computes with.

    Raises:
        CheckpointError: there is none.
    """
    with taking_over(checkpoint.path / STATE):
        num_threads = checkpoint.state()["environment"]["num_threads"]
        if type(num_threads) is not int or not 0 < num_threads <= MAX_THREADS:
            raise CheckpointError(f"environment.num_threads={num_threads!r:.100}: must be from 1 to {MAX_THREADS}")
    return num_threads
