"""What was found of a sentence, as text: what every format of output is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqtrain.base import Alignment, Dictionary, Hypothesis
from seqtrain.generation.unknown_words import decode_replacing


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
    alignment: Alignment | None = None
    """How it attends to its source, if that was asked for."""


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


class Wording:
    """Turns hypotheses into text.

    Args:
        source: dictionary of what is given.
        target: dictionary of what is found.
        replacements: what becomes of source words that stand for unknown ones; a word that is not there stays as it is.
            None leaves unknown words what they are; else hypotheses need their alignments.
    """

    def __init__(self, source: Dictionary, target: Dictionary, replacements: Mapping[str, str] | None = None) -> None:
        self.source = source
        self.target = target
        self.replacements = replacements

    def outputs(self, source: str, hypotheses: Sequence[Hypothesis]) -> list[Output]:
        """Return the hypotheses of a source as text."""
        return [self._output(source, hypothesis) for hypothesis in hypotheses]

    def _output(self, source: str, hypothesis: Hypothesis) -> Output:
        symbols = [self.target.symbol(id) for id in hypothesis.tokens.tolist()]
        scores, text = hypothesis.positional_scores.tolist(), self._text(source, hypothesis)
        return Output(text, symbols, hypothesis.score, scores, hypothesis.alignment)

    def _text(self, source: str, hypothesis: Hypothesis) -> str:
        if self.replacements is None or hypothesis.alignment is None:
            return self.target.decode(hypothesis.tokens.tolist())
        words = self.source.split(source)
        return decode_replacing(hypothesis.tokens, hypothesis.alignment, words, self.target, self.replacements)
