"""The hypotheses of a batch under search: the unfinished ones in tensors, the finished ones in lists."""

import math

import torch
from torch import Tensor

from seqtrain.base import Hypothesis
from seqtrain.config import GenerationConfig
from seqtrain.errors import SeqtrainError
from seqtrain.generation.candidates import Candidates


class Hypotheses:
    """R unfinished hypotheses of each sentence that is not done.

    R is 1 at first, for the one that is empty or has given tokens, then ``width``. B counts the sentences that are not
    done, N = B * R; hypotheses of a sentence stand together.

    Args:
        cfg: width, nbest and lenpen are used.
        start: token that decoding starts from.
        eos: id of the end of sentence.
        limits: most tokens of each sentence's hypotheses, end of sentence excluded.
        device: where the search runs.
    """

    def __init__(self, cfg: GenerationConfig, start: int, eos: int, limits: list[int], device: torch.device) -> None:
        self.cfg = cfg
        self.eos = eos
        self.sentences = torch.arange(len(limits), device=device)
        """Which of the batch's sentences are not done, by their rows at the beginning, (B,)."""
        self.limits = limits
        self.finished: list[list[Hypothesis]] = [[] for _ in limits]
        self.prev_tokens = torch.full_like(self.sentences, start)
        """Last token of each hypothesis, at first the one that decoding starts from, (N,)."""
        self.scores = torch.zeros(len(limits), 1, device=device)
        """Their log-probabilities, in nats, (B, R); -inf marks one that does not exist."""
        self._tokens = self.prev_tokens.new_empty(len(limits), 0)
        self._scores = self.scores.new_empty(len(limits), 0)  # up to each token

    @property
    def length(self) -> int:
        """How many tokens each hypothesis has."""
        return self._tokens.size(1)

    @property
    def tokens(self) -> Tensor:
        """What the hypotheses have so far, (B, R, length)."""
        return self._tokens.view(*self.scores.shape, self.length)

    @property
    def some_at_limit(self) -> bool:
        """Whether there is a sentence that must end now."""
        return min(self.limits) <= self.length

    @property
    def at_limit(self) -> Tensor:
        """Sentences that must end now, bool, (B,)."""
        return torch.tensor([limit <= self.length for limit in self.limits], device=self.scores.device)

    def begin(self, tokens: Tensor, log_probs: Tensor) -> None:
        """Let the hypothesis of each sentence begin with tokens (B, P) of these log-probabilities (B, P)."""
        if tokens.size(1):
            self._tokens, self._scores = tokens, log_probs.cumsum(1)
            self.prev_tokens, self.scores = tokens[:, -1], log_probs.sum(1, keepdim=True)

    def finish(self, candidates: Candidates) -> None:
        """Keep the candidates that end, as far as they are among the first ``width``."""
        scores, parents, tokens = (x[:, : self.cfg.width] for x in candidates)
        batch_indices, ranks = ((tokens == self.eos) & (scores > -math.inf)).nonzero(as_tuple=True)
        if not len(ranks):
            return
        rows = batch_indices * self.scores.size(1) + parents[batch_indices, ranks]
        ended_tokens = torch.nn.functional.pad(self._tokens[rows], (0, 1), value=self.eos).cpu()
        ended_scores = torch.cat([self._scores[rows], scores[batch_indices, ranks, None]], 1).cpu()
        self._finish(self.sentences[batch_indices].tolist(), ended_tokens, ended_scores)

    def _finish(self, sentences: list[int], tokens: Tensor, scores: Tensor) -> None:
        """Add hypotheses to the sentences (E,): tokens (E, T), and log-probabilities up to each of them (E, T)."""
        penalty = tokens.size(1) ** self.cfg.lenpen
        log_probs = scores.diff(prepend=scores.new_zeros(len(scores), 1))
        for sentence, *ended in zip(sentences, tokens, scores[:, -1].tolist(), log_probs, strict=True):
            finished = self.finished[sentence]
            if len(finished) < self.cfg.width:
                finished.append(Hypothesis(ended[0], ended[1] / penalty, ended[2]))

    def unfinished(self) -> Tensor:
        """Return which of the B sentences are not done: fewer than ``width`` have ended, the limit is ahead, (B',)."""
        kept = [
            index
            for index, (sentence, limit) in enumerate(zip(self.sentences.tolist(), self.limits, strict=True))
            if len(self.finished[sentence]) < self.cfg.width and limit > self.length
        ]
        return torch.tensor(kept, dtype=torch.long, device=self.scores.device)

    def extend(self, candidates: Candidates, kept: Tensor) -> Tensor:
        """Go on with the sentences ``kept`` (B',), in each with the first ``width`` candidates that do not end.

        Returns:
            The rows (N,) that the new rows (N',) come from, (N',).
        """
        of_kept = Candidates(*(x.index_select(0, kept) for x in candidates))
        going_on = (of_kept.tokens == self.eos).int().sort(stable=True).indices[:, : self.cfg.width]
        scores, parents, tokens = (x.gather(1, going_on) for x in of_kept)
        scores = scores.masked_fill(tokens == self.eos, -math.inf)  # where there are not enough that do not end
        rows = (kept.unsqueeze(-1) * self.scores.size(1) + parents).flatten()
        self.scores, self.prev_tokens = scores, tokens.flatten()
        self._tokens = torch.cat([self._tokens.index_select(0, rows), self.prev_tokens[:, None]], 1)
        self._scores = torch.cat([self._scores.index_select(0, rows), scores.view(-1, 1)], 1)
        if len(kept) < len(self.sentences):
            self.limits = [self.limits[index] for index in kept.tolist()]
            self.sentences = self.sentences[kept]
        return rows

    def results(self) -> list[list[Hypothesis]]:
        """Return the best ``nbest`` of each sentence, best first; of equals, the one that ended first.

        Raises:
            SeqtrainError: a sentence has none, because the model's logits are NaN or rule out its end.
        """
        for number, finished in enumerate(self.finished):
            if not finished:
                raise SeqtrainError(
                    f"no output for sentence {number} of a batch: the model's logits are NaN, or give the end of "
                    "sentence no probability; look at the training loss of this checkpoint"
                )
        return [sorted(each, key=lambda x: x.score, reverse=True)[: self.cfg.nbest] for each in self.finished]
