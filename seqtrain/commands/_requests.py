"""What ``generate`` is asked: lines of its input, each with a prefix or constraints where there are such."""

from collections.abc import Iterator
from itertools import chain, repeat, zip_longest

from seqtrain.commands._streams import is_typed, read_input
from seqtrain.config import GenerateConfig
from seqtrain.errors import DataError
from seqtrain.generation.requests import Request, request_of


def requests(cfg: GenerateConfig) -> Iterator[Request]:
    """Yield a request for each line of the input.

    Raises:
        DataError: a file is not there, is empty or no UTF-8 text, or there are not as many prefixes as lines.
    """
    lines = read_input("input", cfg.input)
    if not is_typed(cfg.input):  # who types may well end it at once
        lines = _not_empty(lines, "standard input" if cfg.input == "-" else f"input={cfg.input}")
    pairs = _prefixed(lines, cfg) if cfg.prefix else zip(lines, repeat(""))
    return (request_of(line, prefix, cfg.generation) for line, prefix in pairs)


def _not_empty(lines: Iterator[str], name: str) -> Iterator[str]:
    """Yield the lines of a file, of which there must be one."""
    first = next(lines, None)
    if first is None:
        raise DataError(f"{name} is empty: there is nothing to decode")
    yield from chain([first], lines)


def _prefixed(lines: Iterator[str], cfg: GenerateConfig) -> Iterator[tuple[str, str]]:
    """Yield each line with its prefix."""
    names = f"input={cfg.input}", f"prefix={cfg.prefix}"
    for number, (line, prefix) in enumerate(zip_longest(lines, read_input("prefix", cfg.prefix))):
        if line is None or prefix is None:
            shorter, longer = names if line is None else reversed(names)
            raise DataError(f"{shorter} ends after line {number}, and {longer} goes on: there must be a prefix a line")
        yield line, prefix
