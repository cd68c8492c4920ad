"""What ``generate`` makes of an input or of a split, sentence after sentence."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from seqtrain.base import Dictionary, Generator
from seqtrain.commands._requests import requests
from seqtrain.commands._scorers import check_scorers_of
from seqtrain.commands._streams import is_typed
from seqtrain.config import GenerateConfig, PrintAlignment
from seqtrain.errors import ConfigError
from seqtrain.generation.alignment import Aligned
from seqtrain.generation.outputs import Decoded, Wording
from seqtrain.generation.translate import WINDOW, decode_lines
from seqtrain.generation.unknown_words import read_replacements
from seqtrain.generation.workers import Workers
from seqtrain.registry import choice_of
from seqtrain.trained import TrainedModel
from seqtrain.training.evaluation import search_split

Search = Generator | Workers
"""What decodes batches."""


def decoded_input(trained: TrainedModel, cfg: GenerateConfig, search: Search) -> Iterator[Decoded]:
    """Yield what is found of each line of the input; nothing of an empty line.

    An output is a translation, or of a language model the line with its continuation, up to the end of the line.
    """
    wording = _wording(trained, cfg, trained.task.info.target_dictionary)
    asked, read = itertools.tee(requests(cfg))
    # From a terminal each line is answered at once.
    window = cfg.buffer_size or (1 if is_typed(cfg.input) else WINDOW)
    found = decode_lines(trained.task, asked, search, cfg.generation, window)
    for number, (request, hypotheses) in enumerate(zip(read, found, strict=True)):
        outputs = wording.outputs(request.text, hypotheses)
        yield Decoded(number, request.text, outputs, constraints=request.constraints)


def decoded_split(trained: TrainedModel, cfg: GenerateConfig, search: Search) -> Iterator[Decoded]:
    """Yield what is found of each sentence of a split, beside its reference.

    Raises:
        ConfigError: there is no such split, it has no references, or a scorer lacks something.
        DataError: a file of it is missing, or cannot be used.
    """
    task = trained.task
    if not task.cfg.has_references:
        raise ConfigError(f"split={cfg.split}: {choice_of(task)} has nothing to translate; name prompts, input=FILE")
    check_scorers_of(trained, cfg.scorer, [cfg.split])
    wording = _wording(trained, cfg, task.output_dictionary(cfg.split))
    for number, source, reference, hypotheses in search_split(task, search, cfg.split, cfg.generation):
        yield Decoded(number, source, wording.outputs(source, hypotheses), reference)


def search_by(trained: TrainedModel, cfg: GenerateConfig) -> Generator:
    """Return the search that is asked for; with what is to be known of alignments."""
    generator = trained.generator(cfg.generation)
    if cfg.print_alignment is not PrintAlignment.none or cfg.replace_unk is not None:
        generator = Aligned(generator, trained.model, trained.task.info)
    return generator


def _wording(trained: TrainedModel, cfg: GenerateConfig, target: Dictionary) -> Wording:
    """Return what turns hypotheses into text; with ``replace_unk`` source words stand for unknown ones."""
    replacements: dict[str, str] | None = None if cfg.replace_unk is None else {}
    if cfg.replace_unk:
        replacements = read_replacements(Path(cfg.replace_unk).expanduser())
    return Wording(trained.task.info.source_dictionary, target, replacements)
