"""A split decoded by a model, and scored against the references."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqtrain.base import Generator, Hypothesis, Task
from seqtrain.config import GenerationConfig, ScorerConfig
from seqtrain.generation.requests import GivenReferences
from seqtrain.generation.translate import decode_dataset, generation_plan
from seqtrain.generation.workers import Workers
from seqtrain.scorers import TextScore, build_scorers


@dataclass(frozen=True)
class DecodedSplit:
    """A split as text: sources, the best hypothesis of each, references, and the language of these."""

    sources: list[str]
    references: list[str]
    hypotheses: list[str]
    language: str = ""

    def scores(self, configs: Mapping[str, ScorerConfig]) -> dict[str, TextScore]:
        """Return the scores of the hypotheses against the references, by the names of the scorers."""
        scorers = build_scorers(configs, self.language)
        return {name: scorer.score(self.hypotheses, self.references) for name, scorer in scorers.items()}


def check_scorers(task: Task[Any], configs: Mapping[str, ScorerConfig], splits: Iterable[str]) -> None:
    """Check, before anything is computed, that all is there to score the outputs of some splits with.

    Raises:
        ConfigError: a scorer needs a package that is not installed.
    """
    for language in {task.target_language(split) for split in splits}:
        build_scorers(configs, language)


def decode_split(task: Task[Any], generator: Generator, split: str, cfg: GenerationConfig) -> DecodedSplit:
    """Decode a split with the best hypothesis of each sentence."""
    decode = task.output_dictionary(split).decode
    found = [*search_split(task, generator, split, cfg)]
    return DecodedSplit(
        [each.source for each in found],
        [each.reference for each in found],
        [decode(each.hypotheses[0].tokens.tolist()) for each in found],
        task.target_language(split),
    )


class Searched(NamedTuple):
    """A sentence of a split, and what a search finds of it."""

    number: int
    source: str
    reference: str
    hypotheses: list[Hypothesis]
    """Best first."""


def search_split(
    task: Task[Any], generator: Generator | Workers, split: str, cfg: GenerationConfig
) -> Iterator[Searched]:
    """Yield the sentences of a split in their order; of the training data only those that are trained on."""
    given = GivenReferences(cfg.prefix_size)
    found = decode_dataset(task, task.dataset(split), generator, generation_plan(cfg), given)
    rows = zip(*task.text(split), found, strict=split != "train")
    return (Searched(number, *row) for number, row in enumerate(rows) if row[-1])
