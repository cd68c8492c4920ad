"""The formats of output: lines of text, an object of JSON a line, or the lines that fairseq prints."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping

from seqtrain.config import OutputFormat
from seqtrain.generation.outputs import Decoded, Output
from seqtrain.metrics.sums import strict_json

EMPTY = Output("", [], 0.0, [])
"""Stands where there are fewer outputs than asked for, as of an empty line, so that lines stay in step."""


def text_lines(decoded: Decoded, nbest: int) -> Iterator[str]:
    """Yield the text of each output, ``nbest`` lines."""
    for output in _filled(decoded, nbest):
        yield _one_line(output.text)


def json_line(decoded: Decoded, nbest: int) -> Iterator[str]:
    """Yield one object: number, source, reference if there is one, and as many hypotheses as there are.

    Scores are in nats.
    """
    reference = {} if decoded.reference is None else {"reference": decoded.reference}
    hypotheses = [dataclasses.asdict(output) for output in decoded.outputs[:nbest]]
    yield strict_json({"id": decoded.number, "source": decoded.source, **reference, "hypotheses": hypotheses})


def fairseq_lines(decoded: Decoded, nbest: int) -> Iterator[str]:
    """Yield the lines S, T if there is a reference, C for each constraint, and for each output H, D and P.

    Scores are to the base of 2.
    """
    number = decoded.number
    yield f"S-{number}\t{_one_line(decoded.source)}"
    if decoded.reference is not None:
        yield f"T-{number}\t{_one_line(decoded.reference)}"
    yield from (f"C-{number}\t{_one_line(constraint)}" for constraint in decoded.constraints)
    for output in _filled(decoded, nbest):
        score = output.score / math.log(2)
        yield f"H-{number}\t{score}\t{_one_line(' '.join(output.tokens[:-1]))}"
        yield f"D-{number}\t{score}\t{_one_line(output.text)}"
        yield f"P-{number}\t{' '.join(f'{nats / math.log(2):.4f}' for nats in output.positional_scores)}"


FORMATS: Mapping[OutputFormat, Callable[[Decoded, int], Iterator[str]]] = {
    OutputFormat.text: text_lines,
    OutputFormat.jsonl: json_line,
    OutputFormat.fairseq: fairseq_lines,
}
"""What gives the lines of a sentence in each format."""


def _filled(decoded: Decoded, nbest: int) -> list[Output]:
    """Return ``nbest`` outputs, empty ones where there are fewer."""
    outputs = decoded.outputs[:nbest]
    return outputs + [EMPTY] * (nbest - len(outputs))


def _one_line(text: str) -> str:
    """Return text on one line: tokenizers of bytes have a newline, which would put all further lines out of step."""
    return text.replace("\n", " ")
