"""A search by several models: each goes on with the same hypotheses, and their probabilities are averaged."""

from collections.abc import Sequence

from torch import Tensor

from seqtrain.base import Model
from seqtrain.generation.decoders import Decoder, Decoding, ModelDecoder
from seqtrain.nn.ensemble import mean_of_probabilities, members


class EnsembleDecoder:
    """Decodes with several decoders, each with an encoding and a state of its own."""

    def __init__(self, decoders: Sequence[Decoder]) -> None:
        self.decoders = decoders

    @property
    def takes_up(self) -> bool:
        """Given tokens are taken up in one pass if all can."""
        return all(decoder.takes_up for decoder in self.decoders)

    def begin(self, source: dict[str, Tensor], given: Tensor, max_length: int) -> "tuple[EnsembleDecoding, Tensor]":
        """Let each encode the source and take up what is given."""
        begun = [decoder.begin(source, given, max_length) for decoder in self.decoders]
        log_probs = mean_of_probabilities([log_probs for _, log_probs in begun])
        return EnsembleDecoding([decoding for decoding, _ in begun]), log_probs


class EnsembleDecoding:
    """A batch that several models decode."""

    def __init__(self, decodings: Sequence[Decoding]) -> None:
        self._decodings = decodings

    def log_probs(self, prev_tokens: Tensor) -> Tensor:
        """Return the logarithm of the mean of the models' probabilities, (N, V)."""
        return mean_of_probabilities([decoding.log_probs(prev_tokens) for decoding in self._decodings])

    def keep(self, sentences: Tensor) -> None:
        """Go on with the sentences (B',) alone."""
        for decoding in self._decodings:
            decoding.keep(sentences)

    def reorder(self, rows: Tensor) -> None:
        """Go on with the hypotheses ``rows`` (N',)."""
        for decoding in self._decodings:
            decoding.reorder(rows)


def decoder_of(model: Model, start: int, temperature: float = 1.0) -> Decoder:
    """Return what decodes with a model, or with each of an ensemble, the temperature of which is each one's."""
    decoders = [ModelDecoder(member, start, temperature) for member in members(model)]
    return decoders[0] if len(decoders) == 1 else EnsembleDecoder(decoders)
