"""The search for the best outputs of a model: one loop for every model, rule and strategy.

The rules are those of fairseq's ``SequenceGenerator``, except that a limit of length comes from the sentence's
own source length, so that a result never depends on the other sentences of the batch.
"""

from contextlib import ExitStack

import torch
from torch import Tensor

from seqtrain.base import Hypothesis, Model, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.generation.decoders import Decoder, Decoding
from seqtrain.generation.ensemble import decoder_of
from seqtrain.generation.fusion import FusedDecoder, LanguageModel
from seqtrain.generation.hypotheses import Hypotheses
from seqtrain.generation.inputs import source_of
from seqtrain.generation.lengths import longest_outputs, source_sizes
from seqtrain.generation.rules import (
    Allowed,
    AllowedTokens,
    FreeEnd,
    LengthLimit,
    MinimumLength,
    Never,
    NoRepeatedNgrams,
    Prefixes,
    Rule,
    UnknownPenalty,
    ids_of,
)
from seqtrain.generation.strategies import strategy_of
from seqtrain.generation.strategy import Strategy
from seqtrain.nn.device import device_of
from seqtrain.nn.mode import evaluation_mode


class SequenceGenerator:
    """Finds the outputs of the highest score: the sum of log-probabilities divided by length ** ``lenpen``.

    At each position a decoder gives the log-probabilities of all next tokens, rules change them, and a strategy
    picks candidates. Those among the first ``width`` that end are finished; the first ``width`` that do not end go on.
    A sentence is done when ``width`` hypotheses are finished, or at its limit of length, where all must end. Given
    tokens count, in score and length. The width is that of the beam, or the number of samples.

    Args:
        cfg: how to search.
        model: decoded one token at a time if it has ``decode_step``, else by full forward passes; an ensemble's
            models each in its way.
        task: gives the target dictionary, the longest target, and the token that decoding starts from.
        allowed: which tokens may follow a hypothesis, if not all.
        language_model: its log-probabilities are added with the weight ``lm_weight``.

    Raises:
        ConfigError: ``cfg`` names symbols that the target dictionary does not have.
    """

    def __init__(
        self,
        cfg: GenerationConfig,
        model: Model,
        task: TaskInfo,
        allowed: AllowedTokens | None = None,
        language_model: LanguageModel | None = None,
    ) -> None:
        self.cfg = cfg
        self.model = model
        self.start = task.decoding_start
        self.dictionary = task.target_dictionary
        self.max_positions = task.max_positions[1]
        self._models = [model]
        self._decoder: Decoder = decoder_of(model, self.start, cfg.temperature)
        if language_model is not None and cfg.lm_weight:
            self._fuse(language_model)
        self._never = [self.dictionary.pad, *ids_of(cfg.suppress, self.dictionary)]
        self._allowed = allowed

    def _fuse(self, language: LanguageModel) -> None:
        """Let a language model have a say: outputs are as long as it can see at most."""
        self._models.append(language.model)
        self.max_positions = min(self.max_positions, language.task.max_positions[1])
        decoder = decoder_of(language.model, language.task.decoding_start)
        self._decoder = FusedDecoder(self._decoder, decoder, self.cfg.lm_weight)

    @torch.inference_mode()
    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the ``nbest`` hypotheses of each sentence, best first, on the CPU; the models are in eval mode for it.

        Args:
            net_input: ``source_tokens`` (B, S), ``source_lengths`` (B,) of a model with a source; ``prefix_tokens``
                (B, P), padded on the right, if the hypotheses of each sentence have to begin with them;
                ``constraint_tokens`` (B, K, L), if they have to contain them; ``line_numbers`` (B,), by which samples
                are drawn.

        Raises:
            ConfigError: ``match_source_len`` without a source, or constraints that ``cfg`` says nothing of.
            SeqtrainError: a sentence has no hypothesis, because the model's logits are NaN or rule out its end.
        """
        device = device_of(self.model)
        inputs = {name: x.to(device) for name, x in net_input.items()}
        source = source_of(inputs)
        prefixes = self._prefixes(inputs)
        limits = self._limits(source, prefixes)
        hypotheses = Hypotheses(self.cfg, self.start, self.dictionary.eos, limits, device)
        strategy = strategy_of(self.cfg, inputs, hypotheses.sentences, self.dictionary)
        with ExitStack() as stack:
            for model in self._models:
                stack.enter_context(evaluation_mode(model))
            decoding = self._begin(source, prefixes, hypotheses)
            self._search(decoding, self._rules(source, prefixes), strategy, hypotheses)
        return hypotheses.results()

    def _prefixes(self, inputs: dict[str, Tensor]) -> Prefixes:
        if "prefix_tokens" in inputs:
            return Prefixes(inputs["prefix_tokens"], self.dictionary.pad)
        return Prefixes(inputs["source_tokens"][:, :0], self.dictionary.pad)

    def _limits(self, source: dict[str, Tensor], prefixes: Prefixes) -> list[int]:
        """Return the most tokens of each output, given ones included, end of sentence excluded."""
        asked = longest_outputs(self.cfg, source, prefixes.lengths, self.dictionary)
        most = self.max_positions - 1
        return [
            max(0, min(max(limit, length), most))
            for limit, length in zip(asked, prefixes.lengths.tolist(), strict=True)
        ]

    def _begin(self, source: dict[str, Tensor], prefixes: Prefixes, hypotheses: Hypotheses) -> Decoding:
        """Encode the source; a language model takes up in one pass what all sentences begin with."""
        given = prefixes.shared() if self._decoder.takes_up else prefixes.tokens[:, :0]
        decoding, log_probs = self._decoder.begin(source, given, max(hypotheses.limits) + 1)
        hypotheses.begin(given, log_probs)
        return decoding

    def _search(self, decoding: Decoding, rules: list[Rule], strategy: Strategy, hypotheses: Hypotheses) -> None:
        strategy.begin(hypotheses)
        while True:
            log_probs = decoding.log_probs(hypotheses.prev_tokens).view(*hypotheses.scores.shape, -1)
            for rule in rules:
                rule.apply(log_probs, hypotheses)
            candidates = strategy.pick(log_probs, hypotheses)
            hypotheses.finish(candidates)
            kept = hypotheses.unfinished()
            if not len(kept):
                return
            some_left = len(kept) < len(candidates.tokens)
            rows = hypotheses.extend(candidates, kept)
            strategy.follow(rows, hypotheses)
            if some_left:
                decoding.keep(kept)
            if some_left or self.cfg.width > 1:  # a beam of 1 goes on with the rows as they stand
                decoding.reorder(rows)

    def _rules(self, source: dict[str, Tensor], prefixes: Prefixes) -> list[Rule]:
        """Return the rules for a batch: of two that contradict each other, the later one holds."""
        cfg, eos = self.cfg, self.dictionary.eos
        rules: list[Rule] = [Never(self._never)]
        if cfg.unkpen:
            rules.append(UnknownPenalty(self.dictionary.unk, cfg.unkpen))
        if cfg.no_repeat_ngram_size:
            rules.append(NoRepeatedNgrams(cfg.no_repeat_ngram_size, prefixes.lengths))
        if cfg.match_source_len:
            rules += [MinimumLength(eos, source_sizes(source, self.dictionary)), FreeEnd(eos)]
        else:
            rules.append(MinimumLength(eos, cfg.min_len))
        if self._allowed is not None:
            rules.append(Allowed(self._allowed, eos))
        return [*rules, prefixes, LengthLimit(eos)]
