"""A trained model, loaded from a run or a checkpoint: ``seqtrain.load(RUN)``."""

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from seqtrain.base import Hypothesis, Model, Task
from seqtrain.checkpoint import CONFIG, MODEL, Checkpoint
from seqtrain.composition import discover, register_all, searchpath_override
from seqtrain.config import Device, GenerationConfig, Plugins, TrainConfig
from seqtrain.errors import CheckpointError
from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.translate import WINDOW, decode_lines, generation_plan
from seqtrain.registry import REGISTRIES
from seqtrain.training.device import find_device

SPARE_BYTES = 64 << 20
"""What a small model may take beyond four times its file: a model may make parameters that it then replaces."""
BYTES_OF_A_PARAMETER = 4096
"""About what a parameter takes besides its numbers."""


@dataclass(frozen=True)
class TrainedModel:
    """A model with its task, ready for inference."""

    checkpoint: Checkpoint
    cfg: TrainConfig
    task: Task[Any]
    model: Model

    def hypotheses(
        self, lines: Iterable[str], cfg: GenerationConfig, window: int = WINDOW
    ) -> Iterator[list[Hypothesis]]:
        """Yield the hypotheses of each line, best first; none for an empty line. ``window`` lines are read ahead."""
        return decode_lines(self.task, lines, BeamSearch(cfg, self.model, self.task.info), generation_plan(cfg), window)

    def translate(self, lines: Iterable[str], cfg: GenerationConfig | None = None) -> list[str]:
        """Return the best translation of each line; an empty line gives an empty line."""
        decode = self.task.info.target_dictionary.decode
        found = self.hypotheses(lines, cfg or GenerationConfig())
        return [decode(best[0].tokens.tolist()) if best else "" for best in found]


def load(
    path: str | Path,
    *,
    device: Device | str = Device.auto,
    overrides: Sequence[str] = (),
    searchpath: Sequence[str | Path] = (),
    plugins: Plugins | str = Plugins.installed,
) -> TrainedModel:
    """Load a run directory's best checkpoint, or a checkpoint directory. No code of it is run unless that is asked for.

    Args:
        path: the run or checkpoint directory.
        device: where to compute.
        overrides: of its config, such as ``task.data=DIR`` where the data has moved.
        searchpath: user directories with the plug-ins that it was made with.
        plugins: ``bundled`` runs the checkpoint's own copy of users' plug-ins.

    Raises:
        CheckpointError: there is none, or it is damaged.
        PluginError: it was made with a plug-in that is not registered.
    """
    register_all()
    if searchpath:
        discover(searchpath_override(searchpath))
    checkpoint = Checkpoint.open(path)
    checkpoint.bundle().provide(Plugins(plugins))
    cfg = checkpoint.config(overrides)
    task = REGISTRIES["task"].build(cfg.task)
    task.load(checkpoint.path)
    with _no_larger_than(checkpoint.path / MODEL):
        model: Model = task.build_model(cfg.model)
    checkpoint.load_model(model)
    return TrainedModel(checkpoint, cfg, task, model.to(find_device(Device(device))).eval())


@contextlib.contextmanager
def _no_larger_than(file: Path) -> Iterator[None]:
    """Refuse, before their memory is touched, to build parameters that a file cannot hold the values of.

    Raises:
        CheckpointError: the config of the checkpoint wants more.
    """
    room = 4 * file.stat().st_size + SPARE_BYTES

    def check(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        nonlocal room
        if parameter is not None:
            room -= parameter.nbytes + BYTES_OF_A_PARAMETER
        if room < 0:
            raise too_large

    too_large = CheckpointError(
        f"{file} is too small for the model of {CONFIG} beside it, which takes more memory: use another checkpoint"
    )
    hook = register_module_parameter_registration_hook(check)
    try:
        yield
    except (RuntimeError, MemoryError, OverflowError) as error:
        if isinstance(error, RuntimeError) and not re.search("alloc|overflow", str(error)):
            raise
        raise too_large from error  # no memory could hold it
    finally:
        hook.remove()
