"""A trained model, loaded from a run or a checkpoint: ``seqtrain.load(RUN)``."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, overload

from seqtrain.base import Hypothesis, Model, PlanSpec, Task
from seqtrain.checkpoint import Checkpoint
from seqtrain.composition import discover, register_all, searchpath_override
from seqtrain.config import DatasetConfig, Device, GenerationConfig, Plugins, TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.translate import WINDOW, decode_lines, generation_plan
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
        self, lines: Iterable[str], cfg: GenerationConfig, window: int = WINDOW
    ) -> Iterator[list[Hypothesis]]:
        """Yield the hypotheses of each line, best first; none for an empty line. ``window`` lines are read ahead."""
        return decode_lines(
            self.task, lines, SequenceGenerator(cfg, self.model, self.task.info), generation_plan(cfg), window
        )

    @overload
    def translate(self, lines: str, cfg: GenerationConfig | None = None, **options: Any) -> str: ...

    @overload
    def translate(self, lines: Iterable[str], cfg: GenerationConfig | None = None, **options: Any) -> list[str]: ...

    def translate(
        self,
        lines: str | Iterable[str],
        cfg: GenerationConfig | None = None,
        *,
        source_lang: str = "",
        target_lang: str = "",
        **options: Any,
    ) -> str | list[str]:
        """Return the best translation of a line, or of each of several; an empty line gives an empty line.

        Of a language model it is the line with its continuation.

        Args:
            lines: a line, or any number of them: they are batched by length, and answered in their order.
            cfg: how to search.
            source_lang: language of the lines, of a model of several pairs.
            target_lang: language to translate into, of a model of several pairs.
            options: fields of ``cfg`` that are to be others, such as ``beam=10, lenpen=0.6``.

        Raises:
            ConfigError: there is no such option, it is out of range, or the model was not trained for the languages.
        """
        found = self.in_languages(source_lang, target_lang)._texts(lines, with_options(cfg, options))
        best = [next(iter(texts), "") for texts in found]
        return best[0] if isinstance(lines, str) else best

    @overload
    def sample(self, lines: str, cfg: GenerationConfig | None = None, **options: Any) -> list[str]: ...

    @overload
    def sample(self, lines: Iterable[str], cfg: GenerationConfig | None = None, **options: Any) -> list[list[str]]: ...

    def sample(
        self,
        lines: str | Iterable[str],
        cfg: GenerationConfig | None = None,
        *,
        source_lang: str = "",
        target_lang: str = "",
        **options: Any,
    ) -> list[str] | list[list[str]]:
        """Return ``nbest`` outputs of a line, or of each of several, drawn by the model's probabilities; best first.

        The same ``seed`` draws the same of a line in the same place, whatever the others are.

        Args:
            lines: a line, or any number of them.
            cfg: how to search; it samples whether it says so or not.
            source_lang: language of the lines, of a model of several pairs.
            target_lang: language to translate into, of a model of several pairs.
            options: fields of ``cfg`` that are to be others: ``nbest=5, temperature=0.7, sampling_topk=10, seed=2``.

        Raises:
            ConfigError: there is no such option, it is out of range, or the model was not trained for the languages.
        """
        cfg = with_options(cfg, {**options, "sampling": True})
        found = list(self.in_languages(source_lang, target_lang)._texts(lines, cfg))
        return found[0] if isinstance(lines, str) else found

    def _texts(self, lines: str | Iterable[str], cfg: GenerationConfig) -> Iterator[list[str]]:
        """Yield the hypotheses of each line as text, best first; none for an empty line."""
        decode = self.task.info.target_dictionary.decode
        for found in self.hypotheses([lines] if isinstance(lines, str) else lines, cfg):
            yield [decode(hypothesis.tokens.tolist()) for hypothesis in found]

    def losses(self, split: str, dataset: DatasetConfig) -> dict[str, float]:
        """Return the averages of a split that the model's criterion gives, and what follows from them.

        Raises:
            ConfigError: there is no such split.
            DataError: a file of it is missing, or cannot be used.
        """
        step = LossStep(self.model, self.task.build_criterion(self.cfg.criterion), self.cfg.training)
        plan = PlanSpec(dataset.max_tokens, dataset.max_sentences, shuffle=False)
        return evaluate_loss(self.task, self.model, step, split, plan)


def with_options(cfg: GenerationConfig | None, options: Mapping[str, Any]) -> GenerationConfig:
    """Return a config of the search, by default the default one, with some fields set to other values.

    Raises:
        ConfigError: there is no such field, or a value is out of range or contradicts another.
    """
    names = [field.name for field in fields(GenerationConfig)]
    for name in options:
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(names)}"
            raise ConfigError(f"the search has no option {name}; {hint}")
    return replace(cfg or GenerationConfig(), **options)


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
