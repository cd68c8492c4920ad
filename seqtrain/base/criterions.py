"""Base class of criterions."""

from abc import ABC, abstractmethod

from torch import nn

from seqtrain.base.data import Batch, LossOutput, TaskInfo
from seqtrain.base.fingerprints import Fingerprint
from seqtrain.base.models import Model
from seqtrain.config import CriterionConfig


class Criterion(nn.Module, ABC):
    """The loss, built as ``C(cfg, task)``."""

    def __init__(self, cfg: CriterionConfig, task: TaskInfo) -> None:
        super().__init__()

    def prepare(self) -> None:
        """Get ready to train: read what only training needs. Building reads nothing, and evaluation does without."""

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return what training depends on besides the task's data, by name: a resume compares it, as the task's."""
        return {}

    @abstractmethod
    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
