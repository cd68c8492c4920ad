import pickle
from pathlib import Path

import pytest
import torch

from seqtrain.data.tags import TaggedDictionary, old_ids, tagged
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceDictionary, SentencePieceTokenizer
from seqtrain.errors import ConfigError
from seqtrain.testing.toy import ToyDictionary

WORDS = ToyDictionary(["a", "b"])


def test_tags_stand_after_the_other_symbols() -> None:
    dictionary = TaggedDictionary(WORDS, ["<BT>", "<de>"])
    assert dictionary.tags == {"<BT>": 6, "<de>": 7}
    assert len(dictionary) == 8
    assert [dictionary.symbol(id) for id in range(8)] == ["<s>", "<pad>", "</s>", "<unk>", "a", "b", "<BT>", "<de>"]


def test_text_never_makes_a_tag_and_tags_never_make_text() -> None:
    dictionary = TaggedDictionary(WORDS, ["<BT>"])
    assert dictionary.encode("<BT> a") == [3, 4]
    assert dictionary.encode_lines(["a b", "<BT>"]) == [[4, 5], [3]]
    assert dictionary.decode([6, 4, 6, 5, 2]) == "a b"


def test_tags_are_no_text() -> None:
    dictionary = TaggedDictionary(WORDS, ["<BT>"])
    found = dictionary.is_text(torch.tensor([[0, 1, 2, 3], [4, 5, 6, 2]]))
    assert found.tolist() == [[False, False, False, True], [True, True, False, False]]
    assert dictionary.split("<BT> a") == WORDS.split("<BT> a") == ["<unk>", "a"]


def test_the_fingerprint_covers_symbols_and_tags() -> None:
    variants = [(WORDS, ["x"]), (WORDS, ["y"]), (WORDS, ["x", "y"]), (WORDS, ["y", "x"]), (ToyDictionary(["a"]), ["x"])]
    assert len({TaggedDictionary(*variant).fingerprint for variant in variants}) == 5
    described = TaggedDictionary(WORDS, ["x"]).describe()
    assert (described.size, described.sha256) == (7, TaggedDictionary(WORDS, ["x"]).fingerprint)


def test_pickled_it_is_the_same() -> None:
    dictionary = TaggedDictionary(WORDS, ["<BT>"])
    assert pickle.loads(pickle.dumps(dictionary)).fingerprint == dictionary.fingerprint


@pytest.mark.parametrize("tags", [["x", "x"], ["x", ""]])
def test_tags_that_are_none(tags: list[str]) -> None:
    with pytest.raises(ConfigError, match="must be different and not empty"):
        TaggedDictionary(WORDS, tags)


def test_without_tags_a_dictionary_stays_as_it_is() -> None:
    assert tagged(WORDS, []) is WORDS
    assert isinstance(tagged(WORDS, ["x"]), TaggedDictionary)


def sampling(directory: Path, alpha: float) -> TaggedDictionary:
    tokenizer = SentencePieceTokenizer(SentencePieceConfig(vocab_size=24, sampling_alpha=alpha))
    tokenizer.train(["banana bandana", "cabana and banana"] * 20, directory, "joined")
    plain = tokenizer.load(directory, "joined")
    assert isinstance(plain, SentencePieceDictionary)
    return TaggedDictionary(plain, ["<BT>", "<de>"])


def test_sampling_keeps_tags_where_they_are(tmp_path: Path) -> None:
    dictionary = sampling(tmp_path, 0.5)
    assert dictionary.samples
    bt, de = dictionary.tags.values()
    text = dictionary.encode("banana bandana")
    sampled = [dictionary.sample([bt, *text, 2, de, *text, 2, de, bt, *text, 2], seed) for seed in range(20)]
    assert len(set(map(tuple, sampled))) > 10
    for ids in sampled:
        first, second, third, end = " ".join("E" if id == 2 else str(id) for id in ids).split("E")
        assert (first.split()[0], second.split()[0], third.split()[:2], end) == (
            str(bt), str(de), [str(de), str(bt)], "",
        )  # fmt: skip
        assert dictionary.decode(map(int, second.split())) == "banana bandana"
        assert [id for id in ids if id > 23] == [bt, de, de, bt]


def test_between_tags_it_samples_as_it_does_without(tmp_path: Path) -> None:
    dictionary = sampling(tmp_path, 0.5)
    ids = [*dictionary.encode("banana bandana"), 2]
    assert dictionary.sample(ids, 7) == dictionary.plain.sample(ids, 7)
    assert not sampling(tmp_path, 0.0).samples


@pytest.mark.parametrize(
    ("words", "tags", "old"),
    [
        (["a", "b"], ["<BT>", "<de>"], [*range(6), 6, 7]),
        (["a", "b", "c"], ["<BT>", "<de>"], [*range(6), -1, 6, 7]),
        (["a", "b"], ["<de>", "<fr>"], [*range(6), 7, -1]),
        (["a", "b", "<de>"], [], [*range(6), -1]),
    ],
)
def test_a_tag_is_the_same_by_its_name_and_all_else_by_its_id(
    words: list[str], tags: list[str], old: list[int]
) -> None:
    assert old_ids(tagged(ToyDictionary(words), tags), tagged(WORDS, ["<BT>", "<de>"])) == old


@pytest.mark.parametrize(("words", "now"), [(["b", "a"], "'b'"), ([], "nothing")])
def test_an_id_that_stands_for_something_else(words: list[str], now: str) -> None:
    with pytest.raises(ConfigError, match=f"^id 4 stood for 'a' and stands for {now}$"):
        old_ids(ToyDictionary(words), WORDS)
