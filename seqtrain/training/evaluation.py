"""A split decoded by a model, and scored against the references."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqtrain.base import Hypothesis, Model, Task
from seqtrain.config import GenerationConfig, Scorer
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.requests import GivenReferences
from seqtrain.generation.translate import decode_dataset, generation_plan
from seqtrain.metrics.text import SCORERS, TextScore


@dataclass(frozen=True)
class DecodedSplit:
    """A split as text: sources, the best hypothesis of each, references."""

    sources: list[str]
    references: list[str]
    hypotheses: list[str]

    def scores(self, scorers: Sequence[Scorer], bleu_tokenizer: str) -> list[TextScore]:
        """Return the scores of the hypotheses against the references."""
        options = {Scorer.bleu: {"tokenize": bleu_tokenizer}}
        return [SCORERS[s.value](self.hypotheses, self.references, **options.get(s, {})) for s in scorers]


def decode_split(task: Task[Any], model: Model, split: str, cfg: GenerationConfig) -> DecodedSplit:
    """Decode a split with the best hypothesis of each sentence."""
    decoded = search_split(task, model, split, cfg)
    dictionary = task.output_dictionary(split)
    hypotheses = [dictionary.decode(best[0].tokens.tolist()) for best in decoded]
    return DecodedSplit(*task.text(split), hypotheses)


def search_split(task: Task[Any], model: Model, split: str, cfg: GenerationConfig) -> list[list[Hypothesis]]:
    """Return the hypotheses of each sentence of a split, best first."""
    generator, given = SequenceGenerator(cfg, model, task.info), GivenReferences(cfg.prefix_size)
    return decode_dataset(task, task.dataset(split), generator, generation_plan(cfg), given)
