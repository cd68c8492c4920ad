"""A run goes on with the data that it began with, or says what differs and goes no further."""

import gzip
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.data.tokenizers.sentencepiece import SentencePieceTokenizer

Call = Callable[..., Any]


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of the shared run to go on with."""
    return shutil.copytree(trained, tmp_path / "copy", symlinks=True)


def replace_lines(file: Path, changes: dict[int, str]) -> None:
    """Replace lines, counted from 1."""
    lines = file.read_text().splitlines(keepends=True)
    for number, text in changes.items():
        lines[number - 1] = text
    file.write_text("".join(lines))


def swap_ends(corpus: Path) -> None:
    """Swap the first and the last pair."""
    for file in corpus.glob("train.*"):
        lines = file.read_text().splitlines(keepends=True)
        replace_lines(file, {1: lines[-1], 260: lines[0]})


def content(run: Path) -> dict[str, str]:
    """Return the hash of each file of a run but for its log."""
    files = [file for file in run.rglob("*") if file.is_file() and file.name != "train.log"]
    return {str(file.relative_to(run)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def differing(message: str) -> list[str]:
    """Return the lines that list differences."""
    return [line.strip() for line in message.splitlines() if line.startswith("  ")]


CHANGES: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "a line of the target": (
        lambda corpus: replace_lines(corpus / "train.de", {94: "eins\n"}),
        ["train.de differs first in lines 91 to 100 of 260"],
    ),
    "two pairs in another order": (
        swap_ends,
        ["train.en differs first in lines 1 to 10 of 260", "train.de differs first in lines 1 to 10 of 260"],
    ),
    "a validation set": (
        lambda corpus: replace_lines(corpus / "valid.en", {20: "one\n"}),
        ["valid.en differs first in lines 11 to 20 of 20"],
    ),
    "lines in another order": (
        lambda corpus: replace_lines(corpus / "train.en", {12: "thirteen\n", 14: "eleven\n"}),
        ["train.en differs first in lines 11 to 20 of 260"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changed_text(call: Call, copy: Path, corpus: Path, name: str) -> None:
    change, expected = CHANGES[name]
    change(corpus)
    before = content(copy)
    message = call(f"resume={copy}", f"task.data={corpus}", "training.max_update=25").refused()
    assert message.startswith(f"the data is not that of {copy / 'checkpoints/update-00000024'}:\n")
    assert differing(message) == expected
    assert "resume_force=true" in message
    assert content(copy) == before


def test_another_number_of_pairs(call: Call, copy: Path, corpus: Path) -> None:
    for language in ("en", "de"):
        lines = (corpus / f"train.{language}").read_text().splitlines(keepends=True)
        (corpus / f"train.{language}").write_text("".join(lines[:-1]))
    message = call(f"resume={copy}", f"task.data={corpus}").refused()
    assert differing(message)[:2] == [
        f"train.{language} has 259 lines and had 260, differs first in lines 251 to 260 of 260"
        for language in ("en", "de")
    ]


def test_a_character_that_was_not_there_makes_another_dictionary(call: Call, copy: Path, corpus: Path) -> None:
    replace_lines(corpus / "train.en", {1: "zeroß" * 100 + "Ω\n"})
    message = call(f"resume={copy}", f"task.data={corpus}").refused()
    train, dictionary = differing(message)
    assert train == "train.en differs first in lines 1 to 10 of 260"
    assert dictionary.startswith("dictionary joined (SymbolDictionary) has ")
    assert " symbols and had " in dictionary


def test_a_missing_file(call: Call, copy: Path, corpus: Path) -> None:
    (corpus / "valid.de").unlink()
    before = content(copy)
    message = call(f"resume={copy}", f"task.data={corpus}", "training.max_update=25").refused()
    assert f"there is no text file {corpus / 'valid.de'} (nor valid.de.gz)" in message
    assert content(copy) == before


def test_forced(call: Call, copy: Path, corpus: Path) -> None:
    replace_lines(corpus / "train.de", {94: "eins\n"})
    resumed = call(f"resume={copy}", f"task.data={corpus}", "training.max_update=25", "resume_force=true")
    assert resumed.code == 0, resumed.err
    assert "train.de differs first in lines 91 to 100 of 260" in resumed.out
    again = call(f"resume={copy}", f"task.data={corpus}", "training.max_update=26")
    assert again.code == 0, "the run has the new data from here on"


def test_other_prefixes_by_force(call: Call, copy: Path, corpus: Path) -> None:
    for language in ("en", "de"):
        (corpus / f"old.{language}").write_bytes((corpus / f"train.{language}").read_bytes())
    resumed = call(
        *(f"resume={copy}", f"task.data={corpus}", "task.train=[old]", "training.max_update=25", "resume_force=true")
    )
    assert resumed.code == 0, resumed.err
    for line in ("train.en was there and is not", "old.en is there and was not"):
        assert line in resumed.out


@pytest.mark.parametrize("emptied", [False, True])
def test_moved_and_compressed(call: Call, copy: Path, corpus: Path, tmp_path: Path, emptied: bool) -> None:
    for file in corpus.glob("train.*"):
        (corpus / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    cache = [f"dataset.cache_dir={tmp_path / 'cache'}"] if emptied else []
    resumed = call(f"resume={copy}", f"task.data={corpus}", "training.max_update=25", *cache)
    assert resumed.code == 0, resumed.err


SUBWORDS = ["tokenizer=sentencepiece", "tokenizer.vocab_size=70", "training.max_update=3"]


def test_a_tokenizer_that_learns_otherwise(
    train: Call, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert train(*SUBWORDS).code == 0
    run, cache = tmp_path / "run", f"dataset.cache_dir={tmp_path / 'cache'}"
    assert call(f"resume={run}", "training.max_update=4", cache).code == 0, "an emptied cache gives the same"
    shutil.rmtree(tmp_path / "cache")
    learn = SentencePieceTokenizer._train
    monkeypatch.setattr(SentencePieceTokenizer, "_train", lambda self, lines: learn(self, [*lines, "xylophon " * 99]))
    (line,) = differing(call(f"resume={run}", "training.max_update=5", cache).refused())
    assert line.startswith("dictionary joined (SentencePieceDictionary) differs first in symbols ")


def test_a_tokenizer_that_encodes_otherwise(
    call: Call, copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = "seqtrain.data.tokenizers.char.CharTokenizer.split"
    learning = call(f"resume={copy}", "training.max_update=25", f"dataset.cache_dir={tmp_path / 'cache'}")
    assert learning.code == 0, learning.err
    for tokens in (tmp_path / "cache").glob("tokens-*"):
        shutil.rmtree(tokens)
    monkeypatch.setattr(split, lambda self, text: list(text.replace("y", "i")))
    message = call(f"resume={copy}", "training.max_update=26", f"dataset.cache_dir={tmp_path / 'cache'}").refused()
    assert differing(message) == ["token ids of train differs", "token ids of valid differs"]
