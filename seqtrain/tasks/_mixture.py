"""What tasks say of their training sets, and what an epoch sees of each."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seqtrain.config import TaskConfig
from seqtrain.data.mixture import Mixture
from seqtrain.fields import bounded

log = logging.getLogger(__name__)


@dataclass
class MixtureConfig(TaskConfig):
    """Base of the configs of tasks that train on several sets."""

    train: list[str] = field(default_factory=lambda: ["train"])
    """Prefixes of the training files: the training sets."""
    train_weights: list[float] = bounded([], at_least=0, at_most=1e9)
    """How often an epoch sees all of each training set: 2 is twice, 0.5 half of it; empty: each once."""
    sampling_temperature: float = bounded(1.0, at_least=1)
    """T: an epoch has of each set in proportion to (its sentences * weight) ** (1 / T); the higher, the more even."""
    epoch_size: int = bounded(0, at_least=0)
    """About how many sentences (or blocks) an epoch has; the next goes on where it stops. 0: those of the sets."""

    @property
    def train_sets(self) -> list[str]:
        """Names of the training sets."""
        return self.train

    @property
    def mixes(self) -> bool:
        """Whether an epoch sees anything else than each training sentence once."""
        weighted = any(weight != 1 for weight in self.train_weights)
        return weighted or self.sampling_temperature != 1 or self.epoch_size > 0

    def contradictions(self) -> Iterable[str]:
        """What is given for each training set is given for all."""
        yield from self.one_a_set("train_weights")

    def one_a_set(self, name: str) -> Iterable[str]:
        """Say what is wrong with a list that should be empty, or have an item for each training set."""
        values, sets = getattr(self, name), self.train_sets
        if values and len(values) != len(sets):
            yield f"task.{name} has {len(values)} items for {len(sets)} training sets: {', '.join(sets)}"

    def select(
        self, first_lines: npt.NDArray[np.int64], lines: Sequence[int], *, epoch: int, seed: int, turns: int = 1
    ) -> npt.NDArray[np.int64]:
        """Return which of the training sentences an epoch sees, (n,); one that it sees twice is in it twice.

        Args:
            first_lines: the line of the training text that each begins with, rising, (N,).
            lines: how many each training set has.
            epoch: number of the epoch.
            seed: of the order.
            turns: how many epochs after it these sentences come again; that one goes on where this one stops.
        """
        sizes = np.diff(np.searchsorted(first_lines, np.cumsum(lines)), prepend=0).tolist()
        mixture = Mixture(sizes, self.train_weights, self.sampling_temperature, self.epoch_size)
        visit = (epoch - 1) // turns + 1
        counts = (f"{count} of {name}" for count, name in zip(mixture.counts(visit), self.train_sets, strict=True))
        log.info("epoch %d: %s", epoch, ", ".join(counts))
        return mixture.select(epoch=visit, seed=seed)
