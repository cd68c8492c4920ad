"""The section ``generation``: how to search for outputs."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from seqtrain.config.sections import Device
from seqtrain.fields import Checked, bounded


class Quantize(str, Enum):
    """Numbers that linear layers multiply."""

    none = "none"
    int8 = "int8"


class Constraints(str, Enum):
    """In which order an output has to contain what it is asked to contain."""

    none = "none"
    ordered = "ordered"
    unordered = "unordered"


class MBR(str, Enum):
    """By what hypotheses are compared to choose the one of least expected risk."""

    none = "none"
    bleu = "bleu"
    chrf = "chrf"


@dataclass
class GenerationConfig(Checked):
    """How to search for the best output."""

    beam: int = bounded(5, at_least=1)
    """Hypotheses kept at each position; 1 is greedy search. Sampling uses it with ``mbr`` alone."""
    nbest: int = bounded(1, at_least=1)
    """Hypotheses to return for each sentence, at most ``beam``; with ``sampling`` as many samples as you like."""
    lenpen: float = bounded(1.0)
    """Length penalty: a hypothesis scores its log-probability divided by length ** lenpen; 0 leaves it as it is."""
    temperature: float = bounded(1.0, above=0)
    """What logits are divided by before they become probabilities: over 1 flattens, under 1 sharpens."""
    lm_weight: float = bounded(1.0, at_least=0)
    """Weight of the log-probabilities of the language model ``lm_path``, where there is one; 0 leaves it out."""
    unkpen: float = bounded(0.0)
    """What an unknown word costs, in nats; a negative number favours unknown words."""
    suppress: list[str] = field(default_factory=list)
    """Symbols of the target dictionary that are never chosen."""
    no_repeat_ngram_size: int = bounded(0, at_least=0)
    """No this many tokens in a row come twice in an output; 0 allows it."""
    match_source_len: bool = False
    """Outputs have as many tokens as their source, ends aside; ``min_len`` and ``max_len_*`` are not used."""
    max_len_a: float = bounded(0.0, at_least=0)
    """With ``max_len_b``: at most max_len_a * source length + max_len_b tokens, a prompt included, the end excluded."""
    max_len_b: int = bounded(200, at_least=0)
    """See ``max_len_a``."""
    min_len: int = bounded(1, at_least=0)
    """Fewest tokens of an output, a prompt included, end of sentence excluded."""
    mbr: MBR = MBR.none
    """Find ``beam`` hypotheses or samples, and return those that are most like the others, by sentence chrF or BLEU."""
    prefix_size: int = bounded(0, at_least=0)
    """Where a split is decoded, this many tokens of each reference are given, as what outputs begin with."""
    sampling: bool = False
    """Draw ``nbest`` outputs at random, each for itself, instead of searching for the best."""
    sampling_topk: int = bounded(0, at_least=0)
    """Draw among the this many most probable tokens; 0 takes all."""
    sampling_topp: float = bounded(0.0, at_least=0, at_most=1)
    """Draw among the fewest tokens whose probabilities add up to this; 0 takes all."""
    seed: int = bounded(1, at_least=0, at_most=2**32 - 1)
    """Seed of sampling: with the number of a line it decides what is drawn for this line."""
    diverse_beam_groups: int = bounded(0, at_least=0)
    """Groups of a beam that avoid each other's tokens; 0 does not divide it."""
    diverse_beam_strength: float = bounded(0.5, at_least=0)
    """What a token costs for each earlier group's choice of it at the same position, in nats."""
    diversity_rate: float = bounded(0.0, at_least=0)
    """What a token costs for each place among those that continue the same hypothesis, in nats; 0 for beam search."""
    constraints: Constraints = Constraints.none
    """Lines are ``text TAB constraint TAB constraint ...``, and outputs contain these, in this order or in any."""
    quantize: Quantize = Quantize.none
    """Let linear layers multiply 8-bit integers, on a CPU: faster the wider they are, with outputs that may differ."""
    max_tokens: int = bounded(4096, at_least=1)
    """Most tokens in a batch that is decoded: sentences times longest side."""
    max_sentences: int = bounded(128, at_least=0)
    """Most sentences in a batch that is decoded; 0 sets no limit."""

    def longest_output(self, source_length: int) -> int:
        """Return the most tokens of an output, end of sentence excluded, of a source (or a prompt) with so many."""
        return int(self.max_len_a * source_length + self.max_len_b)

    @property
    def width(self) -> int:
        """Hypotheses of each sentence that are under search at a time."""
        return self.nbest if self.sampling and self.mbr is MBR.none else self.beam

    def contradictions(self) -> Iterable[str]:
        """One way to search, that has the options it is given, and returns no more than it keeps."""
        yield from self._contradictions_of_strategies()
        if self.nbest > self.width:
            yield (
                f"generation.nbest={self.nbest} is more than generation.beam={self.beam}: "
                "the search keeps `beam` hypotheses; raise generation.beam or lower generation.nbest"
            )
        if self.min_len > max(self.max_len_b, 1) and not (self.max_len_a or self.match_source_len):
            yield (
                f"generation.min_len={self.min_len} is more than generation.max_len_b={self.max_len_b}, the most "
                "tokens that an output has: lower the one or raise the other"
            )
        if self.mbr is not MBR.none and self.beam < 2:
            yield f"generation.mbr={self.mbr.value} compares hypotheses, and generation.beam=1 is one: raise it"
        if self.diverse_beam_groups and self.beam % self.diverse_beam_groups:
            yield (
                f"generation.beam={self.beam} cannot be divided into generation.diverse_beam_groups="
                f"{self.diverse_beam_groups} groups of the same size; make one a multiple of the other"
            )

    def contradictions_with(self, device: Device) -> Iterable[str]:
        """Quantised models compute on a CPU."""
        if self.quantize is not Quantize.none and device in (Device.cuda, Device.mps):
            what = f"generation.quantize={self.quantize.value}"
            yield f"{what} is for a CPU, and device={device.value} is set: leave out one of them"

    def _contradictions_of_strategies(self) -> Iterable[str]:
        chosen = {
            "sampling": self.sampling,
            "diverse_beam_groups": self.diverse_beam_groups,
            "diversity_rate": self.diversity_rate,
            "constraints": self.constraints != Constraints.none,
        }
        if len(ways := [f"generation.{name}" for name, value in chosen.items() if value]) > 1:
            yield f"{' and '.join(ways)} are different ways to search: choose one"
        if self.sampling_topk and self.sampling_topp:
            yield "generation.sampling_topk and generation.sampling_topp both say what to draw among: choose one"
        for name, value in {"sampling_topk": self.sampling_topk, "sampling_topp": self.sampling_topp}.items():
            if value and not self.sampling:
                yield f"generation.{name}={value} is for sampling: set generation.sampling=true"
