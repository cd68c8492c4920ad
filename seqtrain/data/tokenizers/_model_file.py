"""What SentencePiece's Python interface does not say of a model, or do with it, by way of its protocol buffer."""

import struct
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple


class PieceType(IntEnum):
    """What a piece is for."""

    normal = 1
    unknown = 2
    control = 3
    user_defined = 4
    unused = 5
    byte = 6


class Piece(NamedTuple):
    """A piece of a model."""

    text: str
    """Its symbols, a space as U+2581."""
    score: float
    """Priority of the merge that makes it (BPE), or its log-probability (unigram)."""
    type: PieceType
    """What it is for."""


class ModelFile(NamedTuple):
    """A model's pieces in their order, and whether they are those of BPE; else they are those of a unigram model."""

    pieces: list[Piece]
    is_bpe: bool
    is_unigram: bool


PIECE, TRAINER_SPEC, NORMALIZER_SPEC = 1, 2, 3
"""Numbers of a model's fields."""
_TEXT, _SCORE, _TYPE = 1, 2, 3
_MODEL_TYPE, _UNIGRAM, _BPE = 3, 1, 2


def read_model(model: bytes) -> ModelFile:
    """Return the pieces and the type of a model that SentencePiece can load.

    Raises:
        ValueError: it is not built as a model is.
    """
    messages = list(read_fields(model))
    pieces = [_piece(dict(read_fields(content))) for number, content in messages if number == PIECE]
    specs = [dict(read_fields(content)) for number, content in messages if number == TRAINER_SPEC]
    model_type = _number(specs[-1].get(_MODEL_TYPE, b"\x01")) if specs else _UNIGRAM
    return ModelFile(pieces, model_type == _BPE, model_type == _UNIGRAM)


def with_symbols(model: bytes, symbols: Iterable[str]) -> bytes:
    """Return a model that SentencePiece can load with symbols that users define appended, where it lacks them.

    Raises:
        ValueError: it is not built as a model is.
    """
    there = {piece.text for piece in read_model(model).pieces}
    new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in there]
    # All fields of a model are messages. Its pieces stand before its specs, as where SentencePiece writes it.
    messages = list(read_fields(model))
    pieces = [_message(PIECE, content) for number, content in messages if number == PIECE]
    others = [_message(number, content) for number, content in messages if number != PIECE]
    return b"".join([*pieces, *map(_user_defined, new), *others])


def _user_defined(symbol: str) -> bytes:
    kind = bytes([_TYPE << 3, PieceType.user_defined])
    return _message(PIECE, _message(_TEXT, symbol.encode()) + bytes([_SCORE << 3 | 5]) + bytes(4) + kind)


def _message(number: int, content: bytes) -> bytes:
    """Return a field of a message that is text or a message itself."""
    return bytes([number << 3 | 2]) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _as_varint(rest) if rest else bytes([low])


def read_fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each field of a serialised protocol buffer.

    Raises:
        ValueError: it is something else, or cut short.
    """
    position = 0
    while position < len(message):
        tag, start = _varint(message, position)
        kind, end = tag & 7, start
        if kind == 0:
            _, end = _varint(message, start)
        elif kind == 2:
            size, start = _varint(message, start)
            end = start + size
        elif kind in (1, 5):
            end = start + (8 if kind == 1 else 4)
        else:
            raise ValueError("no protocol buffer")
        if end > len(message):
            raise ValueError("cut short")
        yield tag >> 3, message[start:end]
        position = end


def _piece(fields: dict[int, bytes]) -> Piece:
    """Build a piece.

    Raises:
        ValueError: it has no text, or a score that is no number of four bytes.
    """
    if _TEXT not in fields or len(fields.get(_SCORE, bytes(4))) != 4:
        raise ValueError("no piece")
    (score,) = struct.unpack("<f", fields.get(_SCORE, bytes(4)))
    return Piece(fields[_TEXT].decode("utf-8"), score, PieceType(_number(fields.get(_TYPE, b"\x01"))))


def _number(content: bytes) -> int:
    return _varint(content, 0)[0]


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Read a number of variable length; return it and where it ends."""
    value = shift = 0
    for end in range(position, len(message)):
        value |= (message[end] & 0x7F) << shift
        if message[end] < 0x80:
            return value, end + 1
        shift += 7
    raise ValueError("cut short")
