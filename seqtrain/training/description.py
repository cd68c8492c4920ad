"""What a run trains, and on what, as its log begins."""

import torch

from seqtrain.base import Model
from seqtrain.config import TrainConfig
from seqtrain.registry import REGISTRIES


def description(cfg: TrainConfig, model: Model, device: torch.device) -> list[str]:
    """Return a line of the chosen plug-ins, and one of the model's size, the device and the precision."""
    one_each = {kind for kind, registry in REGISTRIES.items() if not registry.several}
    configs = {kind: config for kind, config in vars(cfg).items() if kind in one_each}
    chosen = (f"{kind} {REGISTRIES[kind].entry_of(config).name}" for kind, config in configs.items())
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return [", ".join(chosen), f"{parameters:,} parameters; {_named(device)}, {cfg.training.precision.value}"]


def _named(device: torch.device) -> str:
    if device.type == "cpu":
        return f"cpu with {torch.get_num_threads()} threads"
    return torch.cuda.get_device_name() if device.type == "cuda" else device.type
