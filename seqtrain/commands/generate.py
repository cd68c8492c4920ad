"""``generate``: translate or continue a file or standard input, one line out for each line in."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from rich.console import Console

from seqtrain.base import Dictionary
from seqtrain.config import GenerateConfig
from seqtrain.data.text import read_lines, text_lines
from seqtrain.errors import DataError
from seqtrain.generation.translate import WINDOW
from seqtrain.paths import atomic_file
from seqtrain.trained import TrainedModel, load
from seqtrain.training.logs import logging_to

log = logging.getLogger(__name__)


def run(cfg: GenerateConfig) -> None:
    """Decode line by line, ``generation.nbest`` lines for each; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        trained = load(cfg.checkpoint, device=cfg.device, plugins=cfg.plugins)
        trained.task.set_languages(cfg.source_lang, cfg.target_lang)
        with open_output(cfg.output) as output:
            for text in decoded_lines(trained, cfg):
                output.write(text + "\n")
                if cfg.output == "-":
                    output.flush()


def decoded_lines(trained: TrainedModel, cfg: GenerateConfig) -> Iterator[str]:
    """Yield ``generation.nbest`` outputs for each line of the input, best first; empty ones for an empty line.

    An output is a translation, or of a language model the line with its continuation, up to the end of the line.
    """
    lines = _warn_if_long(read_input(cfg.input), trained)
    # From a terminal each line is answered at once.
    window = 1 if cfg.input == "-" and sys.stdin.isatty() else WINDOW
    dictionary: Dictionary = trained.task.info.target_dictionary
    for hypotheses in trained.hypotheses(lines, cfg.generation, window):
        # Tokenizers of bytes have a newline, which would put all further lines out of step.
        yield from (dictionary.decode(h.tokens.tolist()).replace("\n", " ") for h in hypotheses)
        # An empty line has no hypotheses, and a short limit may leave fewer than asked for: lines stay in step.
        yield from [""] * (cfg.generation.nbest - len(hypotheses))


def read_input(name: str) -> Iterator[str]:
    """Yield the lines of a file, or of standard input if ``name`` is ``-``.

    Raises:
        DataError: there is no such file, or it is no UTF-8 text.
    """
    if name == "-":
        return text_lines(sys.stdin.buffer, "standard input")
    path = Path(name).expanduser()
    if not path.exists() or path.is_dir():
        raise DataError(f"input={name}: there is no such file")
    return read_lines(path)


@contextlib.contextmanager
def open_output(name: str) -> Iterator[TextIO]:
    """Open a file to write, or standard output if ``name`` is ``-``; a file appears only when it is whole.

    Raises:
        SeqtrainError: the file cannot be written.
    """
    if name == "-":
        yield sys.stdout
        return
    # What a link points to is replaced, not the link; a device or a pipe is written to as it is.
    final = Path(name).expanduser().resolve()
    if final.is_dir():
        raise DataError(f"output={name} is a directory: name a file")
    if final.exists() and not final.is_file():
        with final.open("w", encoding="utf-8") as file:
            yield file
        return
    with atomic_file(final) as file:
        yield file


def _warn_if_long(lines: Iterator[str], trained: TrainedModel) -> Iterator[str]:
    """Pass lines on; say of each that the model is going to see only the beginning of."""
    dictionary, limit = trained.task.info.source_dictionary, trained.task.info.max_positions[0]
    for number, line in enumerate(lines, start=1):
        # But for a word boundary, a token holds at least one byte: most lines need no second look.
        if len(line.encode()) + 1 >= limit and len(dictionary.encode(line)) >= limit:
            log.warning("line %d is over the model's limit of %d tokens: its end is left out", number, limit)
        yield line
