import io
from typing import Any

import pytest
import sentencepiece as spm

from seqtrain.data.number_names import english
from seqtrain.data.tokenizers._model_file import PieceType, read_fields, read_model, with_symbols

LINES = [english(number) for number in range(1, 1_000_000, 9973)]


def train(**options: Any) -> bytes:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, minloglevel=3, num_threads=1, **options
    )
    return model.getvalue()


@pytest.mark.parametrize(("model_type", "kind"), [("bpe", (True, False)), ("unigram", (False, True))])
def test_pieces_are_those_that_sentencepiece_reads(model_type: str, kind: tuple[bool, bool]) -> None:
    model = train(model_type=model_type, vocab_size=60, user_defined_symbols=["<x>"])
    found, processor = read_model(model), spm.SentencePieceProcessor(model_proto=model)
    assert (found.is_bpe, found.is_unigram) == kind
    assert [piece.text for piece in found.pieces] == [processor.id_to_piece(id) for id in range(60)]
    assert [piece.score for piece in found.pieces] == [processor.get_score(id) for id in range(60)]
    types = {piece.text: piece.type for piece in found.pieces}
    assert [types[text] for text in ("<unk>", "</s>", "<x>", "n")] == [
        *(PieceType.unknown, PieceType.control, PieceType.user_defined, PieceType.normal)
    ]


def test_bytes() -> None:
    model = train(model_type="bpe", vocab_size=300, byte_fallback=True)
    assert sum(piece.type == PieceType.byte for piece in read_model(model).pieces) == 256


@pytest.mark.parametrize("model_type", ["char", "word"])
def test_models_of_other_kinds(model_type: str) -> None:
    found = read_model(train(model_type=model_type, vocab_size=20))
    assert (found.is_bpe, found.is_unigram) == (False, False)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", []),
        (b"\x08\x96\x01", [(1, b"\x96\x01")]),
        (b"\x12\x02hi\x08\x01", [(2, b"hi"), (1, b"\x01")]),
        (b"\x15abcd\x19abcdefgh", [(2, b"abcd"), (3, b"abcdefgh")]),
    ],
)
def test_fields(message: bytes, expected: list[tuple[int, bytes]]) -> None:
    assert list(read_fields(message)) == expected


@pytest.mark.parametrize("message", [b"\x12\x03hi", b"\x08", b"\x08\x96", b"\x15abc", b"\x13", b"\xff\xff"])
def test_what_is_no_message(message: bytes) -> None:
    with pytest.raises(ValueError):
        list(read_fields(message))


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_appended_symbols_are_pieces_of_their_own(model_type: str) -> None:
    model = train(model_type=model_type, vocab_size=60)
    symbols = ["<sep>", "n", "a" * 200, "<sep>"]
    before, after = (spm.SentencePieceProcessor(model_proto=m) for m in (model, with_symbols(model, symbols)))
    assert [after.id_to_piece(id) for id in range(62)] == [*map(before.id_to_piece, range(60)), "<sep>", "a" * 200]
    assert after.encode("one<sep>") == [*before.encode("one"), 60]
    assert after.decode(after.encode("one<sep>seven")) == "one<sep>seven"
    assert [piece.type for piece in read_model(with_symbols(model, symbols)).pieces[60:]] == [4, 4]
    assert after.encode(LINES) == before.encode(LINES)


def test_without_new_symbols_a_model_keeps_its_bytes() -> None:
    model = train(vocab_size=60)
    assert with_symbols(model, []) == with_symbols(model, ["n"]) == model
