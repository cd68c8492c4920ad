import json
import sys
from pathlib import Path

import pytest

from seqtrain.data.tokenizers.gpt2_bpe import BYTE_OF, GPT2BPEConfig, GPT2BPEDictionary, GPT2BPETokenizer
from seqtrain.errors import ConfigError, DataError

BPE = Path(__file__).parents[3] / "fixtures" / "bpe"
VOCAB, MERGES = BPE / "vocab.json", BPE / "merges.txt"


def test_tokens_are_those_of_another_implementation() -> None:
    # by the package tokenizers, from the same files
    expected = ["seven", "Ġhundred", "Ġ", "i", "t", "'", "s", "Ġ", "1", "2", "Ġ", "Ġf", "Ã", "¼nf", "Ġ", "Ã", "©", "Ċ"]
    dictionary = GPT2BPEDictionary.read(VOCAB, MERGES)
    ids = dictionary.encode("seven hundred it's 12  fünf é\n")
    assert [dictionary.symbol(id) for id in ids] == expected
    numbers = json.loads(VOCAB.read_text(encoding="utf-8"))
    assert ids == [numbers[token] + 3 for token in expected]  # after four symbols; the one number before is eos
    assert len(dictionary) == len(numbers) + 3
    assert dictionary.decode(ids) == "seven hundred it's 12  fünf é\n"


def test_every_byte_has_a_character() -> None:
    assert sorted(BYTE_OF.values()) == list(range(256))
    assert (BYTE_OF["a"], BYTE_OF["Ġ"], BYTE_OF["Ċ"], BYTE_OF["Ã"]) == (97, 32, 10, 0xC3)


def test_text_never_makes_the_end_of_text() -> None:
    dictionary = GPT2BPEDictionary.read(VOCAB, MERGES)
    ids = dictionary.encode("<|endoftext|>")
    assert len(ids) > 5
    assert dictionary.decode(ids) == "<|endoftext|>"


def test_dictionary_of_fairseq(tmp_path: Path) -> None:
    numbers = json.loads(VOCAB.read_text(encoding="utf-8"))
    (tmp_path / "dict.txt").write_text(f"{numbers['seven']} 9\n{numbers['Ġhundred']} 5\nmadeupword0000 0\n")
    cfg = GPT2BPEConfig(encoder_json=str(VOCAB), vocab_bpe=str(MERGES), dictionary=str(tmp_path / "dict.txt"))
    tokenizer = GPT2BPETokenizer(cfg)
    tokenizer.train([], tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    assert dictionary.encode("seven hundred nine") == [4, 5, 3, 3]
    assert dictionary.decode([4, 5, 6, 3, 2]) == "seven hundred<unk>"
    assert [dictionary.symbol(id) for id in (4, 6)] == [str(numbers["seven"]), "madeupword0000"]


def test_a_dictionary_of_fairseq_is_taken_over_if_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("1 9\n")
    files = {"encoder_json": str(VOCAB), "vocab_bpe": str(MERGES)}
    with pytest.raises(ConfigError, match=r"of .*dict\.txt: write tokenizer\.dictionary=.*/dict\.txt$"):
        GPT2BPETokenizer(GPT2BPEConfig(**files)).adopt(tmp_path / "dict.txt", tmp_path, "text")
    tokenizer = GPT2BPETokenizer(GPT2BPEConfig(**files, dictionary=str(tmp_path / "dict.txt")))
    tokenizer.adopt(tmp_path / "dict.txt", tmp_path, "text")
    assert tokenizer.load(tmp_path, "text").symbol(4) == "1"


@pytest.mark.parametrize(
    ("vocab", "merges", "message"),
    [
        ('{"a": 0}', None, "vocab.json has no token"),
        ('{"a": "0"}', None, "vocab.json: expected tokens and their numbers"),
        ('{"a": 1}', None, "vocab.json: expected tokens and their numbers"),
        ("[]", None, "vocab.json: expected tokens and their numbers"),
        (None, "#version: 0.2\na b\nc\n", r"merges.txt:3: expected '<left> <right>', two tokens from above, found 'c'"),
        (None, f"ab {'c' * 99}\n", r"merges.txt:1: expected .*, found 'ab c{76}$"),
        (None, "a b\n", "vocab.json has no token 'ab', which .*merges.txt makes"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, vocab: str | None, merges: str | None, message: str) -> None:
    for file, content in ((VOCAB, vocab), (MERGES, merges)):
        (tmp_path / file.name).write_text(content or file.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(DataError, match=message):
        GPT2BPEDictionary.read(tmp_path / VOCAB.name, tmp_path / MERGES.name)


def test_without_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ConfigError, match=r"needs the package tiktoken: pip install 'seqtrain\[gpt2\]'"):
        GPT2BPEDictionary.read(VOCAB, MERGES)
