"""A trained model, loaded from a run or a checkpoint: ``seqtrain.load(RUN)``."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

from seqtrain.base import DecoderModel, Generator, Hypothesis, Model, PlanSpec, Task
from seqtrain.checkpoint import Checkpoint
from seqtrain.composition import discover, register_all, searchpath_override
from seqtrain.config import DatasetConfig, Device, GenerationConfig, Plugins, TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.compatible import check_ensemble, check_language_model
from seqtrain.generation.forced import ForcedDecoder, score_lines
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.requests import Request
from seqtrain.generation.search import build_generator
from seqtrain.generation.translate import WINDOW, decode_lines, generation_plan
from seqtrain.nn.ensemble import Ensemble, members
from seqtrain.restored import restore
from seqtrain.training.device import find_device
from seqtrain.training.loss_module import LossStep
from seqtrain.training.split_loss import evaluate_loss


@dataclass(frozen=True)
class TrainedModel:
    """A model with its task, ready for inference; or an ensemble, with the task of one of its models."""

    checkpoint: Checkpoint
    cfg: TrainConfig
    task: Task[Any]
    model: Model
    others: Sequence[Checkpoint] = ()
    """Checkpoints of the other models of an ensemble."""
    language_model: LanguageModel | None = None
    """What has a say in its searches."""

    @property
    def has_source(self) -> bool:
        """Whether it translates; a language model does not."""
        return not isinstance(members(self.model)[0], DecoderModel)

    def generator(self, cfg: GenerationConfig) -> Generator:
        """Return a search by the model, and by the language model if there is one."""
        return build_generator(cfg, self.model, self.task.info, self.language_model)

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
        return decode_lines(self.task, lines, self.generator(cfg), cfg, window)

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

    def score(
        self, sources: Iterable[str] | None, targets: Iterable[str], cfg: GenerationConfig | None = None
    ) -> Iterator[Hypothesis]:
        """Return each target as the hypothesis that it is, with the scores that a search would give it.

        Args:
            sources: what the targets are translations of, as many; None for a language model.
            targets: what is scored.
            cfg: ``lenpen``, and limits of batches.

        Raises:
            ConfigError: a language model has no sources, and any other needs them.
            DataError: a line is longer than the model can see.
        """
        if (sources is not None) != self.has_source:
            needed = "this model translates: give the sources too"
            raise ConfigError(needed if self.has_source else "this is a language model: leave out the sources")
        cfg = cfg or GenerationConfig()
        # A language model is given what it scores, as what it goes on from, and nothing to go on with but the end.
        pairs = zip(targets, repeat("")) if sources is None else zip(sources, targets, strict=True)
        scorer = ForcedDecoder(self.model, self.task.info, cfg.lenpen)
        return score_lines(self.task, pairs, scorer, generation_plan(cfg))

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
    path: str | Path | Sequence[str | Path],
    *,
    language_model: str | Path = "",
    device: Device | str = Device.auto,
    overrides: Sequence[str] = (),
    searchpath: Sequence[str | Path] = (),
    plugins: Plugins | str = Plugins.installed,
) -> TrainedModel:
    """Load a run directory's best checkpoint, or a checkpoint directory. No code of it is run unless that is asked for.

    Args:
        path: the run or checkpoint directory; several are an ensemble.
        language_model: that of a language model that has a say when text is decoded.
        device: where to compute.
        overrides: of its config, such as ``task.data=DIR`` where the data has moved.
        searchpath: user directories with the plug-ins that it was made with.
        plugins: ``bundled`` runs the checkpoint's own copy of users' plug-ins.

    Raises:
        CheckpointError: there is none, or it is damaged.
        ConfigError: the models do not go together.
        PluginError: it was made with a plug-in that is not registered.
    """
    register_all()
    if searchpath:
        discover(searchpath_override(searchpath))
    paths = [path] if isinstance(path, str | Path) else path
    trained = _together([_load(str(one), overrides, device, plugins) for one in paths])
    if not language_model:
        return trained
    other = _load(language_model, (), device, plugins)
    language = LanguageModel(other.model, other.task.info)
    tokenizer = trained.checkpoint.path / "tokenizer"
    check_language_model(f"lm_path={language_model}", language, trained.task.info.target_dictionary, tokenizer)
    return replace(trained, language_model=language)


def _load(path: str | Path, overrides: Sequence[str], device: Device | str, plugins: Plugins | str) -> TrainedModel:
    checkpoint = Checkpoint.open(path)
    checkpoint.bundle().provide(Plugins(plugins))
    cfg, task, model = restore(checkpoint, overrides)
    return TrainedModel(checkpoint, cfg, task, model.to(find_device(Device(device))).eval())


def _together(loaded: Sequence[TrainedModel]) -> TrainedModel:
    """Return models as one, with the task of the one whose limits are the lowest."""
    if not loaded:
        raise ConfigError("checkpoint=[] names no model: name a run directory or a checkpoint directory")
    lowest = check_ensemble([(str(trained.checkpoint.path), trained.task) for trained in loaded])
    if len(loaded) == 1:
        return loaded[0]
    others = [trained.checkpoint for trained in loaded if trained is not loaded[lowest]]
    return replace(loaded[lowest], model=Ensemble([trained.model for trained in loaded]).eval(), others=others)
