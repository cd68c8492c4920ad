"""What hypotheses have to begin with: prompts of language models, tokens that name a language."""

import torch
from torch import Tensor

from seqtrain.generation.candidates import force


class Prefixes:
    """Given tokens of each sentence, (B, P), padded on the right.

    Their log-probabilities count in the score of a hypothesis, and their number in its length.
    """

    def __init__(self, tokens: Tensor, pad: int) -> None:
        self.tokens = tokens
        self.lengths = tokens.ne(pad).sum(1)

    @classmethod
    def none(cls, sentences: int, device: torch.device) -> "Prefixes":
        """Return those of sentences that may begin with anything."""
        return cls(torch.empty(sentences, 0, dtype=torch.long, device=device), 0)

    def shared(self) -> Tensor:
        """Return the tokens at the positions that every sentence has, (B, smallest length)."""
        return self.tokens[:, : int(self.lengths.min())]

    def force(self, scores: Tensor, position: int) -> None:
        """Rule out all but the given token at ``position``, where there is one; changes ``scores`` (B, beam, V)."""
        if position < self.tokens.size(1):
            force(scores, self.tokens[:, position], where=self.lengths > position)

    def keep(self, kept: Tensor) -> None:
        """Go on with the sentences ``kept`` (B',)."""
        self.tokens, self.lengths = self.tokens[kept], self.lengths[kept]
