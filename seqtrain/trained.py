"""A trained model, loaded from a run or a checkpoint: ``seqtrain.load(RUN)``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seqtrain.base import Hypothesis, Model, PlanSpec, Task
from seqtrain.checkpoint import Checkpoint
from seqtrain.composition import discover, register_all, searchpath_override
from seqtrain.config import DatasetConfig, Device, GenerationConfig, Plugins, TrainConfig
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.requests import Request
from seqtrain.generation.translate import WINDOW, decode_lines
from seqtrain.restored import restore
from seqtrain.training.device import find_device
from seqtrain.training.loss_module import LossStep
from seqtrain.training.split_loss import evaluate_loss


@dataclass(frozen=True)
class TrainedModel:
    """A model with its task, ready for inference."""

    checkpoint: Checkpoint
    cfg: TrainConfig
    task: Task[Any]
    model: Model

    def in_languages(self, source_lang: str, target_lang: str) -> "TrainedModel":
        """Return the model that translates one language into another; both are empty for a model of one pair.

        Raises:
            ConfigError: the languages are not those of a pair of a multilingual model, or it is no such model.
        """
        return replace(self, task=self.task.in_languages(source_lang, target_lang))

    def hypotheses(
        self, lines: Iterable[str | Request], cfg: GenerationConfig, window: int = WINDOW
    ) -> Iterator[list[Hypothesis]]:
        """Yield the hypotheses of each line, best first; none for an empty line. ``window`` lines are read ahead."""
        return decode_lines(self.task, lines, SequenceGenerator(cfg, self.model, self.task.info), cfg, window)

    def translate(
        self, lines: Iterable[str], cfg: GenerationConfig | None = None, *, source_lang: str = "", target_lang: str = ""
    ) -> list[str]:
        """Return the best translation of each line; an empty line gives an empty line.

        Raises:
            ConfigError: the languages are not those of a pair of a multilingual model, or it is no such model.
        """
        asked = self.in_languages(source_lang, target_lang)
        decode = asked.task.info.target_dictionary.decode
        found = asked.hypotheses(lines, cfg or GenerationConfig())
        return [decode(best[0].tokens.tolist()) if best else "" for best in found]

    def losses(self, split: str, dataset: DatasetConfig) -> dict[str, float]:
        """Return the averages of a split that the model's criterion gives, and what follows from them.

        Raises:
            ConfigError: there is no such split.
            DataError: a file of it is missing, or cannot be used.
        """
        step = LossStep(self.model, self.task.build_criterion(self.cfg.criterion), self.cfg.training)
        plan = PlanSpec(dataset.max_tokens, dataset.max_sentences, shuffle=False)
        return evaluate_loss(self.task, self.model, step, split, plan)


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
    cfg, task, model = restore(checkpoint, overrides)
    return TrainedModel(checkpoint, cfg, task, model.to(find_device(Device(device))).eval())
