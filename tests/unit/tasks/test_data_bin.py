"""Tasks read from fairseq's ids what they read from the text that these stand for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqtrain.base import Batch, PlanSpec, Task
from seqtrain.data.cuts import BreakMode
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig
from seqtrain.errors import DataError
from seqtrain.plugins import import_builtin
from seqtrain.tasks.language_modeling import LanguageModelingConfig, LanguageModelingTask
from seqtrain.tasks.multilingual_translation import MultilingualTranslationConfig, MultilingualTranslationTask
from seqtrain.tasks.translation import TranslationConfig, TranslationTask
from tests.fairseq_format import binarize, preprocess, write_bin, write_dictionary

import_builtin()

LINES = {"train": ["b b a", "", "a c b", "c"], "train1": ["c b a"], "valid": ["c a"], "test": ["b a"]}
PLAN = PlanSpec(max_sentences=2, seed=3)


def write_monolingual(directory: Path, lines: dict[str, list[str]], symbols: list[str]) -> None:
    directory.mkdir(exist_ok=True)
    for prefix, mine in lines.items():
        write_bin(directory / prefix, binarize(mine, symbols))


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """The lines, as text and in ``first``, and once more with other training lines in ``second``."""
    (tmp_path / "text").mkdir()
    for prefix, lines in LINES.items():
        (tmp_path / f"text/{prefix}.txt").write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "first").mkdir()
    symbols = write_dictionary(tmp_path / "first/dict.txt", [*LINES["train"], *LINES["train1"]])
    write_monolingual(tmp_path / "first", LINES, symbols)
    write_monolingual(tmp_path / "second", {"train": ["c c", "b"]}, symbols)
    return tmp_path / "text"


def language_modeling(data: object, **options: Any) -> LanguageModelingTask:
    values = {"tokens_per_sample": 4, "cache_dir": str(options.pop("cache")), **options}
    tokenizer = WhitespaceConfig(padding_factor=8)
    task = LanguageModelingTask(LanguageModelingConfig(data=str(data), tokenizer=tokenizer, **values))
    task.prepare()
    return task


def batches(task: Task[Any], epoch: int = 1) -> list[Batch]:
    dataset = task.training_dataset(epoch=epoch, seed=3)
    return list(task.get_batch_iterator(dataset, epoch=epoch, plan=PLAN))


def tensors(found: list[Batch]) -> list[list[list[int]]]:
    return [x.tolist() for batch in found for x in (batch.target, *batch.net_input.values())]


def test_a_language_model(text: Path, tmp_path: Path) -> None:
    ids = language_modeling(tmp_path / "first", cache=tmp_path)
    same = language_modeling(text, cache=tmp_path, train=["train", "train1"])
    assert ids.info.source_dictionary.fingerprint == same.info.source_dictionary.fingerprint
    assert tensors(batches(ids)) == tensors(batches(same))
    for split in ("valid", "test"):
        assert ids.counts(split) == same.counts(split)
    assert {"train", "train1", "valid", "dictionary text (SymbolDictionary)"} <= ids.fingerprints().keys()
    assert ids.places("train", [0, 3]) == [f"{tmp_path / 'first'}/{name}" for name in ("train.bin:1", "train1.bin:1")]


def test_directories_take_turns_in_a_language_model(text: Path, tmp_path: Path) -> None:
    task = language_modeling(f"{tmp_path / 'first'}:{tmp_path / 'second'}", cache=tmp_path)
    epochs = [[id for batch in batches(task, epoch) for id in batch.ids.tolist()] for epoch in (1, 2, 3)]
    blocks = np.split(np.arange(len(task.dataset("train"))), [4])  # the first directory has 15 of the 20 tokens
    assert [sorted(epoch) for epoch in epochs] == [blocks[0].tolist(), blocks[1].tolist(), blocks[0].tolist()]
    assert "train in directory 2" in task.fingerprints()


def test_each_directory_goes_on_where_it_stopped(text: Path, tmp_path: Path) -> None:
    write_bin(tmp_path / "first/train", [[4, 2]] * 19)  # train1 has one more
    data = f"{tmp_path / 'first'}:{tmp_path / 'second'}"
    task = language_modeling(data, cache=tmp_path, sample_break_mode=BreakMode.eos, epoch_size=5)
    epochs = [[id for batch in batches(task, epoch) for id in batch.ids.tolist()] for epoch in range(1, 8)]
    assert sorted(id for epoch in epochs[::2] for id in epoch) == list(range(20))
    assert [set(epoch) for epoch in epochs[1::2]] == [{20, 21}] * 3


def test_a_share_of_the_training_data(text: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"valid": [], "valid_share": 0.3, "cache": tmp_path}
    ids = language_modeling(tmp_path / "first", **options)
    same = language_modeling(text, train=["train", "train1"], **options)
    assert tensors(batches(ids)) == tensors(batches(same))
    assert ids.counts("valid") == same.counts("valid")


def test_an_id_beyond_the_dictionary_in_a_language_model(text: Path, tmp_path: Path) -> None:
    write_bin(tmp_path / "first/train1", [[4, 2], [100, 2]])
    task = language_modeling(tmp_path / "first", cache=tmp_path)
    with pytest.raises(DataError, match=r"train1.bin: sentence 2, counted from 1, has the id 100, and"):
        batches(task)


@pytest.mark.parametrize("pair", [("en", "de"), ("de", "en")])
def test_translation(tmp_path: Path, pair: tuple[str, str]) -> None:
    (tmp_path / "text").mkdir()
    for prefix, lines in LINES.items():
        (tmp_path / f"text/{prefix}.en").write_text("".join(f"{line}\n" for line in lines))
        (tmp_path / f"text/{prefix}.de").write_text("".join(f"{line} b\n" for line in lines))
    preprocess(tmp_path / "text", tmp_path / "ids", ("en", "de"))
    tasks = []
    for data, train in (("ids", ["train"]), ("text", ["train", "train1"])):
        cfg = TranslationConfig(
            data=str(tmp_path / data),
            train=train,
            source_lang=pair[0],
            target_lang=pair[1],
            joined_dictionary=False,
            tokenizer=WhitespaceConfig(padding_factor=8),
            cache_dir=str(tmp_path),
        )
        tasks.append(TranslationTask(cfg))
        tasks[-1].prepare()
    ids, same = tasks
    assert tensors(batches(ids)) == tensors(batches(same))
    assert ids.text("valid") == same.text("valid")
    part = ids.places("train", [4])
    assert len(ids.dataset("train")) == 4, "the empty pair is left out"
    assert part == [f"{tmp_path}/ids/train1.en-de.{pair[0]}.bin:1"]
    assert torch.equal(batches(ids)[0].ids, batches(same)[0].ids)


@pytest.fixture
def ids(tmp_path: Path) -> str:
    """Pairs of the same lines."""
    (tmp_path / "text").mkdir()
    for prefix, lines in LINES.items():
        for language in ("en", "de"):
            (tmp_path / f"text/{prefix}.{language}").write_text("".join(f"{line}\n" for line in lines))
    preprocess(tmp_path / "text", tmp_path / "ids", ("en", "de"), joined=True)
    return str(tmp_path / "ids")


def test_alignments_of_directories_that_take_turns(ids: str, tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    write_bin(tmp_path / "second/train.en-de.en", [[4, 5, 2]])
    write_bin(tmp_path / "second/train.en-de.de", [[4, 5, 6, 2]])
    for name, lines in {"ids/train": "0-1\n\n1-0\n\n", "ids/train1": "2-1\n", "second/train": "1-2\n"}.items():
        (tmp_path / f"{name}.align.en-de").write_text(lines)
    cfg = TranslationConfig(data=f"{ids}:{tmp_path / 'second'}", tokenizer=WhitespaceConfig(), load_alignments=True)
    task = TranslationTask(replace(cfg, cache_dir=str(tmp_path), valid=["train"]))
    task.prepare()
    dataset, valid = task.dataset("train"), task.dataset("valid")
    found = [dataset.collate(np.array([number])).alignments for number in (0, 4, 5)]
    assert [links.tolist() for links in found if links is not None] == [[[[0, 1]]], [[[2, 1]]], [[[1, 2]]]]
    assert {"train.align.en-de", "train1.align.en-de", "train.align.en-de in directory 2"} <= task.fingerprints().keys()
    assert (len(dataset.source), len(valid)) == (6, 4), "what one trains on is validated on as the one file that it is"


def test_weights_and_tags(ids: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"train": ["train", "train1"], "train_weights": [1, 2], "source_tags": ["", "<BT>"]}
    cfg = TranslationConfig(data=ids, tokenizer=WhitespaceConfig(), **options)
    task = TranslationTask(replace(cfg, cache_dir=str(tmp_path)))
    task.prepare()
    tag = len(task.dictionaries[0])
    found = [row for batch in batches(task) for row in batch.net_input["source_tokens"].tolist()]
    assert sorted(len(row) - row.count(1) for row in found) == [2, 4, 4, 5, 5]
    assert [row[0] for row in found].count(tag) == 2, "the second set comes twice and is tagged"
    assert task.text("valid") == (["c a"], ["c a"])


def test_several_pairs(ids: str, tmp_path: Path) -> None:
    cfg = MultilingualTranslationConfig(data=ids, tokenizer=WhitespaceConfig())
    task = MultilingualTranslationTask(replace(cfg, cache_dir=str(tmp_path)))
    task.prepare()
    found = [row for batch in batches(task) for row in batch.net_input["source_tokens"].tolist()]
    assert len(found) == 2 * 4, "two directions of three pairs and one of train1"
    assert {row[0] for row in found} == {task.tag_id("<en>"), task.tag_id("<de>")}
    assert task.text("valid.de-en") == (["c a"], ["c a"])
    assert {"train.en-de.en", "train1.en-de.de", "valid.en-de.de"} <= task.fingerprints().keys()


def test_text_of_a_pair_is_joined_by_the_rules_of_its_languages(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    for prefix in LINES:
        for language in ("en", "de"):
            (tmp_path / f"text/{prefix}.{language}").write_text("it 's a\n")
    preprocess(tmp_path / "text", tmp_path / "ids", ("en", "de"), joined=True)
    tokenizer = WhitespaceConfig(moses=True, moses_no_escape=True)
    cfg = MultilingualTranslationConfig(data=str(tmp_path / "ids"), tokenizer=tokenizer)
    task = MultilingualTranslationTask(replace(cfg, cache_dir=str(tmp_path)))
    task.prepare()
    assert task.text("valid.en-de") == (["it's a"], ["it 's a"])
    assert task.text("valid.de-en") == (["it 's a"], ["it's a"])


def test_a_data_bin_brings_the_new_symbols(text: Path, tmp_path: Path) -> None:
    trained = language_modeling(tmp_path / "first", cache=tmp_path / "cache")
    (tmp_path / "saved").mkdir()
    trained.save(tmp_path / "saved")
    symbols = [line.split()[0] for line in (tmp_path / "first/dict.txt").read_text().splitlines()]
    (tmp_path / "third").mkdir()
    (tmp_path / "third/dict.txt").write_text("".join(f"{symbol} 1\n" for symbol in [*symbols, "new"]))
    write_monolingual(tmp_path / "third", {"train": ["a new"], "valid": ["b"]}, [*symbols, "new"])
    cfg = LanguageModelingConfig(data=str(tmp_path / "third"), tokenizer=trained.cfg.tokenizer)
    task = LanguageModelingTask(replace(cfg, tokens_per_sample=4, cache_dir=str(tmp_path / "cache")))
    task.load(tmp_path / "saved")
    with pytest.raises(DataError, match="is not the dictionary of the model"):
        task.prepare()
    task.extend_vocabulary()
    task.prepare()
    dictionary = task.info.source_dictionary
    assert dictionary.symbol(len(dictionary) - 1) == "new"
    assert len(dictionary) == len(trained.info.source_dictionary) + 1
