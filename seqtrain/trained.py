"""A trained model, and what can be asked of it: what ``seqtrain.load(RUN)`` returns."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import repeat, zip_longest
from typing import Any, overload

from seqtrain.base import DecoderModel, Dictionary, Generator, Hypothesis, Model, PlanSpec, Task
from seqtrain.checkpoint import Checkpoint
from seqtrain.config import DatasetConfig, GenerationConfig, TrainConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.generation.forced import ForcedDecoder, score_lines
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.options import with_options
from seqtrain.generation.requests import Request
from seqtrain.generation.search import build_generator
from seqtrain.generation.translate import WINDOW, decode_lines, generation_plan
from seqtrain.nn.ensemble import members
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
        return build_generator(cfg, self.model, self.task.info, self.language_model, trained=True)

    def in_languages(self, source_lang: str, target_lang: str) -> "TrainedModel":
        """Return the model that translates one language into another; both are empty for a model of one pair.

        Raises:
            ConfigError: the languages are not those of a pair of a multilingual model, or it is no such model.
        """
        return replace(self, task=self.task.in_languages(source_lang, target_lang))

    @overload
    def translate(self, lines: str, cfg: GenerationConfig | None = None, **options: Any) -> str: ...

    @overload
    def translate(
        self, lines: Iterable[str | Request], cfg: GenerationConfig | None = None, **options: Any
    ) -> list[str]: ...

    def translate(
        self,
        lines: str | Iterable[str | Request],
        cfg: GenerationConfig | None = None,
        *,
        source_lang: str = "",
        target_lang: str = "",
        **options: Any,
    ) -> str | list[str]:
        """Return the best translation of a line, or of each of several; an empty line gives an empty line.

        Args:
            lines: a line, or any number of them: they are batched by length, and answered in their order. A ``Request``
                in place of one says what its outputs begin with or contain.
            cfg: how to search.
            source_lang: language of the lines, of a model of several pairs.
            target_lang: language to translate into, of a model of several pairs.
            options: fields of ``cfg`` that are to be others, such as ``beam=10, lenpen=0.6``.

        Raises:
            ConfigError: there is no such option, it is out of range, or the model was not trained for the languages;
                or it is a language model, which completes.
        """
        if not self.has_source:
            raise ConfigError("this is a language model, and does not translate: use complete()")
        return self.in_languages(source_lang, target_lang)._best(lines, with_options(cfg, options))

    @overload
    def complete(self, lines: str, cfg: GenerationConfig | None = None, **options: Any) -> str: ...

    @overload
    def complete(
        self, lines: Iterable[str | Request], cfg: GenerationConfig | None = None, **options: Any
    ) -> list[str]: ...

    def complete(
        self, lines: str | Iterable[str | Request], cfg: GenerationConfig | None = None, **options: Any
    ) -> str | list[str]:
        """Return a line, or each of several, with what a language model finds the best continuation.

        Args:
            lines: a line, or any number of them; an empty line is left empty.
            cfg: how to search.
            options: fields of ``cfg`` that are to be others, such as ``beam=1, max_len_b=50``.

        Raises:
            ConfigError: there is no such option, or it is out of range; or the model is one that translates.
        """
        if self.has_source:
            raise ConfigError("this model translates, and does not complete: use translate()")
        return self._best(lines, with_options(cfg, options))

    @overload
    def sample(self, lines: str, cfg: GenerationConfig | None = None, **options: Any) -> list[str]: ...

    @overload
    def sample(
        self, lines: Iterable[str | Request], cfg: GenerationConfig | None = None, **options: Any
    ) -> list[list[str]]: ...

    def sample(
        self,
        lines: str | Iterable[str | Request],
        cfg: GenerationConfig | None = None,
        *,
        source_lang: str = "",
        target_lang: str = "",
        **options: Any,
    ) -> list[str] | list[list[str]]:
        """Return ``nbest`` outputs of a line, or of each of several, drawn by the model's probabilities; best first.

        What is drawn for a line depends on ``seed`` and on its place among the lines, but not on the others.

        Args:
            lines: a line, or any number of them; an empty line has no outputs.
            cfg: how to draw; whether it says ``sampling`` or not.
            source_lang: language of the lines, of a model of several pairs.
            target_lang: language to translate into, of a model of several pairs.
            options: fields of ``cfg`` that are to be others: ``nbest=5, temperature=0.7, sampling_topk=10, seed=2``.

        Raises:
            ConfigError: there is no such option, it is out of range, or the model was not trained for the languages.
        """
        asked = self.in_languages(source_lang, target_lang)
        found = asked.hypotheses(lines, cfg, **{**options, "sampling": True})
        texts = [[asked.text(hypothesis) for hypothesis in drawn] for drawn in found]
        return texts[0] if isinstance(lines, str) else texts

    def hypotheses(
        self,
        lines: str | Iterable[str | Request],
        cfg: GenerationConfig | None = None,
        window: int = WINDOW,
        **options: Any,
    ) -> Iterator[list[Hypothesis]]:
        """Yield the ``nbest`` hypotheses of each line, with their scores, best first; none for an empty line.

        :meth:`text` turns them into text. Languages are chosen by :meth:`in_languages`.

        Args:
            lines: any number of them, also without end; a ``Request`` says what outputs begin with or contain.
            cfg: how to search.
            window: lines to read ahead, and to batch by length.
            options: fields of ``cfg`` that are to be others, such as ``nbest=5``.

        Raises:
            ConfigError: there is no such option, it is out of range, or it is ``prefix_size``, which needs references.
        """
        cfg = with_options(cfg, options)
        if cfg.prefix_size:
            raise ConfigError(f"prefix_size={cfg.prefix_size} needs references: give Request(line, prefix=...)")
        read = [lines] if isinstance(lines, str) else lines
        return decode_lines(self.task, read, self.generator(cfg), cfg, window)

    def text(self, hypothesis: Hypothesis) -> str:
        """Return a hypothesis as text."""
        dictionary: Dictionary = self.task.info.target_dictionary
        return dictionary.decode(hypothesis.tokens.tolist())

    def _best(self, lines: str | Iterable[str | Request], cfg: GenerationConfig) -> str | list[str]:
        """Return the text of the best hypothesis of each line, nothing where there is none; of a line, one text."""
        texts = [self.text(found[0]) if found else "" for found in self.hypotheses(lines, cfg)]
        return texts[0] if isinstance(lines, str) else texts

    @overload
    def score(
        self, sources: str | None, targets: str, cfg: GenerationConfig | None = None, **options: Any
    ) -> Hypothesis: ...

    @overload
    def score(
        self, sources: Iterable[str] | None, targets: Iterable[str], cfg: GenerationConfig | None = None, **options: Any
    ) -> Iterator[Hypothesis]: ...

    def score(
        self,
        sources: str | Iterable[str] | None,
        targets: str | Iterable[str],
        cfg: GenerationConfig | None = None,
        *,
        source_lang: str = "",
        target_lang: str = "",
        **options: Any,
    ) -> Hypothesis | Iterator[Hypothesis]:
        """Return a target, or each of several, as the hypothesis that it is, with the scores a search would give it.

        Args:
            sources: what the targets are translations of, as many; None for a language model.
            targets: what is scored.
            cfg: ``lenpen``, and limits of batches.
            source_lang: language of the sources, of a model of several pairs.
            target_lang: language of the targets, of a model of several pairs.
            options: fields of ``cfg`` that are to be others, such as ``lenpen=0``: the sum over the tokens.

        Raises:
            ConfigError: a language model has no sources, and any other needs them; or one of the options is wrong.
            DataError: a line is longer than the model can see, or there are more of one than of the other.
        """
        if (sources is not None) != self.has_source:
            needed = "this model translates: give the sources too"
            raise ConfigError(needed if self.has_source else "this is a language model: leave out the sources")
        cfg, task = with_options(cfg, options), self.in_languages(source_lang, target_lang).task
        scorer = ForcedDecoder(self.model, task.info, cfg.lenpen)
        found = score_lines(task, _pairs(sources, targets), scorer, generation_plan(cfg))
        return next(found) if isinstance(targets, str) else found

    def losses(self, split: str, dataset: DatasetConfig) -> dict[str, float]:
        """Return the averages of a split that the model's criterion gives, and what follows from them.

        Raises:
            ConfigError: there is no such split.
            DataError: a file of it is missing, or cannot be used.
        """
        step = LossStep(self.model, self.task.build_criterion(self.cfg.criterion), self.cfg.training)
        plan = PlanSpec(dataset.max_tokens, dataset.max_sentences, shuffle=False)
        return evaluate_loss(self.task, self.model, step, split, plan)


def _pairs(sources: str | Iterable[str] | None, targets: str | Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what is given and what is scored after it."""
    read = [targets] if isinstance(targets, str) else targets
    if sources is None:  # a language model is given what it scores, and nothing to go on with but the end
        return zip(read, repeat(""))
    return _paired([sources] if isinstance(sources, str) else sources, read)


def _paired(sources: Iterable[str], targets: Iterable[str]) -> Iterator[tuple[str, str]]:
    for number, (source, target) in enumerate(zip_longest(sources, targets)):
        if source is None or target is None:
            shorter, longer = ("sources", "targets") if source is None else ("targets", "sources")
            raise DataError(f"there are {number} {shorter} and more {longer}: give as many of both")
        yield source, target
