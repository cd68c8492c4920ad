"""``generate``: translate or continue a file or standard input, one line out for each line in."""

import sys
from collections.abc import Iterator

from rich.console import Console

from seqtrain.base import Dictionary
from seqtrain.commands._streams import open_output, read_input
from seqtrain.config import GenerateConfig
from seqtrain.generation.translate import WINDOW
from seqtrain.trained import TrainedModel, load
from seqtrain.training.logs import logging_to


def run(cfg: GenerateConfig) -> None:
    """Decode line by line, ``generation.nbest`` lines for each; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        trained = load(cfg.checkpoint, language_model=cfg.lm_path, device=cfg.device, plugins=cfg.plugins)
        trained = trained.in_languages(cfg.source_lang, cfg.target_lang)
        with open_output(cfg.output) as output:
            for text in decoded_lines(trained, cfg):
                output.write(text + "\n")
                if cfg.output == "-":
                    output.flush()


def decoded_lines(trained: TrainedModel, cfg: GenerateConfig) -> Iterator[str]:
    """Yield ``generation.nbest`` outputs for each line of the input, best first; empty ones for an empty line.

    An output is a translation, or of a language model the line with its continuation, up to the end of the line.
    """
    # From a terminal each line is answered at once.
    window = 1 if cfg.input == "-" and sys.stdin.isatty() else WINDOW
    dictionary: Dictionary = trained.task.info.target_dictionary
    for hypotheses in trained.hypotheses(read_input(cfg.input), cfg.generation, window):
        # Tokenizers of bytes have a newline, which would put all further lines out of step.
        yield from (dictionary.decode(h.tokens.tolist()).replace("\n", " ") for h in hypotheses)
        # An empty line has no hypotheses, and a short limit may leave fewer than asked for: lines stay in step.
        yield from [""] * (cfg.generation.nbest - len(hypotheses))
