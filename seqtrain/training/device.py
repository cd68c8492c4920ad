"""The device and the settings of torch that a config asks for."""

import contextlib
from collections.abc import Iterator

import torch

from seqtrain.config import Device, TrainingConfig
from seqtrain.errors import ConfigError
from seqtrain.memory import few_primitives, kept_memory


def find_device(choice: Device) -> torch.device:
    """Return the device to compute on.

    Raises:
        ConfigError: this machine has none of that kind.
    """
    there = {
        Device.cuda: torch.cuda.is_available(),
        Device.mps: torch.backends.mps.is_available(),
        Device.cpu: True,
    }
    if choice is Device.auto:
        choice = next(device for device, available in there.items() if available)
    if not there[choice]:
        raise ConfigError(f"device={choice.value}: torch finds none here; use auto or cpu")
    return torch.device(choice.value)


@contextlib.contextmanager
def torch_settings(cfg: TrainingConfig, num_threads: int) -> Iterator[None]:
    """Set threads, determinism and memory; afterwards they are what they were, as are torch's random numbers.

    Args:
        cfg: the config.
        num_threads: CPU threads if the config leaves them open; 0 leaves them to torch.
    """
    device = find_device(cfg.device).type
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    if cfg.num_threads or num_threads:
        torch.set_num_threads(cfg.num_threads or num_threads)
    torch.use_deterministic_algorithms(cfg.deterministic or deterministic)
    try:
        with (
            few_primitives(),
            torch.random.fork_rng([torch.cuda.current_device()] if device == "cuda" else []),
            kept_memory(cfg.keep_memory and device == "cpu"),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
