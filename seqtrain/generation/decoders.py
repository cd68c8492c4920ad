"""What a search asks for log-probabilities, token after token: the models that decode."""

from typing import Any, Protocol

import torch
from torch import Tensor

from seqtrain.base import DecoderModel, IncrementalModel, Model, PrefillingModel
from seqtrain.generation.full_forward import FullForward, decoder_input
from seqtrain.generation.inputs import shifted_right
from seqtrain.generation.token_scores import next_log_probs, token_log_probs


class Decoding(Protocol):
    """The hypotheses of a batch as a model sees them: B sentences of N / B hypotheses that stand together.

    It begins with one of each sentence.
    """

    def log_probs(self, prev_tokens: Tensor) -> Tensor:
        """Return the log-probability of each token that may follow ``prev_tokens`` (N,), in nats and fp32, (N, V)."""

    def keep(self, sentences: Tensor) -> None:
        """Go on with the sentences (B',) alone; :meth:`reorder` follows."""

    def reorder(self, rows: Tensor) -> None:
        """Go on with the hypotheses ``rows`` (N',), more or fewer."""


class Decoder(Protocol):
    """One or more models that give the log-probabilities of the next token."""

    @property
    def takes_up(self) -> bool:
        """Whether tokens that are given are taken up in one pass, and not one by one."""

    def begin(self, source: dict[str, Tensor], given: Tensor, max_length: int) -> tuple[Decoding, Tensor]:
        """Begin to decode a batch, with one hypothesis a sentence.

        Args:
            source: what the encoder sees: ``source_tokens`` (B, S), ``source_lengths`` (B,); nothing without one.
            given: tokens that all hypotheses of a sentence begin with, (B, P); P is 0 unless ``takes_up``.
            max_length: most tokens of a hypothesis, end of sentence included.

        Returns:
            The batch, and the log-probabilities of the given tokens, (B, P).
        """


class ModelDecoder:
    """Decodes with one model: token by token if it has ``decode_step``, else by full forward passes.

    Args:
        model: in eval mode while it decodes.
        start: token that decoding starts from.
        temperature: logits are divided by it.
    """

    def __init__(self, model: Model, start: int, temperature: float = 1.0) -> None:
        self.model = model
        self.start = start
        self.temperature = temperature
        self._model: IncrementalModel[Any, Any] = model if isinstance(model, IncrementalModel) else FullForward(model)

    @property
    def takes_up(self) -> bool:
        """A language model with ``prefill`` takes up what is given in one pass."""
        return isinstance(self.model, DecoderModel) and isinstance(self.model, PrefillingModel)

    def begin(self, source: dict[str, Tensor], given: Tensor, max_length: int) -> "tuple[ModelDecoding, Tensor]":
        """Encode the source, and take up what is given."""
        encoder_output = self._model.encode(**source)
        state = self._model.new_state(encoder_output, len(given), max_length)
        if not given.size(1):
            return ModelDecoding(self._model, encoder_output, state, self.temperature, self.start), given.float()
        assert isinstance(self.model, PrefillingModel)
        prev_tokens = shifted_right(given, self.start)
        self.model.prefill(prev_tokens, encoder_output, state)
        log_probs = token_log_probs(self.model, decoder_input(prev_tokens), given, self.temperature)
        return ModelDecoding(self._model, encoder_output, state, self.temperature), log_probs


class ModelDecoding:
    """A batch that one model decodes; with nothing given it starts from its own token, whatever the search does."""

    def __init__(
        self,
        model: IncrementalModel[Any, Any],
        encoder_output: Any,
        state: Any,
        temperature: float,
        start: int | None = None,
    ) -> None:
        self._model = model
        self._encoder_output = encoder_output
        self._state = state
        self._temperature = temperature
        self._start = start

    def log_probs(self, prev_tokens: Tensor) -> Tensor:
        """Return the log-softmax of the model's logits, (N, V)."""
        if self._start is not None:
            prev_tokens, self._start = torch.full_like(prev_tokens, self._start), None
        logits = self._model.decode_step(prev_tokens, self._encoder_output, self._state)
        return next_log_probs(logits, self._temperature)

    def keep(self, sentences: Tensor) -> None:
        """Go on with the encodings of the sentences (B',) alone."""
        self._encoder_output = self._encoder_output.reorder(sentences)

    def reorder(self, rows: Tensor) -> None:
        """Go on with the states of the hypotheses ``rows`` (N',)."""
        self._state.reorder(rows)
