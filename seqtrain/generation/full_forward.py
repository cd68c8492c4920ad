"""Decode a model that has no incremental interface: a full forward pass for each token."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqtrain.base import IncrementalState, Model, logits_of


@dataclass(frozen=True)
class Source:
    """The source as it stands: encoding is left to each forward pass."""

    net_input: dict[str, Tensor]

    def reorder(self, order: Tensor) -> "Source":
        """Return the rows ``order`` (N,) of it."""
        return Source({name: x[order] for name, x in self.net_input.items()})

    def repeat(self, rows: int) -> dict[str, Tensor]:
        """Return it with ``rows`` rows: each sentence repeated for its hypotheses."""
        return {name: x.repeat_interleave(rows // len(x), dim=0) for name, x in self.net_input.items()}


class PrevOutputTokens(IncrementalState):
    """The tokens fed so far, (N, T)."""

    def __init__(self, rows: int, max_length: int, device: torch.device) -> None:
        self._tokens = torch.zeros(rows, max_length, dtype=torch.long, device=device)
        self._length = 0

    def append(self, prev_tokens: Tensor) -> Tensor:
        """Add ``prev_tokens`` (N,) and return all, (N, T)."""
        self._tokens[:, self._length] = prev_tokens
        self._length += 1
        return self._tokens[:, : self._length]

    def reorder(self, order: Tensor) -> None:
        """Go on with the rows ``order`` (N,)."""
        self._tokens = self._tokens[order]


class FullForward:
    """The incremental interface around a model's ``forward``, which sees all tokens again each time."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def encode(self, **source: Tensor) -> Source:
        """Keep ``source_tokens`` (B, S), ``source_lengths`` (B,)."""
        return Source(source)

    def new_state(self, encoder_output: Source, rows: int, max_length: int) -> PrevOutputTokens:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        device = next(iter(encoder_output.net_input.values())).device
        return PrevOutputTokens(rows, max_length, device)

    def decode_step(self, prev_tokens: Tensor, encoder_output: Source, state: PrevOutputTokens) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        source = encoder_output.repeat(len(prev_tokens))
        return logits_of(self.model(**source, prev_output_tokens=state.append(prev_tokens)))[:, -1]
