"""A trained model, loaded from a run or a checkpoint: ``seqtrain.load(RUN)``."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqtrain.base import Hypothesis, Model, Task
from seqtrain.checkpoint import Checkpoint
from seqtrain.composition import from_container, register_all
from seqtrain.config import Device, GenerationConfig, TrainConfig
from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.translate import decode_lines, generation_plan
from seqtrain.registry import REGISTRIES
from seqtrain.training.device import find_device


@dataclass(frozen=True)
class TrainedModel:
    """A model with its task, ready for inference."""

    checkpoint: Checkpoint
    cfg: TrainConfig
    task: Task[Any]
    model: Model
    device: torch.device

    def hypotheses(self, lines: Iterable[str], cfg: GenerationConfig, window: int = 4096) -> Iterator[list[Hypothesis]]:
        """Yield the hypotheses of each line, best first; none for an empty line. ``window`` lines are read ahead."""
        generator = BeamSearch(cfg, self.model, self.task.info)
        decoded = decode_lines(self.task, lines, generator, generation_plan(cfg), self.device, window)
        return (hypotheses for _, hypotheses in decoded)

    def translate(self, lines: Iterable[str], cfg: GenerationConfig | None = None) -> list[str]:
        """Return the best translation of each line; an empty line gives an empty line."""
        decode = self.task.info.target_dictionary.decode
        found = self.hypotheses(lines, cfg or GenerationConfig())
        return [decode(best[0].tokens.tolist()) if best else "" for best in found]


def load(path: str | Path, *, device: Device = Device.auto, data: str = "") -> TrainedModel:
    """Load a run directory's best checkpoint, or a checkpoint directory. No code of it is run.

    Args:
        path: the run or checkpoint directory.
        device: where to compute.
        data: directory of the data, if it is no longer where the checkpoint was trained from.

    Raises:
        CheckpointError: there is none, or it is damaged.
        PluginError: it was made with a plug-in that is not registered.
    """
    register_all()
    checkpoint = Checkpoint.open(path)
    container = checkpoint.container()
    if data:
        container["task"]["data"] = data
    cfg = from_container(container)
    task = REGISTRIES["task"].build(cfg.task)
    task.load(checkpoint.path)
    model: Model = task.build_model(cfg.model)
    checkpoint.load_model(model)
    target = find_device(device)
    return TrainedModel(checkpoint, cfg, task, model.to(target).eval(), target)
