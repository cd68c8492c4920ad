"""What schedulers with a state of their own share."""

from typing import Any

from seqtrain.errors import CheckpointError


def saved(state: dict[str, Any], key: str) -> Any:
    """Return a value of a scheduler's saved state.

    Raises:
        CheckpointError: it is the state of another scheduler.
    """
    if key not in state:
        raise CheckpointError(
            f"the checkpoint's lr_scheduler state has no {key}: resume with the lr_scheduler that it was saved with"
        )
    return state[key]
