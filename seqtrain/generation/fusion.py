"""A search that a language model has a say in (shallow fusion, Gulcehre et al. 2015)."""

from typing import NamedTuple

from torch import Tensor

from seqtrain.base import Model, TaskInfo
from seqtrain.generation.decoders import Decoder, Decoding


class LanguageModel(NamedTuple):
    """A language model, and what it knows of its task."""

    model: Model
    task: TaskInfo


class FusedDecoder:
    """Decodes by ``log p(y | x) + weight log p_LM(y)``.

    The language model starts from its own token, and sees all tokens after that, given ones too.
    """

    def __init__(self, decoder: Decoder, language_model: Decoder, weight: float) -> None:
        self.decoder = decoder
        self.language_model = language_model
        self.weight = weight

    @property
    def takes_up(self) -> bool:
        """Given tokens are taken up in one pass if both can."""
        return self.decoder.takes_up and self.language_model.takes_up

    def begin(self, source: dict[str, Tensor], given: Tensor, max_length: int) -> "tuple[FusedDecoding, Tensor]":
        """Encode the source, which the language model does not see; both take up what is given."""
        decoding, log_probs = self.decoder.begin(source, given, max_length)
        language, of_language = self.language_model.begin({}, given, max_length)
        return FusedDecoding(decoding, language, self.weight), log_probs + self.weight * of_language


class FusedDecoding:
    """A batch that is decoded with a language model."""

    def __init__(self, decoding: Decoding, language: Decoding, weight: float) -> None:
        self._decoding = decoding
        self._language = language
        self._weight = weight

    def log_probs(self, prev_tokens: Tensor) -> Tensor:
        """Return the weighted sum of the log-probabilities, (N, V); they are no distribution."""
        return self._decoding.log_probs(prev_tokens) + self._weight * self._language.log_probs(prev_tokens)

    def keep(self, sentences: Tensor) -> None:
        """Go on with the sentences (B',) alone."""
        self._decoding.keep(sentences)
        self._language.keep(sentences)

    def reorder(self, rows: Tensor) -> None:
        """Go on with the hypotheses ``rows`` (N',)."""
        self._decoding.reorder(rows)
        self._language.reorder(rows)
