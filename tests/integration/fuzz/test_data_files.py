"""Token stores, dictionaries and cache entries that are damaged."""

import hashlib
import json
import logging
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.data.cache import cached
from seqtrain.data.store import TokenStore
from seqtrain.data.tokenizers.char import CharConfig, CharTokenizer
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import DataError

Mutate = Callable[[random.Random, bytes], bytes]
Change = Callable[[random.Random, Any], Any]

SENTENCES = [[5, 6, 2], [2], [7, 8, 9, 10, 2], [4, 2], *([n % 8 + 4, 2] for n in range(50))]
OTHERS = [[6, 5, 2], [2], [7, 8, 9, 10, 2], [4, 2], *([n % 7 + 4, 2] for n in range(50))]
FILES = ("tokens.npy", "offsets.npy", "store.json")


def sentences(directory: Path) -> list[list[int]]:
    """Return what a store holds, once it has been found whole."""
    store = TokenStore(directory)
    store.verify()
    return [store[number].tolist() for number in range(len(store))]


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Path, Path]:
    """Two stores of the same size."""
    for name, content in (("one", SENTENCES), ("other", OTHERS)):
        (tmp_path / name).mkdir()
        TokenStore.write(tmp_path / name, content, vocab_size=12)
    return tmp_path / "one", tmp_path / "other"


def test_a_damaged_store(seeds: range, stores: tuple[Path, Path], mutate: Mutate) -> None:
    one, other = stores
    for seed in seeds:
        rng, name = random.Random(seed), FILES[seed % 3]
        before = (one / name).read_bytes()
        damaged = (other / rng.choice(FILES)).read_bytes() if seed % 10 == 0 else mutate(rng, before)
        (one / name).write_bytes(damaged)
        try:
            # Whitespace in the JSON is no damage.
            assert sentences(one) == SENTENCES and (name == "store.json" or damaged == before), (name, seed)
        except DataError as error:
            assert str(one) in str(error)
        (one / name).write_bytes(before)


def test_a_strangers_store(seeds: range, stores: tuple[Path, Path], change: Change) -> None:
    directory, _ = stores
    index = json.loads((directory / "store.json").read_text())
    del index["fingerprint"]
    for seed in seeds:
        theirs = change(random.Random(seed), index)
        if isinstance(theirs, dict):
            theirs["fingerprint"] = hashlib.sha256(json.dumps(theirs, sort_keys=True).encode()).hexdigest()
        (directory / "store.json").write_text(json.dumps(theirs))
        try:
            assert sentences(directory) == SENTENCES, seed
        except DataError as error:
            assert str(directory) in str(error)


def test_a_damaged_dictionary(seeds: range, tmp_path: Path, mutate: Mutate) -> None:
    words, characters = WhitespaceTokenizer(WhitespaceConfig()), CharTokenizer(CharConfig())
    file = tmp_path / "dict.de.txt"
    for seed in seeds:
        tokenizer = (words, characters)[seed % 2]
        tokenizer.train(["zwei und zwanzig", "drei und dreißig", "fünf ￿ ▁"], tmp_path, "de")
        file.write_bytes(mutate(random.Random(seed), file.read_bytes()))
        try:
            dictionary = tokenizer.load(tmp_path, "de")
            ids = dictionary.encode("zwei </s> und vier")
            assert all(3 <= id < len(dictionary) for id in ids), seed
            assert dictionary.encode(dictionary.decode(range(4, len(dictionary)))), seed
            symbols = [dictionary.symbol(id) for id in range(len(dictionary))]
            assert symbols[:4] == ["<s>", "<pad>", "</s>", "<unk>"] and all(symbols), seed
        except DataError as error:
            assert str(file) in str(error), seed


def test_a_damaged_cache_entry(seeds: range, tmp_path: Path, mutate: Mutate, caplog: pytest.LogCaptureFixture) -> None:
    def make(directory: Path) -> None:
        (directory / "dict.txt").write_text("zwei 2\ndrei 3\n")
        (directory / "folder").mkdir()
        (directory / "folder/model").write_bytes(bytes(range(256)))

    caplog.set_level(logging.WARNING)
    entry = cached(tmp_path, "dictionary", {"text": "1"}, make)
    other = cached(tmp_path, "dictionary", {"text": "2"}, make)
    whole = {p.relative_to(entry): p.read_bytes() for p in entry.rglob("*") if p.is_file()}
    for seed in seeds:
        rng = random.Random(seed)
        file = rng.choice(sorted(whole))
        damaged = mutate(rng, whole[file])
        (entry / file).write_bytes(damaged)
        if seed % 10 == 0:
            shutil.rmtree(entry)
            shutil.copytree(other, entry)
        caplog.clear()
        assert cached(tmp_path, "dictionary", {"text": "1"}, make) == entry
        found = {p.relative_to(entry): p.read_bytes() for p in entry.rglob("*") if p.is_file()}
        harmless = file.name == "manifest.json" and not caplog.messages
        assert found == (whole | {file: damaged} if harmless else whole), seed
        assert harmless or damaged == whole[file] or "this part of the cache is made again" in caplog.text, seed
        (entry / file).write_bytes(whole[file])
