"""``score``: the log-probability of each line of a file, given that of another or by itself, token by token."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from seqtrain.base import Dictionary, Hypothesis
from seqtrain.commands._streams import open_output
from seqtrain.config import GenerationConfig, ScoreConfig, ScoreFormat
from seqtrain.data.text import check_parallel, read_lines
from seqtrain.errors import DataError
from seqtrain.generation.words import ScoredLine, words_of
from seqtrain.metrics.sums import strict_json
from seqtrain.trained import TrainedModel, load
from seqtrain.training.logs import logging_to


class Scored(NamedTuple):
    """A line that was scored."""

    number: int
    """Its number in the file, from 0."""
    source: str
    """What it is a translation of; empty of a language model."""
    target: str
    """The line."""
    hypothesis: Hypothesis


def run(cfg: ScoreConfig) -> None:
    """Score line by line, after a look at all lines; messages go to standard error."""
    with logging_to(Console(stderr=True)):
        check_files(cfg)
        trained = load(cfg.checkpoint, device=cfg.device, plugins=cfg.plugins)
        trained = trained.in_languages(cfg.source_lang, cfg.target_lang)
        with open_output(cfg.output) as output:
            for scored in scored_lines(trained, cfg):
                output.write(written(scored, trained.task.info.target_dictionary, cfg.format) + "\n")


def check_files(cfg: ScoreConfig) -> None:
    """Look whether all lines can be scored.

    Raises:
        DataError: a file is missing or no text, they differ in their number of lines, or a line is empty.
    """
    files = [Path(name).expanduser() for name in (cfg.source, cfg.target) if name]
    for name, file in zip(("source", "target")[-len(files) :], files, strict=True):
        if not file.is_file():
            raise DataError(f"{name}={file}: there is no such file")
    if len(files) > 1:
        check_parallel(*files)
    of_both = " of both files" if len(files) > 1 else ""
    for file in files:
        for number, line in enumerate(read_lines(file), start=1):
            if not line.strip():
                raise DataError(f"{file}:{number} is empty and has no score: leave out line {number}{of_both}")


def scored_lines(trained: TrainedModel, cfg: ScoreConfig) -> Iterator[Scored]:
    """Yield the lines of the target, scored."""
    search = GenerationConfig(lenpen=cfg.lenpen, max_tokens=cfg.max_tokens, max_sentences=cfg.max_sentences)
    found = trained.score(_lines(cfg.source) if cfg.source else None, _lines(cfg.target), search)
    sources = _lines(cfg.source) if cfg.source else repeat("")
    for number, line in enumerate(zip(sources, _lines(cfg.target), found, strict=False)):
        yield Scored(number, *line)


def _lines(name: str) -> Iterator[str]:
    return read_lines(Path(name).expanduser())


def written(scored: Scored, dictionary: Dictionary, format: ScoreFormat) -> str:
    """Return a line that was scored as it is written; scores are in nats."""
    hypothesis = scored.hypothesis
    if format is ScoreFormat.text:
        return f"{hypothesis.score:.6f}\t{scored.target}"
    ids, log_probs = hypothesis.tokens.tolist(), hypothesis.positional_scores.tolist()
    words = words_of(ScoredLine(ids, log_probs), dictionary)
    return strict_json(
        {
            "id": scored.number,
            **({"source": scored.source} if scored.source else {}),
            "target": scored.target,
            "score": hypothesis.score,
            "tokens": [dictionary.symbol(id) for id in ids],
            "positional_scores": log_probs,
            "words": [word.text for word in words],
            "word_scores": [word.log_prob for word in words],
        }
    )
