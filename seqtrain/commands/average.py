"""``average``: a checkpoint whose parameters are the mean of several."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint
from seqtrain.config import AverageConfig
from seqtrain.errors import CheckpointError


def run(cfg: AverageConfig) -> None:
    """Average checkpoints and say which."""
    chosen = choose(cfg)
    average(chosen, Path(cfg.output))
    for one in chosen:
        print(one.path)
    print(f"average of {len(chosen)}: {cfg.output}")


def choose(cfg: AverageConfig) -> list[Checkpoint]:
    """Return the checkpoints to average, verified.

    Raises:
        CheckpointError: one is missing or damaged.
    """
    found: list[Path] = []
    for path in map(Path, [cfg.checkpoint] if isinstance(cfg.checkpoint, str) else cfg.checkpoint):
        newest = checkpoint.complete(path / "checkpoints")[-cfg.last :]
        found += newest or [checkpoint.resolve(path)]
    return [Checkpoint.open(path) for path in found]


def average(checkpoints: Sequence[Checkpoint], output: Path) -> Checkpoint:
    """Write the mean of several checkpoints' parameters as a checkpoint for inference.

    Raises:
        CheckpointError: the checkpoints hold different parameters, or ``output`` is there already.
    """
    if output.exists():
        raise CheckpointError(f"output={output} is there already: choose another name")
    newest = checkpoints[-1]
    # No plug-in is built, so that none has to be there.
    return checkpoint.write(
        output, model=_mean(checkpoints), config=newest.container(), metrics={}, save_task=newest.copy_files
    )


def _mean(checkpoints: Sequence[Checkpoint]) -> dict[str, Tensor]:
    """Return the mean of each tensor, summed in double precision; one that is not floating-point is the newest's."""
    total: dict[str, Tensor] = {}
    for one in checkpoints:
        tensors = one.model()
        if total and (tensors.keys() != total.keys() or any(tensors[n].shape != t.shape for n, t in total.items())):
            raise CheckpointError(f"{one.path} holds other parameters than {checkpoints[0].path}: average one model's")
        for name, tensor in tensors.items():
            total[name] = total[name] + tensor.double() if name in total else tensor.double()
    return {
        name: (total[name] / len(checkpoints)).to(tensor.dtype) if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
    }
