"""What a search may not choose, or pays for: each rule changes log-probabilities (B, R, V) of next tokens."""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from seqtrain.base import Dictionary
from seqtrain.errors import ConfigError
from seqtrain.generation.hypotheses import Hypotheses

AllowedTokens = Callable[[int, Tensor], Sequence[int]]
"""Which tokens may follow: a function of the sentence's row in the batch and of a hypothesis's tokens, (T,)."""


class Rule(Protocol):
    """Something that every next token has to obey."""

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Change the log-probabilities (B, R, V) of what may follow the hypotheses."""


class Never:
    """Some tokens are never chosen."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens = list(tokens)

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule the tokens out."""
        for token in self.tokens:
            forbid(log_probs, token)


class UnknownPenalty:
    """An unknown word costs ``penalty`` nats; a negative one favours it."""

    def __init__(self, unk: int, penalty: float) -> None:
        self.unk = unk
        self.penalty = penalty

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Take the penalty off."""
        log_probs[..., self.unk] -= self.penalty


class NoRepeatedNgrams:
    """No ``size`` tokens in a row come twice in a hypothesis; where its first tokens are given (B0,), they may."""

    def __init__(self, size: int, given: Tensor) -> None:
        self.size = size
        self.given = given

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out each token that would complete n tokens which are there already."""
        tokens = hypotheses.tokens
        if tokens.size(-1) < self.size:
            return
        ngrams = tokens.unfold(-1, self.size, 1)
        last = tokens[..., tokens.size(-1) - self.size + 1 :].unsqueeze(-2)
        free = self.given[hypotheses.sentences] <= hypotheses.length
        repeats = (ngrams[..., :-1] == last).all(-1) & free[:, None, None]
        # One column more than there are tokens takes what is not to be ruled out.
        banned = torch.where(repeats, ngrams[..., -1], log_probs.size(-1))
        mask = log_probs.new_zeros(*log_probs.shape[:2], log_probs.size(-1) + 1, dtype=torch.bool)
        log_probs.masked_fill_(mask.scatter_(-1, banned, value=True)[..., :-1], -math.inf)


class MinimumLength:
    """No hypothesis ends before its limit with fewer than ``length`` tokens: a number, or one a sentence, (B0,)."""

    def __init__(self, eos: int, length: int | Tensor) -> None:
        self.eos = eos
        self.length = length

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out the end, where it is too early."""
        if not isinstance(self.length, Tensor) and self.length <= hypotheses.length:
            return
        length = self.length[hypotheses.sentences] if isinstance(self.length, Tensor) else self.length
        where = (hypotheses.length < length) & ~hypotheses.at_limit
        forbid(log_probs, self.eos, where)


class FreeEnd:
    """At its limit of length a hypothesis ends at no cost: its length was not the model's choice."""

    def __init__(self, eos: int) -> None:
        self.eos = eos

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Set the log-probability of the end to 0 at the limit."""
        if hypotheses.some_at_limit:
            log_probs[..., self.eos].masked_fill_(hypotheses.at_limit.unsqueeze(-1), 0.0)


class Allowed:
    """Only some tokens may follow what a hypothesis has; where it allows none, the end (De Cao et al. 2021)."""

    def __init__(self, allowed: AllowedTokens, eos: int) -> None:
        self.allowed = allowed
        self.eos = eos

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out what is not allowed."""
        mask = torch.ones_like(log_probs, dtype=torch.bool)
        for row, (sentence, beams) in enumerate(zip(hypotheses.sentences.tolist(), hypotheses.tokens, strict=True)):
            for rank in hypotheses.scores[row].isfinite().nonzero().flatten().tolist():
                mask[row, rank, list(self.allowed(sentence, beams[rank])) or [self.eos]] = False
        log_probs.masked_fill_(mask, -math.inf)


class Prefixes:
    """Hypotheses begin with given tokens (B0, P), padded on the right: a prompt, a language, what a user typed.

    Their log-probabilities count in the score of a hypothesis, and their number in its length.
    """

    def __init__(self, tokens: Tensor, pad: int) -> None:
        self.tokens = tokens
        self.lengths = tokens.ne(pad).sum(1)

    def shared(self) -> Tensor:
        """Return the tokens at the positions that every sentence has, (B0, smallest length)."""
        return self.tokens[:, : int(self.lengths.min())]

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out all but the given token, where there is one."""
        position, sentences = hypotheses.length, hypotheses.sentences
        if position < self.tokens.size(1):
            force(log_probs, self.tokens[sentences, position], where=self.lengths[sentences] > position)


class LengthLimit:
    """At its limit of length a hypothesis ends."""

    def __init__(self, eos: int) -> None:
        self.eos = eos

    def apply(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out all but the end, at the limit."""
        if hypotheses.some_at_limit:
            force(log_probs, torch.full_like(hypotheses.sentences, self.eos), hypotheses.at_limit)


def forbid(log_probs: Tensor, token: int, where: Tensor | None = None) -> None:
    """Rule out a token, in the sentences ``where`` (B,) is true or in all; changes ``log_probs`` (B, R, V)."""
    column = log_probs[..., token]
    if where is None:
        column.fill_(-math.inf)
    else:
        column.masked_fill_(where.unsqueeze(-1), -math.inf)


def force(log_probs: Tensor, tokens: Tensor, where: Tensor) -> None:
    """Rule out all but one token (B,) in the sentences ``where`` (B,) is true; changes ``log_probs`` (B, R, V)."""
    columns = tokens.view(-1, 1, 1).expand(-1, log_probs.size(1), 1)
    kept = log_probs.gather(2, columns)
    log_probs.masked_fill_(where.view(-1, 1, 1), -math.inf).scatter_(2, columns, kept)


def ids_of(symbols: Sequence[str], dictionary: Dictionary) -> list[int]:
    """Return the ids of symbols.

    Raises:
        ConfigError: the dictionary has no such symbol.
    """
    ids = {dictionary.symbol(id): id for id in range(len(dictionary))} if symbols else {}
    if missing := [symbol for symbol in symbols if symbol not in ids]:
        raise ConfigError(
            f"generation.suppress: the target dictionary has no symbol {missing[0]!r}; name symbols as they stand in "
            "the checkpoint's dictionary"
        )
    return [ids[symbol] for symbol in symbols]
