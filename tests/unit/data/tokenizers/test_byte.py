from pathlib import Path

import pytest

from seqtrain.data.tokenizers.byte import ByteConfig, ByteTokenizer
from seqtrain.errors import DataError


def test_bytes_of_utf8(tmp_path: Path) -> None:
    tokenizer = ByteTokenizer(ByteConfig())
    tokenizer.train([], tmp_path, "de")
    dictionary = tokenizer.load(tmp_path, "de")
    assert len(dictionary) == 260
    assert dictionary.encode("a é\n") == [4 + 97, 4 + 32, 4 + 0xC3, 4 + 0xA9, 4 + 10]
    assert dictionary.decode([0, 4 + 97, 4 + 0xC3, 4 + 0xA9, 2, 1]) == "aé"
    assert dictionary.decode([4 + 97, 4 + 0xC3]) == "a\ufffd"
    assert [dictionary.symbol(id) for id in (2, 4, 101, 259)] == ["</s>", "<0x00>", "<0x61>", "<0xFF>"]


def test_another_dictionary_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dict.de.txt").write_text("a 1\n")
    with pytest.raises(DataError, match=r"dict\.de\.txt is no list of bytes"):
        ByteTokenizer(ByteConfig()).load(tmp_path, "de")
