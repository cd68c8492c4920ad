"""Model and criterion as one module: what is compiled and wrapped, and what a task calls as its criterion."""

from typing import Any

import torch
from torch import nn

from seqtrain.base import Batch, Criterion, Fingerprint, LossOutput, Model
from seqtrain.config import TrainingConfig
from seqtrain.nn.compilation import leave_to_python
from seqtrain.nn.device import device_of
from seqtrain.training.precision import AUTOCAST, LossScaler


class LossModule(nn.Module):
    """A model and its criterion; whatever the one does with the other happens inside ``forward``."""

    def __init__(self, model: Model, criterion: Criterion) -> None:
        super().__init__()
        self.model = model
        self.criterion = criterion

    def compile(self, *args: Any, **options: Any) -> None:
        """Compile it with these options of ``torch.compile``, but for what its modules leave to Python."""
        leave_to_python(self)
        super().compile(*args, **options)

    def forward(self, batch: Batch) -> LossOutput:
        """Return the loss of a batch."""
        output: LossOutput = self.criterion(self.model, batch)
        return output


class LossStep(Criterion):
    """A criterion that runs through a :class:`LossModule`: on its device, in its precision, seeded by the batch."""

    def __init__(
        self, model: Model, criterion: Criterion, cfg: TrainingConfig, scaler: LossScaler | None = None
    ) -> None:
        nn.Module.__init__(self)
        self.device = device_of(model)
        module = LossModule(model, criterion.to(self.device))
        self.autocast = AUTOCAST.get(cfg.precision)
        self.scaler = scaler
        if cfg.compile:
            module.compile(dynamic=True)
        self.module = module

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return those of the criterion."""
        return self.module.criterion.fingerprints()

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch; ``model`` is the one this was built for."""
        if self.training:
            torch.manual_seed(batch.seed)
        with torch.autocast(self.device.type, self.autocast, enabled=self.autocast is not None):
            output: LossOutput = self.module(batch.to(self.device))
        if self.scaler is not None:
            self.scaler.attach(output.loss)
        return output
