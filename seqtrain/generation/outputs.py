"""What was found of a sentence, as text: what every format of output is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from seqtrain.base import Dictionary, Hypothesis


@dataclass(frozen=True)
class Output:
    """A hypothesis as text."""

    text: str
    """What it says."""
    tokens: list[str]
    """Its symbols, T of them, the end of sentence last."""
    score: float
    """Length-normalised log-probability, in nats."""
    positional_scores: list[float]
    """Log-probability of each token, in nats, (T,)."""


@dataclass(frozen=True)
class Decoded:
    """A sentence with what was found of it."""

    number: int
    """Its number in the input or the split, from 0."""
    source: str
    """What was given."""
    outputs: list[Output]
    """What was found, best first; nothing of an empty line."""
    reference: str | None = None
    """What should be found, where that is known."""
    constraints: tuple[str, ...] = ()
    """What outputs were to contain."""

    @property
    def best(self) -> str:
        """The text of the best output; empty if there is none."""
        return self.outputs[0].text if self.outputs else ""


def as_text(hypotheses: Sequence[Hypothesis], dictionary: Dictionary) -> list[Output]:
    """Return hypotheses as text."""
    return [_output(hypothesis, dictionary) for hypothesis in hypotheses]


def _output(hypothesis: Hypothesis, dictionary: Dictionary) -> Output:
    ids = hypothesis.tokens.tolist()
    symbols, scores = [dictionary.symbol(id) for id in ids], hypothesis.positional_scores.tolist()
    return Output(dictionary.decode(ids), symbols, hypothesis.score, scores)
