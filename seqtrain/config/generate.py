"""The root config of ``generate``."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from seqtrain.config.generation import Constraints, GenerationConfig
from seqtrain.config.plugins import Plugins, ScorerConfig
from seqtrain.config.sections import DatasetConfig, Device
from seqtrain.fields import Checked, bounded


class OutputFormat(str, Enum):
    """How decoded sentences are written."""

    text = "text"
    jsonl = "jsonl"
    fairseq = "fairseq"


class PrintAlignment(str, Enum):
    """What is written of the alignments of outputs."""

    none = "none"
    hard = "hard"
    soft = "soft"


@dataclass
class GenerateConfig(Checked):
    """Root config of ``generate``."""

    checkpoint: Any = MISSING
    """Run directory (its best checkpoint) or checkpoint directory; several are an ensemble: ``[A,B]``."""
    lm_path: str = ""
    """Run or checkpoint directory of a language model that has a say in the search, ``generation.lm_weight``."""
    input: str = "-"
    """Text file to translate, or of prompts to continue, one a line, plain or .gz; ``-`` reads standard input."""
    prefix: str = ""
    """File with what the outputs of each line begin with, as many lines as ``input``; an empty one asks for nothing."""
    split: str = ""
    """Split of the checkpoint's task to decode and score, such as ``test`` or ``valid``, instead of ``input``."""
    data: str = ""
    """Directory of the data of ``split`` if it is no longer where the checkpoint was trained from."""
    output: str = "-"
    """File to write; ``-`` writes standard output."""
    format: OutputFormat = OutputFormat.text
    """Plain lines (text), an object of JSON a line (jsonl), or S-, T-, H-, D- and P-lines as fairseq's (fairseq)."""
    print_alignment: PrintAlignment = PrintAlignment.none
    """Write what each token is aligned with: its source token (hard) or its attention (soft); as jsonl or fairseq."""
    replace_unk: str | None = None
    """Let the source word that an unknown word is aligned with stand for it, or its translation by this file."""
    buffer_size: int | None = bounded(None, at_least=1)
    """Lines to read ahead and batch by length; 1 answers each before the next; null: 1 from a terminal, else 4096."""
    num_processes: int = bounded(1, at_least=0)
    """Processes that decode, each with a model of its own; 0: one for each GPU, or each core where there is none."""
    source_lang: str = ""
    """Language of the input, of a model of several pairs; empty for any other."""
    target_lang: str = ""
    """Language to translate into, of a model of several pairs; empty for any other."""
    scorer: dict[str, ScorerConfig] = field(default_factory=dict)
    """Scores of the outputs of ``split``, by their names."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """Where the prepared data of ``split`` is kept here; batches are those of ``generation``."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How to search for the best output."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""
    plugins: Plugins = Plugins.installed
    """Code of plug-ins that are not seqtrain's own: what is installed or on hydra.searchpath, or the bundled copy."""

    def contradictions(self) -> Iterable[str]:
        """What is decoded is one thing, and all that is asked for is written."""
        if self.print_alignment is not PrintAlignment.none and self.format is OutputFormat.text:
            how = self.print_alignment.value
            yield f"print_alignment={how}: lines of text have no alignments; set format=jsonl or format=fairseq"
        if self.generation.lm_weight != GenerationConfig.lm_weight and not self.lm_path:
            yield f"generation.lm_weight={self.generation.lm_weight} needs a language model: set lm_path=RUN"
        yield from self.generation.contradictions_with(self.device)
        if self.buffer_size == 1 and self.num_processes > 1:
            yield (
                f"buffer_size=1 answers each line before the next is read, which leaves nothing to do for "
                f"num_processes={self.num_processes}: leave out one of them"
            )
        yield from self._contradictions_of_split() if self.split else self._contradictions_of_input()

    def _contradictions_of_split(self) -> Iterable[str]:
        constraints = self.generation.constraints
        if self.input != "-":
            yield f"input={self.input} decodes a file and split={self.split} a set of the task: leave one of them out"
        if self.source_lang or self.target_lang:
            yield f"split={self.split} has its own languages: leave out source_lang and target_lang"
        if self.prefix:
            yield f"prefix={self.prefix} goes with input=FILE; with split={self.split} set generation.prefix_size"
        if constraints is not Constraints.none:
            yield f"generation.constraints={constraints.value} reads lines with constraints: set input=FILE"

    def _contradictions_of_input(self) -> Iterable[str]:
        if self.input == self.prefix == "-":
            yield "input=- and prefix=- both read standard input: put one of them into a file"
        if self.generation.prefix_size:
            yield f"generation.prefix_size={self.generation.prefix_size} needs references: set split=test"
        if self.data:
            yield f"data={self.data} says where the sets of the task are: name one, such as split=test"
