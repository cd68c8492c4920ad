"""Where training stands, and what an update did."""

from dataclasses import dataclass

from torch import Tensor

from seqtrain.base import Sum


@dataclass
class TrainState:
    """Where training stands; with the parameters and the optimizer's state it is all that a resume needs."""

    num_updates: int = 0
    """Updates so far: the clock."""
    epoch: int = 1
    """Current pass over the training data, from 1."""
    position: int = 0
    """Micro-batches of this epoch that are done, those of all processes."""
    end_of_epoch: bool = False
    """Whether the last update ended the epoch."""
    applied: bool = True
    """Whether the last update was applied, and the clock went on."""
    val_loss: float | None = None
    """Loss of this epoch's last validation; None if it has had none."""
    best: float | None = None
    """Best value of ``saving.metric`` so far."""
    num_validations_since_best: int = 0
    """Validations in a row that were no better."""
    saved: int = 0
    """Update of the last checkpoint, but for one that an interrupt left: what a recovery goes back to must not depend
    on interrupts."""
    seconds: float = 0.0
    """Time spent in training, earlier runs of the same run directory included."""

    @property
    def epochs_done(self) -> int:
        """Passes over the training data that are whole."""
        return self.epoch if self.end_of_epoch else self.epoch - 1

    def is_due(self, interval_epochs: int, interval_updates: int) -> bool:
        """Tell whether it is time for what is done at every so many epochs or updates (0: never)."""
        by_epoch = interval_epochs > 0 and self.end_of_epoch and self.epoch % interval_epochs == 0
        return by_epoch or (interval_updates > 0 and self.applied and self.num_updates % interval_updates == 0)


@dataclass(frozen=True)
class UpdateResult:
    """What an update did."""

    sample_size: int
    """What the gradient was divided by."""
    ntokens: int
    """Target tokens, padding left out."""
    nsentences: int
    """Sentences."""
    grad_norm: Tensor
    """L2 norm of the averaged gradient before clipping, ()."""
    metrics: dict[str, Sum]
    """The criterion's sums over the batches."""
