"""``generate``: translate or continue a file, standard input or a split; what is found comes in the order of these."""

import logging
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console

from seqtrain.commands._decoded import Search, decoded_input, decoded_split
from seqtrain.commands._processes import searching
from seqtrain.commands._speed import Speed
from seqtrain.commands._streams import is_typed, open_output
from seqtrain.config import GenerateConfig, OutputFormat
from seqtrain.generation.formats import FORMATS
from seqtrain.generation.outputs import Decoded
from seqtrain.memory import kept_memory
from seqtrain.trained import TrainedModel
from seqtrain.training.evaluation import DecodedSplit
from seqtrain.training.logs import logging_to

log = logging.getLogger(__name__)


def run(cfg: GenerateConfig) -> None:
    """Decode, and write each sentence as soon as it is decoded; messages go to standard error."""
    console = Console(stderr=True)
    with logging_to(console), kept_memory():
        read = {"input": cfg.input, "prefix": cfg.prefix, "replace_unk": cfg.replace_unk or ""}
        speed = Speed(console, shown=_is_progress_shown(cfg, console))
        with searching(cfg, speed) as searched, speed, open_output(cfg.output, read) as output:
            for line in decoded_lines(*searched, cfg, speed):
                output.write(line + "\n")
                if cfg.output == "-":
                    output.flush()


def decoded_lines(trained: TrainedModel, search: Search, cfg: GenerateConfig, speed: Speed) -> Iterator[str]:
    """Yield the lines to write; those of a split end with its scores where they are fairseq's."""
    kept = []
    for decoded in (decoded_split if cfg.split else decoded_input)(trained, cfg, search):
        yield from FORMATS[cfg.format](decoded, cfg.generation.nbest, cfg.print_alignment)
        kept += [decoded] if cfg.split else []
    if cfg.split or cfg.output != "-":
        speed.say("Translated" if trained.has_source else "Continued")
    for line in lines_of_scores(kept, cfg, trained.task.target_language(cfg.split)) if cfg.split else []:
        log.info("%s", line)
        if cfg.format is OutputFormat.fairseq:
            yield line


def lines_of_scores(sentences: Sequence[Decoded], cfg: GenerateConfig, language: str) -> Iterator[str]:
    """Yield a line for each score of the best outputs of a split, like fairseq's last one, with the signature."""
    sources, references = [each.source for each in sentences], [each.reference or "" for each in sentences]
    decoded = DecodedSplit(sources, references, [each.best for each in sentences], language)
    for score in decoded.scores(cfg.scorer).values():
        value = str(score).replace(": ", " = ", 1)
        yield f"Generate {cfg.split} with beam={cfg.generation.beam}: {value} ({score.signature})"


def _is_progress_shown(cfg: GenerateConfig, console: Console) -> bool:
    """Whether there is a terminal on which nobody types, and no outputs are written."""
    typed = not cfg.split and is_typed(cfg.input)
    return console.is_terminal and not typed and not (cfg.output == "-" and sys.stdout.isatty())
