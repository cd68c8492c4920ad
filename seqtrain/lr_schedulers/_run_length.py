"""What schedulers share that go by the length of the run."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from omegaconf import II

from seqtrain.errors import ConfigError
from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRSchedulerConfig


@dataclass
class RunLengthConfig(LRSchedulerConfig):
    """Settings of a schedule that ends with the run."""

    falls_to_the_end: ClassVar[bool] = True
    total_num_update: int = bounded(II("training.max_update"), at_least=0)
    """Updates, warm-up included, until the schedule has run its course."""

    def contradictions(self) -> Iterable[str]:
        """The length is known where it is needed."""
        yield from super().contradictions()
        if self.total_num_update == 0 and self.needs_length():
            yield (
                "lr_scheduler needs to know when training ends: set training.max_update or "
                "lr_scheduler.total_num_update"
            )

    def needs_length(self) -> bool:
        """Whether there is no schedule without it, as most often."""
        return True

    def length(self) -> int:
        """Return ``total_num_update``.

        Raises:
            ConfigError: it is no number; a config made by hand must give it.
        """
        if not isinstance(self.total_num_update, int):
            raise ConfigError(
                f"lr_scheduler.total_num_update={self.total_num_update} is no number: "
                f"pass one to a {type(self).__name__} that is not composed by Hydra"
            )
        return self.total_num_update
