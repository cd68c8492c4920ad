"""``generate``: translate or continue a file, standard input or a split; what is found comes in the order of these."""

import itertools
import logging
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console

from seqtrain.base import Dictionary
from seqtrain.commands._requests import requests
from seqtrain.commands._streams import open_output
from seqtrain.composition import quote
from seqtrain.config import GenerateConfig, OutputFormat
from seqtrain.errors import ConfigError
from seqtrain.generation.formats import FORMATS
from seqtrain.generation.outputs import Decoded, as_text
from seqtrain.generation.translate import WINDOW
from seqtrain.registry import choice_of
from seqtrain.trained import TrainedModel, load
from seqtrain.training.evaluation import DecodedSplit, check_scorers, search_split
from seqtrain.training.logs import logging_to

log = logging.getLogger(__name__)


def run(cfg: GenerateConfig) -> None:
    """Decode, and write each sentence as soon as it is decoded; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        overrides = [f"dataset.cache_dir={quote(cfg.dataset.cache_dir)}"]
        overrides += [f"task.data={quote(cfg.data)}"] if cfg.data else []
        trained = load(
            cfg.checkpoint,
            language_model=cfg.lm_path,
            device=cfg.device,
            overrides=overrides,
            plugins=cfg.plugins,
        )
        with open_output(cfg.output) as output:
            for line in decoded_lines(trained, cfg):
                output.write(line + "\n")
                if cfg.output == "-":
                    output.flush()


def decoded_lines(trained: TrainedModel, cfg: GenerateConfig) -> Iterator[str]:
    """Yield the lines to write."""
    lines_of, nbest = FORMATS[cfg.format], cfg.generation.nbest
    if not cfg.split:
        for decoded in decoded_input(trained, cfg):
            yield from lines_of(decoded, nbest)
        return
    sentences = list(decoded_split(trained, cfg))
    for decoded in sentences:
        yield from lines_of(decoded, nbest)
    for line in score_lines(sentences, cfg, trained.task.target_language(cfg.split)):
        log.info("%s", line)
        if cfg.format is OutputFormat.fairseq:
            yield line


def decoded_input(trained: TrainedModel, cfg: GenerateConfig) -> Iterator[Decoded]:
    """Yield what is found of each line of the input; nothing of an empty line.

    An output is a translation, or of a language model the line with its continuation, up to the end of the line.
    """
    trained = trained.in_languages(cfg.source_lang, cfg.target_lang)
    # From a terminal each line is answered at once.
    window = cfg.buffer_size or (1 if cfg.input == "-" and sys.stdin.isatty() else WINDOW)
    dictionary: Dictionary = trained.task.info.target_dictionary
    asked, read = itertools.tee(requests(cfg))
    found = trained.hypotheses(asked, cfg.generation, window)
    for number, (request, hypotheses) in enumerate(zip(read, found, strict=True)):
        yield Decoded(number, request.text, as_text(hypotheses, dictionary), constraints=request.constraints)


def decoded_split(trained: TrainedModel, cfg: GenerateConfig) -> Iterator[Decoded]:
    """Yield what is found of each sentence of a split, beside its reference.

    Raises:
        ConfigError: there is no such split, or it has no references.
        DataError: a file of it is missing, or cannot be used.
    """
    task = trained.task
    if not task.cfg.has_references:
        raise ConfigError(f"split={cfg.split}: {choice_of(task)} has nothing to translate; name prompts, input=FILE")
    check_scorers(task, cfg.scorer, [cfg.split])
    found = search_split(task, trained.generator(cfg.generation), cfg.split, cfg.generation)
    dictionary = task.output_dictionary(cfg.split)
    for number, (source, reference, hypotheses) in enumerate(zip(*task.text(cfg.split), found, strict=True)):
        yield Decoded(number, source, as_text(hypotheses, dictionary), reference)


def score_lines(sentences: Sequence[Decoded], cfg: GenerateConfig, language: str) -> Iterator[str]:
    """Yield a line for each score of the best outputs of a split, like fairseq's last one, with the signature."""
    sources, references = [each.source for each in sentences], [each.reference or "" for each in sentences]
    decoded = DecodedSplit(sources, references, [each.best for each in sentences], language)
    for score in decoded.scores(cfg.scorer).values():
        value = str(score).replace(": ", " = ", 1)
        yield f"Generate {cfg.split} with beam={cfg.generation.beam}: {value} ({score.signature})"
