"""Beam search: keep the ``beam`` best hypotheses of each sentence at each position; a beam of 1 is greedy search.

The rules are those of fairseq's ``SequenceGenerator``, except that a limit of length comes from the sentence's
own source length, so that a result never depends on the other sentences of the batch.
"""

from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Hypothesis, IncrementalModel, Model, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation.candidates import Candidates, forbid, force, score_tokens, top_candidates
from seqtrain.generation.full_forward import FullForward
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.nn.mode import evaluation_mode


class BeamSearch:
    """Finds the outputs of the highest score: the sum of log-probabilities divided by length ** ``lenpen``.

    At each position the best 2 * ``beam`` candidates of a sentence are looked at. Those among the first ``beam``
    that end are finished; the first ``beam`` that do not end go on. A sentence is done when ``beam`` hypotheses are
    finished, or at its limit of length, where all must end.

    Args:
        cfg: how to search.
        model: decoded one token at a time if it has ``decode_step``, else by full forward passes.
        task: gives the target dictionary and the longest target.
    """

    def __init__(self, cfg: GenerationConfig, model: Model, task: TaskInfo) -> None:
        self.cfg = cfg
        self.model = model
        self.dictionary = task.target_dictionary
        self.max_positions = task.max_positions[1]
        self._decoder: IncrementalModel[Any, Any] = model if isinstance(model, IncrementalModel) else FullForward(model)

    @torch.inference_mode()
    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the ``nbest`` hypotheses of each sentence, best first, on the CPU; the model is in eval mode for it.

        Args:
            net_input: ``source_tokens`` (B, S), ``source_lengths`` (B,); what is not of the source is left out.

        Raises:
            SeqtrainError: a sentence has no hypothesis, because the model's logits are NaN or rule out its end.
        """
        source = {name: x for name, x in net_input.items() if name.startswith("source_")}
        if (parameter := next(self.model.parameters(), None)) is not None:
            source = {name: x.to(parameter.device) for name, x in source.items()}
        limits = [self._limit(length) for length in source["source_lengths"].tolist()]
        hypotheses = Hypotheses(self.cfg, self.dictionary.eos, limits, source["source_tokens"].device)
        with evaluation_mode(self.model):
            self._search(source, hypotheses, max(limits) + 1)
        return hypotheses.results()

    def _limit(self, source_length: int) -> int:
        """Return the most tokens of an output, end of sentence excluded."""
        limit = int(self.cfg.max_len_a * source_length + self.cfg.max_len_b)
        return max(0, min(limit, self.max_positions - 1))

    def _search(self, source: dict[str, Tensor], hypotheses: Hypotheses, max_length: int) -> None:
        encoder_output = self._decoder.encode(**source)
        rows = hypotheses.scores.numel()
        state = self._decoder.new_state(encoder_output, rows, max_length)
        while True:
            logits = self._decoder.decode_step(hypotheses.prev_tokens, encoder_output, state)
            candidates = self._candidates(logits, hypotheses)
            hypotheses.finish(candidates)
            kept = hypotheses.unfinished()
            if not len(kept):
                return
            order = hypotheses.extend(candidates, kept)
            some_left = len(kept) < len(candidates.tokens)
            if some_left:
                encoder_output = encoder_output.reorder(kept)
            if some_left or self.cfg.beam > 1:  # a beam of 1 goes on with the rows as they stand
                state.reorder(order)

    def _candidates(self, logits: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return the best 2 * beam continuations of each sentence."""
        scores = score_tokens(logits, hypotheses.scores)
        at_limit = hypotheses.at_limit
        forbid(scores, self.dictionary.pad)
        if hypotheses.length < self.cfg.min_len:
            forbid(scores, self.dictionary.eos, where=~at_limit.to(scores.device))
        if at_limit.any():
            force(scores, self.dictionary.eos, where=at_limit.to(scores.device))
        return top_candidates(scores, 2 * self.cfg.beam)
