"""``score``: the log-probability of each line of a file, given that of another or by itself, token by token."""

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from seqtrain.commands._streams import open_output
from seqtrain.config import GenerationConfig, OutputFormat, ScoreConfig
from seqtrain.data.text import check_parallel, read_lines
from seqtrain.errors import DataError
from seqtrain.generation import formats
from seqtrain.generation.outputs import Decoded, Output
from seqtrain.generation.words import ScoredLine, Word, words_of
from seqtrain.loading import load
from seqtrain.memory import kept_memory
from seqtrain.metrics.sums import strict_json
from seqtrain.trained import TrainedModel
from seqtrain.training.logs import logging_to


class Scored(NamedTuple):
    """A line that was scored."""

    decoded: Decoded
    """What stands in its place as if it had been found."""
    words: list[Word]
    """Its words and their scores."""


def run(cfg: ScoreConfig) -> None:
    """Score line by line, after a look at all lines; messages go to standard error."""
    with logging_to(Console(stderr=True)), kept_memory():
        check_files(cfg)
        trained = load(cfg.checkpoint, device=cfg.device, plugins=cfg.plugins)
        trained = trained.in_languages(cfg.source_lang, cfg.target_lang)
        with open_output(cfg.output, {"source": cfg.source, "target": cfg.target}) as output:
            for scored in scored_lines(trained, cfg):
                output.writelines(f"{line}\n" for line in FORMATS[cfg.format](scored))


def check_files(cfg: ScoreConfig) -> None:
    """Look whether all lines can be scored.

    Raises:
        DataError: a file is missing, empty or no text, they differ in their number of lines, or a line is empty.
    """
    files = [Path(name).expanduser() for name in (cfg.source, cfg.target) if name]
    for name, file in zip(("source", "target")[-len(files) :], files, strict=True):
        if not file.is_file():
            raise DataError(f"{name}={file}: there is no such file")
        if next(read_lines(file), None) is None:
            raise DataError(f"{name}={file} is empty: there is nothing to score")
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
    sources, dictionary = _lines(cfg.source) if cfg.source else repeat(""), trained.task.info.target_dictionary
    for number, (source, target, hypothesis) in enumerate(zip(sources, _lines(cfg.target), found, strict=False)):
        ids, log_probs = hypothesis.tokens.tolist(), hypothesis.positional_scores.tolist()
        output = Output(target, [dictionary.symbol(id) for id in ids], hypothesis.score, log_probs)
        words = words_of(ScoredLine(ids, log_probs), dictionary)
        yield Scored(Decoded(number, source, [output]), words)


def _lines(name: str) -> Iterator[str]:
    return read_lines(Path(name).expanduser())


def text_lines(scored: Scored) -> Iterator[str]:
    """Yield the score, a tab and the line."""
    (output,) = scored.decoded.outputs
    yield f"{output.score:.6f}\t{output.text}"


def json_line(scored: Scored) -> Iterator[str]:
    """Yield one object: number, source if there is one, target, and its scores, in nats."""
    decoded, (output,) = scored.decoded, scored.decoded.outputs
    described = {
        "id": decoded.number,
        **({"source": decoded.source} if decoded.source else {}),
        "target": output.text,
        "score": output.score,
        "tokens": output.tokens,
        "positional_scores": output.positional_scores,
        "words": [word.text for word in scored.words],
        "word_scores": [word.log_prob for word in scored.words],
    }
    yield strict_json(described)


def fairseq_lines(scored: Scored) -> Iterator[str]:
    """Yield the lines S, H, D and P, as ``generate`` writes them of what it found."""
    return formats.fairseq_lines(scored.decoded, 1)


FORMATS = {OutputFormat.text: text_lines, OutputFormat.jsonl: json_line, OutputFormat.fairseq: fairseq_lines}
"""What gives the lines for a line that was scored."""
