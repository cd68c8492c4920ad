"""The formats of output: lines of text, an object of JSON a line, or the lines that fairseq prints."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seqtrain.base import Alignment
from seqtrain.config import OutputFormat, PrintAlignment
from seqtrain.generation.outputs import Decoded, Output
from seqtrain.metrics.sums import strict_json

EMPTY = Output("", [], 0.0, [])
"""Stands where there are fewer outputs than asked for, as of an empty line, so that lines stay in step."""

Format = Callable[[Decoded, int, PrintAlignment], Iterator[str]]
"""What gives the lines of a sentence: of its best outputs, so many, with their alignments if asked."""


def text_lines(decoded: Decoded, nbest: int, _: PrintAlignment = PrintAlignment.none) -> Iterator[str]:
    """Yield the text of each output, ``nbest`` lines."""
    for output in _filled(decoded, nbest):
        yield _one_line(output.text)


def json_line(decoded: Decoded, nbest: int, alignment: PrintAlignment = PrintAlignment.none) -> Iterator[str]:
    """Yield one object: number, source, reference if there is one, and as many hypotheses as there are.

    Scores are in nats. An alignment is a list of pairs (hard) or the attention of each token (soft).
    """
    reference = {} if decoded.reference is None else {"reference": decoded.reference}
    hypotheses = [_json(output, alignment) for output in decoded.outputs[:nbest]]
    yield strict_json({"id": decoded.number, "source": decoded.source, **reference, "hypotheses": hypotheses})


def fairseq_lines(decoded: Decoded, nbest: int, alignment: PrintAlignment = PrintAlignment.none) -> Iterator[str]:
    """Yield S, T if there is a reference, C for each constraint, and for each output H, D, P and A if asked.

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
        if alignment is not PrintAlignment.none:
            yield f"A-{number}\t{_aligned(output.alignment, alignment)}"


FORMATS: Mapping[OutputFormat, Format] = {
    OutputFormat.text: text_lines,
    OutputFormat.jsonl: json_line,
    OutputFormat.fairseq: fairseq_lines,
}
"""What gives the lines of a sentence in each format."""


def _json(output: Output, alignment: PrintAlignment) -> dict[str, Any]:
    found = {"text": output.text, "score": output.score, "tokens": output.tokens}
    found["positional_scores"] = output.positional_scores
    if output.alignment and alignment is not PrintAlignment.none:
        hard = alignment is PrintAlignment.hard
        found["alignment"] = output.alignment.links if hard else output.alignment.attention.tolist()
    return found


def _aligned(alignment: Alignment | None, how: PrintAlignment) -> str:
    if alignment is None:
        return ""
    return alignment.hard if how is PrintAlignment.hard else alignment.soft


def _filled(decoded: Decoded, nbest: int) -> list[Output]:
    """Return ``nbest`` outputs, empty ones where there are fewer."""
    outputs = decoded.outputs[:nbest]
    return outputs + [EMPTY] * (nbest - len(outputs))


def _one_line(text: str) -> str:
    """Return text on one line: tokenizers of bytes have a newline, which would put all further lines out of step."""
    return text.replace("\n", " ")
