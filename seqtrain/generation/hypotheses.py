"""The hypotheses of a batch under search: the unfinished ones in tensors, the finished ones in lists."""

import math

import torch
from torch import Tensor

from seqtrain.base import Hypothesis
from seqtrain.config import GenerationConfig
from seqtrain.errors import SeqtrainError
from seqtrain.generation.candidates import Candidates


class Hypotheses:
    """``width`` unfinished hypotheses of each sentence that is not done; at first one, empty or with given tokens.

    B counts the sentences that are not done, N = B * width; hypotheses of a sentence stand together.

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
        self.limits = torch.tensor(limits)
        self.finished: list[list[Hypothesis]] = [[] for _ in limits]
        self.length = 0
        # Scores of -inf mark hypotheses that do not exist: one empty hypothesis is enough to start from.
        self.scores = torch.full((len(limits), cfg.width), -math.inf, device=device)
        self.scores[:, 0] = 0.0
        rows = len(limits) * cfg.width
        self._tokens = torch.full((rows, max(limits) + 1), start, device=device)
        self._scores = torch.zeros(rows, max(limits) + 1, device=device)

    @property
    def prev_tokens(self) -> Tensor:
        """Last token of each hypothesis, at first the one that decoding starts from, (N,)."""
        return self._tokens[:, max(self.length - 1, 0)]

    @property
    def tokens(self) -> Tensor:
        """What the hypotheses have so far, (B, width, length)."""
        return self._tokens[:, : self.length].view(*self.scores.shape, self.length)

    @property
    def at_limit(self) -> Tensor:
        """Sentences that must end now, bool on the CPU, (B,)."""
        return self.limits <= self.length

    def begin(self, tokens: Tensor, log_probs: Tensor) -> None:
        """Let the hypotheses of each sentence begin with tokens (B, P) of these log-probabilities (B, P)."""
        rows, self.length = self.cfg.width, tokens.size(1)
        self._tokens[:, : self.length] = tokens.repeat_interleave(rows, dim=0)
        self._scores[:, : self.length] = log_probs.cumsum(1).repeat_interleave(rows, dim=0)
        self.scores[:, 0] = log_probs.sum(1)

    def finish(self, candidates: Candidates) -> None:
        """Keep the candidates that end, as far as they are among the first ``width``."""
        scores, parents, tokens = (x[:, : self.cfg.width] for x in candidates)
        batch_indices, ranks = ((tokens == self.eos) & scores.isfinite()).nonzero(as_tuple=True)
        if not len(ranks):
            return
        rows = batch_indices * self.cfg.width + parents[batch_indices, ranks]
        ended_tokens = torch.nn.functional.pad(self._tokens[rows, : self.length], (0, 1), value=self.eos).cpu()
        ended_scores = torch.cat([self._scores[rows, : self.length], scores[batch_indices, ranks, None]], 1).cpu()
        for sentence, *ended in zip(self.sentences[batch_indices].tolist(), ended_tokens, ended_scores, strict=True):
            finished = self.finished[sentence]
            if len(finished) < self.cfg.width:
                finished.append(self._hypothesis(*ended))

    def _hypothesis(self, tokens: Tensor, scores: Tensor) -> Hypothesis:
        """Return the hypothesis of ``tokens`` (T,) whose log-probabilities up to each token are ``scores`` (T,)."""
        score = float(scores[-1]) / len(tokens) ** self.cfg.lenpen
        return Hypothesis(tokens, score, scores.diff(prepend=scores.new_zeros(1)))

    def unfinished(self) -> Tensor:
        """Return which of the B sentences are not done: fewer than ``width`` have ended, the limit is ahead, (B',)."""
        kept = [
            index
            for index, (sentence, at_limit) in enumerate(
                zip(self.sentences.tolist(), self.at_limit.tolist(), strict=True)
            )
            if len(self.finished[sentence]) < self.cfg.width and not at_limit
        ]
        return torch.tensor(kept, dtype=torch.long, device=self.scores.device)

    def extend(self, candidates: Candidates, kept: Tensor) -> Tensor:
        """Go on with the sentences ``kept`` (B',), in each with the first ``width`` candidates that do not end.

        Returns:
            The rows (N,) that the new rows (N',) come from, (N',).
        """
        going_on = (candidates.tokens[kept] == self.eos).int().sort(stable=True).indices[:, : self.cfg.width]
        scores, parents, tokens = (x[kept].gather(1, going_on) for x in candidates)
        scores = scores.masked_fill(tokens == self.eos, -math.inf)  # where there are not enough that do not end
        rows = (kept.unsqueeze(-1) * self.cfg.width + parents).flatten()
        self._tokens = _take(self._tokens, rows, self.length)
        self._scores = _take(self._scores, rows, self.length)
        self._tokens[:, self.length] = tokens.flatten()
        self._scores[:, self.length] = scores.flatten()
        self.scores = scores
        self.length += 1
        if len(kept) < len(self.sentences):
            self.limits = self.limits[kept.cpu()]
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


def _take(buffer: Tensor, rows: Tensor, length: int) -> Tensor:
    """Return the rows ``rows`` of a buffer, filled up to ``length``, in the same memory."""
    taken = buffer[: len(rows)]
    taken[:, :length] = buffer[rows, :length]
    return taken
