from pathlib import Path

import pytest
import torch

from seqtrain.base import PlanSpec, Task
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.plugins import import_builtin
from seqtrain.tasks.translation import TranslationConfig, TranslationTask

import_builtin()

TEXT = {
    "train.en": "ab\na\n", "train.de": "xy\nx\n",
    "more.en": "b\n", "more.de": "y\n",
    "valid.en": "a\n\n", "valid.de": "x\ny\n",
    "test.en": "b\n", "test.de": "y\n",
}  # fmt: skip


def make(tmp_path: Path, *, prepare: bool = True, **options: object) -> TranslationTask:
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    for name, text in TEXT.items():
        (data / name).write_text(text)
    values = {"data": str(data), "tokenizer": CharConfig(), "cache_dir": str(tmp_path / "cache"), **options}
    task = TranslationTask(TranslationConfig(**values))  # type: ignore[arg-type]  # values of several types
    if prepare:
        task.prepare()
    return task


def test_building_reads_nothing(tmp_path: Path) -> None:
    make(tmp_path, prepare=False, data="nowhere")
    assert not (tmp_path / "cache").exists()


def test_a_joint_dictionary_is_one_object(tmp_path: Path) -> None:
    info = make(tmp_path).info
    assert info.source_dictionary is info.target_dictionary
    assert len(info.source_dictionary) == 4 + len("abxy")


def test_a_dictionary_for_each_language(tmp_path: Path) -> None:
    info = make(tmp_path, joined_dictionary=False).info
    assert (len(info.source_dictionary), len(info.target_dictionary)) == (4 + len("ab"), 4 + len("xy"))
    assert info.source_dictionary.encode("x") == [info.source_dictionary.unk]


def test_batches(tmp_path: Path) -> None:
    task = make(tmp_path, joined_dictionary=False)
    (batch,) = task.get_batch_iterator(task.dataset("train"), epoch=1, plan=PlanSpec(max_sentences=2, shuffle=False))
    rows = {int(id): row for row, id in enumerate(batch.ids)}
    # a = 4 is the more frequent one, then b; eos = 2, pad = 1.
    assert batch.net_input["source_tokens"][rows[0]].tolist() == [4, 5, 2]
    assert batch.net_input["source_tokens"][rows[1]].tolist() == [4, 2, 1]
    assert batch.net_input["prev_output_tokens"][rows[0]].tolist() == [2, 4, 5]
    assert batch.target[rows[1]].tolist() == [4, 2, 1]
    assert (batch.ntokens, batch.nsentences) == (5, 2)


def test_several_prefixes(tmp_path: Path) -> None:
    task = make(tmp_path, train=["train", "more"], valid=["valid", "test"])
    assert len(task.dataset("train")) == 3
    assert task.splits("valid") == ["valid", "valid1"]
    assert task.text("valid1") == (["b"], ["y"])


def test_no_sentence_of_a_validation_set_is_dropped(tmp_path: Path) -> None:
    assert len(make(tmp_path).dataset("valid")) == 2


@pytest.mark.parametrize("split", ["dev", "valid1", "test0", "train1", "valid-1", ""])
def test_no_such_split(tmp_path: Path, split: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no split .*; there are: train, valid, test"):
        make(tmp_path).dataset(split)


def test_the_same_dataset_each_time(tmp_path: Path) -> None:
    task = make(tmp_path)
    assert task.dataset("train") is task.dataset("train")


def test_saved_and_loaded_without_the_data(tmp_path: Path) -> None:
    task = make(tmp_path)
    (tmp_path / "checkpoint").mkdir()
    task.save(tmp_path / "checkpoint")
    loaded = TranslationTask(TranslationConfig(data="gone", tokenizer=CharConfig(), cache_dir="gone"))
    loaded.load(tmp_path / "checkpoint")
    assert loaded.info.source_dictionary.fingerprint == task.info.source_dictionary.fingerprint
    batch = loaded.inference_dataset(["ab"]).collate(torch.tensor([0]).numpy())
    a, b = loaded.info.source_dictionary.encode("ab")
    assert batch.net_input["source_tokens"].tolist() == [[a, b, 2]]


def test_changed_text_is_another_entry_in_the_cache(tmp_path: Path) -> None:
    first = make(tmp_path).dataset("train").fingerprint
    entries = set((tmp_path / "cache").iterdir())

    task = make(tmp_path, prepare=False)
    (tmp_path / "data" / "train.de").write_text("xx\ny\n")
    task.prepare()
    assert task.dataset("train").fingerprint != first
    assert entries < set((tmp_path / "cache").iterdir())


def test_another_builtin_corpus(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the one built-in corpus is builtin:number_names"):
        make(tmp_path, data="builtin:letters")


def test_a_language_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"with this prefix there are train.de, train.en; check task.source_lang"):
        make(tmp_path, target_lang="fr")


def test_places_of_sentences(tmp_path: Path) -> None:
    task = make(tmp_path, train=["train", "more"])
    data = tmp_path / "data"
    assert task.places("train", [2, 0]) == [f"{data}/more.en:1", f"{data}/train.en:1"]
    assert Task.places(task, "train", [7]) == ["sentence 7 of train"]
