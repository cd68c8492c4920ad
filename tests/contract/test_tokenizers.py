"""What every registered tokenizer keeps to."""

import contextlib
import pickle
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from seqtrain.base import Dictionary
from seqtrain.data.number_names import english, german
from seqtrain.data.tokenizers import REGISTRY, Tokenizer
from seqtrain.errors import DataError
from seqtrain.plugins import builtin_names, import_builtin

import_builtin()

LINES = [name(number) for number in range(1, 1_000_000, 9973) for name in (english, german)]
UNKNOWN = "Ωμέγα"
BPE = Path(__file__).parents[1] / "fixtures" / "bpe"
SMALL: dict[str, dict[str, Any]] = {
    "sentencepiece": {"vocab_size": 100},
    "gpt2_bpe": {"encoder_json": str(BPE / "vocab.json"), "vocab_bpe": str(BPE / "merges.txt")},
    "subword_nmt": {"codes": str(BPE / "subword_nmt.codes")},
}
"""Values without which a tokenizer cannot learn from so few lines, or from none."""
OF_BYTES = ("byte", "gpt2_bpe")
"""Tokenizers that know every character, and learn nothing from text."""

pytestmark = pytest.mark.parametrize("name", REGISTRY.names())


def build(name: str) -> Tokenizer:
    return REGISTRY.build(REGISTRY.entry(name).config_type(**SMALL.get(name, {})))


@pytest.fixture
def dictionary(name: str, tmp_path: Path) -> Dictionary:
    tokenizer = build(name)
    tokenizer.train(iter(LINES), tmp_path, "joined")
    return tokenizer.load(tmp_path, "joined")


def test_the_name_is_that_of_the_file(name: str) -> None:
    assert name in builtin_names("tokenizer")


def test_the_default_config_is_complete(name: str) -> None:
    missing = OmegaConf.missing_keys(OmegaConf.structured(REGISTRY.entry(name).config_type))
    assert missing == {"gpt2_bpe": {"encoder_json", "vocab_bpe"}, "subword_nmt": {"codes"}}.get(name, set())


def test_special_symbols_come_first(dictionary: Dictionary) -> None:
    assert [dictionary.symbol(id) for id in range(4)] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert (dictionary.bos, dictionary.pad, dictionary.eos, dictionary.unk) == (0, 1, 2, 3)


def test_symbols_differ(dictionary: Dictionary) -> None:
    symbols = [dictionary.symbol(id) for id in range(len(dictionary))]
    assert len(set(symbols)) == len(symbols) > 20


def test_text_survives(dictionary: Dictionary) -> None:
    for line in LINES:
        ids = dictionary.encode(line)
        assert all(4 <= id < len(dictionary) for id in ids)
        assert dictionary.decode(ids) == line
    assert dictionary.encode("") == []
    assert dictionary.decode([]) == ""


def test_many_lines_as_one_by_one(dictionary: Dictionary) -> None:
    lines = [*LINES, "", UNKNOWN]
    assert dictionary.encode_lines(lines) == [dictionary.encode(line) for line in lines]
    assert dictionary.encode_lines([]) == []


def test_decode_leaves_out_bos_pad_eos(dictionary: Dictionary) -> None:
    ids = dictionary.encode(LINES[5])
    assert dictionary.decode([0, *ids, 2, 1, 1]) == LINES[5]
    assert dictionary.decode([0, 2, 1]) == ""


def test_unknown_characters_are_unk(name: str, dictionary: Dictionary) -> None:
    ids = dictionary.encode(UNKNOWN)
    if name in OF_BYTES:
        assert dictionary.decode(ids) == UNKNOWN
    else:
        assert 3 in ids
        assert dictionary.decode([3])


def test_text_makes_no_special_symbols(dictionary: Dictionary) -> None:
    for text in ("<s>", "</s>", "<pad>", "one </s> two", "one<pad>"):
        assert not {0, 1, 2} & set(dictionary.encode(text)), text


@pytest.mark.parametrize(
    "text", ["a\nb", "\x00", "\x01\x02", "\t", "one\u2028two", "\ufeff", "one " * 50_000, "é" * 99_999]
)
def test_any_text_is_encoded(dictionary: Dictionary, text: str) -> None:
    assert all(3 <= id < len(dictionary) for id in dictionary.encode(text))


def test_training_twice_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    contents = []
    for directory in (tmp_path / "a", tmp_path / "b"):
        directory.mkdir()
        build(name).train(LINES, directory, "en")
        contents.append({file.name: file.read_bytes() for file in directory.iterdir()})
    assert contents[0] == contents[1]
    assert all("en" in file for file in contents[0])


def test_dictionaries_of_two_languages_lie_together(name: str, tmp_path: Path) -> None:
    tokenizer = build(name)
    for language, lines in (("en", LINES[::2]), ("de", LINES[1::2])):
        tokenizer.train(lines, tmp_path, language)
    for language, lines in (("en", LINES[::2]), ("de", LINES[1::2])):
        dictionary = tokenizer.load(tmp_path, language)
        assert dictionary.decode(dictionary.encode(lines[-1])) == lines[-1]


def test_awkward_lines_are_learned_from(name: str, tmp_path: Path) -> None:
    awkward = [
        "",
        " ",
        "\x00",
        "\x01",
        "tab\tbed",
        "one\u2028two",
        "\x85",
        "\ufeff",
        "</s> <pad>",
        "eins " * 20_000,
        "ß" * 99_999,
    ]
    tokenizer = build(name)
    tokenizer.train([*awkward, *LINES], tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    assert dictionary.decode(dictionary.encode(LINES[7])) == LINES[7]


def test_an_error_in_the_text_passes(name: str, tmp_path: Path) -> None:
    def lines() -> Any:
        yield from LINES
        raise DataError("train.en:7: not UTF-8")

    if name in OF_BYTES:
        build(name).train(lines(), tmp_path, "joined")
        return
    with pytest.raises(DataError, match=r"train\.en:7"):
        build(name).train(lines(), tmp_path, "joined")


@pytest.mark.parametrize("lines", [[], ["", ""]])
def test_no_text_to_learn_from(name: str, tmp_path: Path, lines: list[str]) -> None:
    if name in OF_BYTES:
        build(name).train(lines, tmp_path, "joined")
        return
    with pytest.raises(DataError, match=r"empty; check task\.train"):
        build(name).train(lines, tmp_path, "joined")


def test_missing_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*joined.*No such file"):
        build(name).load(tmp_path, "joined")


def test_damaged_files(name: str, tmp_path: Path) -> None:
    tokenizer = build(name)
    tokenizer.train(LINES, tmp_path, "joined")
    for file in list(tmp_path.iterdir()):
        whole = file.read_bytes()
        for content in (b"", b"\xff\xfe\x00\x00", b"this is no dictionary\n", whole[: len(whole) // 2] + b"\xff"):
            file.write_bytes(content)
            with pytest.raises(DataError, match=file.name):
                tokenizer.load(tmp_path, "joined")
        file.write_bytes(whole)


def test_a_dictionary_can_be_pickled(dictionary: Dictionary) -> None:
    copy = pickle.loads(pickle.dumps(dictionary))
    assert copy.encode(LINES[3]) == dictionary.encode(LINES[3])
    assert copy.fingerprint == dictionary.fingerprint


def test_nothing_is_printed(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tokenizer = build(name)
    tokenizer.train(LINES, tmp_path, "joined")
    tokenizer.load(tmp_path, "joined").encode(LINES[0])
    with contextlib.suppress(DataError):
        tokenizer.train([], tmp_path, "joined")
    assert capfd.readouterr() == ("", "")
