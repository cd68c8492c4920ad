"""A split decoded by a model, and scored against the references."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
    decoded = search_split(task, generator, split, cfg)
    dictionary = task.output_dictionary(split)
    hypotheses = [dictionary.decode(best[0].tokens.tolist()) for best in decoded]
    return DecodedSplit(*task.text(split), hypotheses, task.target_language(split))


def search_split(
    task: Task[Any], generator: Generator | Workers, split: str, cfg: GenerationConfig
) -> list[list[Hypothesis]]:
    """Return the hypotheses of each sentence of a split, best first."""
    given = GivenReferences(cfg.prefix_size)
    return decode_dataset(task, task.dataset(split), generator, generation_plan(cfg), given)
