import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from seqtrain.data.tokenizers.char import CharConfig, CharTokenizer


def test_characters_with_spaces(tmp_path: Path) -> None:
    tokenizer = CharTokenizer(CharConfig())
    tokenizer.train(["zwölf  a"], tmp_path, "de")
    assert (tmp_path / "dict.de.txt").read_text(encoding="utf-8") == "  2\na 1\nf 1\nl 1\nw 1\nz 1\nö 1\n"
    dictionary = tokenizer.load(tmp_path, "de")
    assert dictionary.encode(" öx") == [4, 10, 3]
    assert dictionary.decode([4, 4, 10, 3]) == "  ö<unk>"


def test_threshold(tmp_path: Path) -> None:
    tokenizer = CharTokenizer(CharConfig(threshold=2))
    tokenizer.train(["aab"], tmp_path, "de")
    assert tokenizer.load(tmp_path, "de").encode("ab") == [4, 3]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1))
def test_any_text_survives(lines: list[str]) -> None:
    if not any(lines):
        return
    with tempfile.TemporaryDirectory() as directory:
        tokenizer = CharTokenizer(CharConfig())
        tokenizer.train(lines, Path(directory), "x")
        dictionary = tokenizer.load(Path(directory), "x")
    for line in lines:
        assert dictionary.decode(dictionary.encode(line)) == line
