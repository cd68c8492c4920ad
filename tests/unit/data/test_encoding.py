from pathlib import Path

import numpy as np
import pytest

from seqtrain.data import encoding
from seqtrain.data.encoding import index, lines_of, sample
from seqtrain.data.number_names import german
from seqtrain.data.store import Tokens
from seqtrain.data.tokenizers import Dictionary
from seqtrain.data.tokenizers._symbols import SymbolDictionary
from seqtrain.data.tokenizers.sentencepiece import ModelType, SentencePieceConfig, SentencePieceTokenizer
from seqtrain.errors import DataError

LINES = ["", *(german(number) for number in range(0, 900_000, 3001))]
ALL = np.arange(len(LINES))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for name, lines in (("a", LINES[:100]), ("b", LINES[100:])):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return [tmp_path / "a", tmp_path / "b"]


@pytest.fixture(params=list(ModelType))
def dictionary(request: pytest.FixtureRequest, tmp_path: Path) -> Dictionary:
    alpha = 0.2 if request.param == ModelType.bpe else 0.02
    cfg = SentencePieceConfig(vocab_size=80, model_type=request.param, sampling_alpha=alpha)
    tokenizer = SentencePieceTokenizer(cfg)
    tokenizer.train(LINES, tmp_path, "joined")
    return tokenizer.load(tmp_path, "joined")


@pytest.fixture
def plain(files: list[Path], dictionary: Dictionary, tmp_path: Path) -> Tokens:
    return index(files, dictionary, tmp_path / "cache")


def sentences(tokens: Tokens) -> list[list[int]]:
    return [tokens[number].tolist() for number in range(len(tokens))]


def test_files_follow_each_other(files: list[Path]) -> None:
    assert list(lines_of(files)) == LINES


def test_the_index_is_the_plain_encoding(plain: Tokens, dictionary: Dictionary) -> None:
    assert sentences(plain) == [[*dictionary.encode(line), 2] for line in LINES]


def test_a_sample_depends_on_its_arguments_alone(plain: Tokens, dictionary: Dictionary) -> None:
    first = sample(plain, ALL, dictionary, 1, 2, 0)
    again = sample(plain, ALL, dictionary, 1, 2, 0)
    assert (again.tokens[:].tobytes(), again.offsets.tobytes()) == (first.tokens[:].tobytes(), first.offsets.tobytes())
    assert again.fingerprint == first.fingerprint
    for other in ((1, 3, 0), (2, 2, 0), (1, 2, 1)):
        assert sample(plain, ALL, dictionary, *other).fingerprint != first.fingerprint


def test_a_sample_is_the_same_text(plain: Tokens, dictionary: Dictionary) -> None:
    sampled = sample(plain, ALL, dictionary, 1, 1, 0)
    assert [dictionary.decode(ids) for ids in sentences(sampled)] == LINES
    assert all(ids[-1] == 2 for ids in sentences(sampled))
    assert sentences(sampled) != sentences(plain)


def test_a_sample_is_kept_in_few_bytes(plain: Tokens, dictionary: Dictionary) -> None:
    sampled = sample(plain, ALL, dictionary, 1, 1, 0)
    assert (sampled.tokens.dtype, sampled.lengths.dtype) == (np.dtype("<u2"), np.dtype(np.int32))


def test_windows_are_sampled_apart(dictionary: Dictionary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "WINDOW", 8)
    same = Tokens.from_sentences([[*dictionary.encode(LINES[-1]), 2]] * 100)
    sampled = sentences(sample(same, np.arange(100), dictionary, 1, 1, 0))
    windows = [sampled[first : first + 8] for first in range(0, 100, 8)]
    assert all(window != windows[0] for window in windows[1:])
    assert len(sampled) == 100


def test_no_sentences(dictionary: Dictionary) -> None:
    assert len(sample(Tokens.from_sentences([]), np.arange(0), dictionary, 1, 1, 0)) == 0


def test_a_dictionary_that_loses_ends_of_sentences() -> None:
    class Losing(SymbolDictionary):
        def sample(self, ids: object, seed: int) -> list[int]:
            return [4, 2, 4]

    with pytest.raises(DataError, match=r"Losing\.sample\(\) does not keep the 2 ends of sentences"):
        sample(Tokens.from_sentences([[4, 2], [4, 2]]), np.arange(2), Losing(["a"], str.split, " "), 1)


def test_some_sentences_some_of_them_twice(plain: Tokens, dictionary: Dictionary) -> None:
    sampled = sentences(sample(plain, np.array([7, 3, 7, 7, 120]), dictionary, 1, 1, 0))
    assert [dictionary.decode(ids) for ids in sampled] == [LINES[number] for number in (7, 3, 7, 7, 120)]
    assert sampled[0] != sampled[2] or sampled[2] != sampled[3]
