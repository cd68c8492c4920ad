"""Beam search: keep the ``beam`` best hypotheses of each sentence at each position; a beam of 1 is greedy search.

The rules are those of fairseq's ``SequenceGenerator``, except that a limit of length comes from the sentence's
own source length, so that a result never depends on the other sentences of the batch.
"""

from typing import Any

import torch
from torch import Tensor

from seqtrain.base import DecoderModel, Hypothesis, IncrementalModel, Model, PrefillingModel, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation.candidates import Candidates, forbid, force, score_tokens, top_candidates
from seqtrain.generation.full_forward import FullForward, decoder_input
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.prefixes import Prefixes
from seqtrain.generation.token_scores import token_log_probs
from seqtrain.nn.mode import evaluation_mode


class BeamSearch:
    """Finds the outputs of the highest score: the sum of log-probabilities divided by length ** ``lenpen``.

    At each position the best 2 * ``beam`` candidates of a sentence are looked at. Those among the first ``beam``
    that end are finished; the first ``beam`` that do not end go on. A sentence is done when ``beam`` hypotheses are
    finished, or at its limit of length, where all must end. Given tokens count, in score and length.

    Args:
        cfg: how to search.
        model: decoded one token at a time if it has ``decode_step``, else by full forward passes.
        task: gives the target dictionary, the longest target, and the token that decoding starts from.
    """

    def __init__(self, cfg: GenerationConfig, model: Model, task: TaskInfo) -> None:
        self.cfg = cfg
        self.model = model
        self.start = task.decoding_start
        self.dictionary = task.target_dictionary
        self.max_positions = task.max_positions[1]
        self._decoder: IncrementalModel[Any, Any] = model if isinstance(model, IncrementalModel) else FullForward(model)
        self._prefilling: PrefillingModel[Any, Any] | None = None
        if isinstance(model, DecoderModel) and isinstance(model, PrefillingModel):
            self._prefilling = model

    @torch.inference_mode()
    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the ``nbest`` hypotheses of each sentence, best first, on the CPU; the model is in eval mode for it.

        Args:
            net_input: ``source_tokens`` (B, S), ``source_lengths`` (B,) of a model with a source; ``prefix_tokens``
                (B, P), padded on the right, if the hypotheses of each sentence have to begin with them.

        Raises:
            SeqtrainError: a sentence has no hypothesis, because the model's logits are NaN or rule out its end.
        """
        source = {name: self._moved(x) for name, x in net_input.items() if name.startswith("source_")}
        prefixes = self._prefixes(net_input)
        lengths = source.get("source_lengths", prefixes.lengths).tolist()
        limits = list(map(self._limit, lengths, prefixes.lengths.tolist()))
        hypotheses = Hypotheses(self.cfg, self.start, self.dictionary.eos, limits, prefixes.tokens.device)
        with evaluation_mode(self.model):
            self._search(source, prefixes, hypotheses, max(limits) + 1)
        return hypotheses.results()

    def _moved(self, x: Tensor) -> Tensor:
        """Return a tensor on the model's device."""
        parameter = next(self.model.parameters(), x)
        return x.to(parameter.device)

    def _prefixes(self, net_input: dict[str, Tensor]) -> Prefixes:
        if "prefix_tokens" in net_input:
            return Prefixes(self._moved(net_input["prefix_tokens"]), self.dictionary.pad)
        source = self._moved(net_input["source_tokens"])
        return Prefixes.none(len(source), source.device)

    def _limit(self, source_length: int, prefix_length: int) -> int:
        """Return the most tokens of an output, given ones included, end of sentence excluded."""
        limit = max(int(self.cfg.max_len_a * source_length + self.cfg.max_len_b), prefix_length)
        return max(0, min(limit, self.max_positions - 1))

    def _search(self, source: dict[str, Tensor], prefixes: Prefixes, hypotheses: Hypotheses, max_length: int) -> None:
        encoder_output = self._decoder.encode(**source)
        state = self._begin(encoder_output, prefixes, hypotheses, max_length)
        while True:
            logits = self._decoder.decode_step(hypotheses.prev_tokens, encoder_output, state)
            candidates = self._candidates(logits, prefixes, hypotheses)
            hypotheses.finish(candidates)
            kept = hypotheses.unfinished()
            if not len(kept):
                return
            order = hypotheses.extend(candidates, kept)
            some_left = len(kept) < len(candidates.tokens)
            if some_left:
                encoder_output = encoder_output.reorder(kept)
                prefixes.keep(kept)
            if some_left or self.cfg.beam > 1:  # a beam of 1 goes on with the rows as they stand
                state.reorder(order)

    def _begin(self, encoder_output: Any, prefixes: Prefixes, hypotheses: Hypotheses, max_length: int) -> Any:
        """Return a new state; a language model takes up in one pass what all sentences begin with."""
        rows, given = hypotheses.scores.numel(), prefixes.shared()
        if self._prefilling is None or not given.size(1):
            return self._decoder.new_state(encoder_output, rows, max_length)
        prev_tokens = torch.nn.functional.pad(given[:, :-1], (1, 0), value=self.start)
        state = self._prefilling.new_state(encoder_output, len(given), max_length)
        self._prefilling.prefill(prev_tokens, encoder_output, state)
        if self.cfg.beam > 1:
            state.reorder(torch.arange(rows, device=given.device) // self.cfg.beam)
        hypotheses.begin(given, token_log_probs(self.model, decoder_input(prev_tokens), given))
        return state

    def _candidates(self, logits: Tensor, prefixes: Prefixes, hypotheses: Hypotheses) -> Candidates:
        """Return the best 2 * beam continuations of each sentence."""
        scores = score_tokens(logits, hypotheses.scores)
        at_limit = hypotheses.at_limit
        forbid(scores, self.dictionary.pad)
        prefixes.force(scores, hypotheses.length)
        if hypotheses.length < self.cfg.min_len:
            forbid(scores, self.dictionary.eos, where=~at_limit.to(scores.device))
        if at_limit.any():
            eos = torch.full((len(scores),), self.dictionary.eos, device=scores.device)
            force(scores, eos, where=at_limit.to(scores.device))
        return top_candidates(scores, 2 * self.cfg.beam)
