from pathlib import Path

import pytest

from seqtrain.data.tokenizers import Dictionary
from seqtrain.data.tokenizers.subword_nmt import Merges, SubwordNMTConfig, SubwordNMTTokenizer
from seqtrain.errors import DataError

CODES = Path(__file__).parents[3] / "fixtures" / "bpe" / "subword_nmt.codes"
TEXT = "seven hundred zweiundneunzig Maus é one"
SUBWORDS = "seven hundred zw@@ e@@ i@@ und@@ neun@@ zig M@@ a@@ u@@ s é o@@ ne"
"""By subword-nmt's own apply-bpe, from the same file."""


def trained(directory: Path, lines: list[str], sampling_alpha: float = 0.0) -> Dictionary:
    tokenizer = SubwordNMTTokenizer(SubwordNMTConfig(codes=str(CODES), sampling_alpha=sampling_alpha))
    tokenizer.train(lines, directory, "de")
    return tokenizer.load(directory, "de")


def test_subwords_are_those_of_subword_nmt(tmp_path: Path) -> None:
    assert Merges.read(CODES).split(TEXT) == SUBWORDS.split()
    dictionary = trained(tmp_path, [TEXT])
    ids = dictionary.encode(TEXT)
    assert " ".join(map(dictionary.symbol, ids)) == SUBWORDS
    assert dictionary.decode([*ids, 2]) == TEXT
    assert dictionary.decode(ids[:-1]) == "seven hundred zweiundneunzig Maus é o"
    assert dictionary.split(TEXT) == SUBWORDS.split()


def test_files_of_version_0_1(tmp_path: Path) -> None:
    (tmp_path / "codes").write_text("e n\nen </w>\nn d\nt a\n")
    found = Merges.read(tmp_path / "codes").split("hundert enden a nd taen")
    assert " ".join(found) == "h@@ u@@ nd@@ e@@ r@@ t en@@ d@@ en a nd ta@@ en"


@pytest.mark.parametrize(("alpha", "segmentations"), [(0.3, 5), (1.0, 1)])
def test_dropout(tmp_path: Path, alpha: float, segmentations: int) -> None:
    parts = {subword.removesuffix("</w>") for subword in Merges.read(CODES).scores} | set("sevnihudr")
    (tmp_path / "dict").write_text("".join(f"{part} 1\n{part}@@ 1\n" for part in sorted(parts)))
    cfg = SubwordNMTConfig(codes=str(CODES), dictionary=str(tmp_path / "dict"), sampling_alpha=alpha)
    tokenizer = SubwordNMTTokenizer(cfg)
    tokenizer.train([], tmp_path, "de")
    dictionary = tokenizer.load(tmp_path, "de")
    plain = [*dictionary.encode("seven nine"), 2, *dictionary.encode("hundred é"), 2]
    sampled = [dictionary.sample(plain, seed) for seed in range(20)]
    assert sampled == [dictionary.sample(plain, seed) for seed in range(20)]
    assert len({tuple(ids) for ids in sampled}) >= segmentations
    assert all(ids.count(2) == 2 for ids in sampled)
    assert {dictionary.decode(ids[: ids.index(2)]) for ids in sampled} == {"seven nine"}
    assert {dictionary.decode(ids[ids.index(2) :]) for ids in sampled} == {"hundred <unk>"}
    if alpha == 1.0:
        symbols = " ".join(map(dictionary.symbol, sampled[0]))
        assert symbols == "s@@ e@@ v@@ e@@ n n@@ i@@ n@@ e </s> h@@ u@@ n@@ d@@ r@@ e@@ d <unk> </s>"
        assert len({tuple(ids) for ids in sampled}) == 1


def test_the_dictionary_does_not_depend_on_dropout() -> None:
    keys = [SubwordNMTTokenizer(SubwordNMTConfig(codes="x", sampling_alpha=alpha)).key() for alpha in (0.0, 0.1)]
    assert keys[0] == keys[1] != SubwordNMTTokenizer(SubwordNMTConfig(codes="y")).key()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("#version: 0.3\na b\n", "version 0.2, or 0.1"),
        ("a b\nc\n", ":2: expected '<left> <right>', found 'c'"),
        ("", ":1:"),
        (f"a b\n{'x' * 1000}\n", r":2: expected '<left> <right>', found 'x{79}$"),
        ("a 12\nb 7\n", "codes: symbols and counts, so no file of merges; tokenizer.dictionary is for such"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "codes").write_text(content)
    with pytest.raises(DataError, match=message):
        Merges.read(tmp_path / "codes")


def test_a_dictionary_of_fairseq_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / "dict.txt").write_text("zw@@ 5\ne@@ 4\ni@@ 3\n")
    tokenizer = SubwordNMTTokenizer(SubwordNMTConfig(codes=str(CODES)))
    tokenizer.adopt(tmp_path / "dict.txt", tmp_path, "de")
    dictionary = tokenizer.load(tmp_path, "de")
    assert dictionary.encode("zweiundneunzig")[:4] == [4, 5, 6, 3]
    assert dictionary.decode([4, 5, 6]) == "zwei"


def test_extended_it_has_the_subwords_of_more_text(tmp_path: Path) -> None:
    before = trained(tmp_path, ["seven"])
    tokenizer = SubwordNMTTokenizer(SubwordNMTConfig(codes="no longer there"))
    tokenizer.extend(["seven M"], tmp_path, "de")
    after = tokenizer.load(tmp_path, "de")
    assert [after.symbol(id) for id in range(len(before), len(after))] == ["M"]
    assert after.encode("seven M") == [*before.encode("seven"), len(before)]
