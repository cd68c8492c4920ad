import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqtrain.base import PlanSpec
from seqtrain.data.blocks import BlockDataset, Target
from seqtrain.data.cuts import BreakMode
from seqtrain.data.number_names import english
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.plugins import import_builtin
from seqtrain.tasks.language_modeling import LanguageModelingConfig, LanguageModelingTask

import_builtin()

TEXT = {"train.txt": "ab a\nb\n\naa b\n", "more": "bab\n", "valid.txt": "ab\n\nöb ab\n", "test.txt": "a\n"}
"""Two documents to train on; a letter of validation is unknown, and of two bytes."""


def make(tmp_path: Path, *, prepare: bool = True, **options: object) -> LanguageModelingTask:
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    for name, text in TEXT.items():
        (data / name).write_text(text)
    values = {
        "data": str(data), "tokenizer": CharConfig(), "cache_dir": str(tmp_path / "cache"), "tokens_per_sample": 4,
        **options,
    }  # fmt: skip
    task = LanguageModelingTask(LanguageModelingConfig(**values))  # type: ignore[arg-type]  # values of several types
    if prepare:
        task.prepare()
    return task


def epoch_of(task: LanguageModelingTask, epoch: int, seed: int) -> BlockDataset:
    """Return what an epoch sees, where that is all."""
    dataset = task.training_dataset(epoch=epoch, seed=seed)
    assert isinstance(dataset, BlockDataset)
    return dataset


def written(task: LanguageModelingTask, split: str = "train", dataset: BlockDataset | None = None) -> list[str]:
    """Return the targets of blocks, ends of lines as $."""
    dataset = dataset or task.dataset(split)
    dictionary = task.info.source_dictionary
    symbols = {1: "", 2: "$", 3: "?", **{id: dictionary.symbol(id) for id in range(4, len(dictionary))}}
    rows = (dataset.collate(np.array([id])).target[0].tolist() for id in dataset.ids)
    return ["".join(symbols[id] for id in row) for row in rows]


def test_building_reads_nothing(tmp_path: Path) -> None:
    make(tmp_path, prepare=False, data="nowhere")
    assert not (tmp_path / "cache").exists()


def test_one_dictionary(tmp_path: Path) -> None:
    info = make(tmp_path, max_target_positions=9).info
    assert info.source_dictionary is info.target_dictionary
    assert len(info.source_dictionary) == 4 + len("ab ")  # a newline is the end of a line, no symbol of its own
    assert info.max_positions == (9, 9)
    assert info.decoding_start == info.source_dictionary.eos


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (BreakMode.none, ["ab a", "$b$$", "aa b", "$"]),
        (BreakMode.complete, ["ab a", "$", "b$$", "aa b", "$"]),
        (BreakMode.complete_doc, ["ab a", "$", "b$", "aa b", "$"]),
        (BreakMode.eos, ["ab a", "$", "b$", "$", "aa b", "$"]),
    ],
)
def test_a_text_in_blocks(tmp_path: Path, mode: BreakMode, expected: list[str]) -> None:
    assert written(make(tmp_path, sample_break_mode=mode)) == expected


def test_characters_of_a_file_and_predictions_are_the_same_number(tmp_path: Path) -> None:
    task = make(tmp_path)
    assert "".join(written(task)) == TEXT["train.txt"].replace("\n", "$")
    assert task.counts("train")["tokens"] == task.counts("train")["characters"] == len(TEXT["train.txt"])


def test_several_files_and_names_of_files(tmp_path: Path) -> None:
    task = make(tmp_path, train=["train", "more"], valid=["valid", "test.txt"])
    assert "".join(written(task)) == "ab a$b$$aa b$bab$"
    assert task.splits("valid") == ["valid", "valid1"]
    assert written(task, "valid1") == ["a$"]
    assert list(task.fingerprints()) == [
        "train", "more", "valid", "test.txt", "dictionary text (SymbolDictionary)",
        "token ids of train", "token ids of valid", "token ids of valid1",
    ]  # fmt: skip


def test_compressed_text_has_the_same_fingerprints(tmp_path: Path) -> None:
    before = make(tmp_path).fingerprints()
    task = make(tmp_path, prepare=False)
    (tmp_path / "data" / "train.txt").unlink()
    (tmp_path / "data" / "train.txt.gz").write_bytes(gzip.compress(TEXT["train.txt"].encode()))
    task.prepare()
    assert task.fingerprints() == before


def test_counts_are_of_the_text_as_it_was(tmp_path: Path) -> None:
    # ab | | öb ab: 2 + 0 + 5 letters and 3 ends; ö has two bytes.
    expected = {"tokens": 10, "characters": 10, "bytes": 11, "words": 3}
    assert make(tmp_path).counts("valid") == expected
    assert make(tmp_path, sample_break_mode=BreakMode.eos).counts("valid") == expected
    # An empty line that is in no block is not predicted, and not counted.
    documents = make(tmp_path, sample_break_mode=BreakMode.complete_doc).counts("valid")
    assert documents == {"tokens": 9, "characters": 9, "bytes": 10, "words": 3}


def test_counts_are_those_of_what_was_prepared(tmp_path: Path) -> None:
    task = make(tmp_path)
    before = task.counts("valid")
    (tmp_path / "data" / "valid.txt").write_text("changed later\n")
    assert task.counts("valid") == before


def test_a_share_of_the_training_text_for_validation(tmp_path: Path) -> None:
    # Of 13 tokens, the lines that begin at token 7.8 or after: the last one begins at token 8.
    task = make(tmp_path, valid=[], valid_share=0.4)
    assert ("".join(written(task)), "".join(written(task, "valid"))) == ("ab a$b$$", "aa b$")
    assert task.splits("valid") == ["valid"]
    assert task.counts("valid") == {"tokens": 5, "characters": 5, "bytes": 5, "words": 2}
    assert task.dataset("train").fingerprint != task.dataset("valid").fingerprint
    assert task.places("valid", [0]) == [f"{tmp_path}/data/train.txt:4"]


def test_a_share_without_a_line(tmp_path: Path) -> None:
    message = "valid is empty: .*/data/train.txt has no lines, or task.valid_share leaves none"
    with pytest.raises(DataError, match=message):
        make(tmp_path, valid=[], valid_share=0.3)


def test_the_context_window_is_for_validation_alone(tmp_path: Path) -> None:
    task = make(tmp_path, context_window=2)
    assert written(task) == ["ab a", "$b$$", "aa b", "$"]
    dataset = task.dataset("valid")
    assert [(int(start), int(end)) for start, end in zip(dataset.starts, dataset.ends, strict=True)] == [
        (0, 2), (2, 4), (4, 6), (6, 8), (8, 10),
    ]  # fmt: skip
    assert dataset.lengths.tolist() == [2, 4, 4, 4, 4]


def test_epochs_are_the_same_or_cut_elsewhere(tmp_path: Path) -> None:
    task = make(tmp_path)
    assert task.training_dataset(epoch=1, seed=1) is task.training_dataset(epoch=2, seed=1) is task.dataset("train")
    shifting = make(tmp_path, shift_blocks=True)
    epochs = {epoch: epoch_of(shifting, epoch, 1) for epoch in range(1, 9)}
    assert {"".join(written(shifting, dataset=dataset)) for dataset in epochs.values()} == {"ab a$b$$aa b$"}
    firsts = {len(written(shifting, dataset=dataset)[0]) for dataset in epochs.values()}
    assert firsts == {1, 2, 3, 4}
    assert written(shifting, "valid") == written(task, "valid")


def test_subwords_are_sampled_anew_for_each_epoch(tmp_path: Path) -> None:
    text = "".join(f"{english(number)}\n" for number in range(0, 3000, 7))
    for name in ("train", "valid"):
        (tmp_path / name).write_text(text)
    tokenizer = SentencePieceConfig(vocab_size=90, sampling_alpha=0.3)
    task = make(tmp_path, data=str(tmp_path), tokenizer=tokenizer, tokens_per_sample=30)
    first, again, other = (epoch_of(task, epoch, 3) for epoch in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    decode = task.info.source_dictionary.decode
    for dataset in (first, other, task.dataset("train")):
        lines = [decode(dataset.tokens[number].tolist()) for number in range(len(dataset.tokens))]
        assert lines == text.splitlines()
    assert len(first.tokens.tokens) > len(task.dataset("train").tokens.tokens)


def test_documents_and_bos(tmp_path: Path) -> None:
    task = make(tmp_path, tokens_per_sample=20, isolate_documents=True, add_bos_token=True)
    (batch,) = task.get_batch_iterator(task.dataset("train"), epoch=1, plan=PlanSpec(max_sentences=1))
    assert batch.net_input["source_documents"].tolist() == [[0] * 8 + [1] * 5]
    assert batch.net_input["source_tokens"][0, 0] == task.info.source_dictionary.bos == task.info.decoding_start


def test_prompts(tmp_path: Path) -> None:
    task = make(tmp_path)
    dataset = task.inference_dataset(["a", "", "ab ab ab"])
    prompts = dataset.collate(np.array([0, 1, 2])).net_input["prefix_tokens"].tolist()
    a, b, space = (task.info.source_dictionary.encode(symbol)[0] for symbol in "ab ")
    # The model sees four tokens, the one that decoding starts from included.
    assert prompts == [[a, 1, 1], [1, 1, 1], [a, b, space]]


def test_places_are_the_lines_in_which_blocks_begin(tmp_path: Path) -> None:
    task = make(tmp_path, train=["train", "more"])
    train, more = (tmp_path / "data" / name for name in ("train.txt", "more"))
    assert written(task) == ["ab a", "$b$$", "aa b", "$bab", "$"]
    assert task.places("train", [0, 1, 2, 4]) == [f"{train}:1", f"{train}:1", f"{train}:4", f"{more}:1"]


def test_places_of_an_epoch_that_is_cut_elsewhere(tmp_path: Path) -> None:
    task = make(tmp_path, shift_blocks=True)
    train = tmp_path / "data" / "train.txt"
    for epoch in range(1, 9):
        dataset = task.training_dataset(epoch=epoch, seed=1)
        assert isinstance(dataset, BlockDataset)
        lines = [TEXT["train.txt"][:start].count("\n") + 1 for start in dataset.starts.tolist()]
        assert task.places("train", dataset.ids.tolist()) == [f"{train}:{line}" for line in lines]


def test_saved_and_loaded_without_the_data(tmp_path: Path) -> None:
    task = make(tmp_path)
    (tmp_path / "checkpoint").mkdir()
    task.save(tmp_path / "checkpoint")
    loaded = make(tmp_path, prepare=False, data="gone", cache_dir="gone")
    loaded.load(tmp_path / "checkpoint")
    assert loaded.info.source_dictionary.fingerprint == task.info.source_dictionary.fingerprint
    assert replace(loaded.info, source_dictionary=task.info.source_dictionary).max_positions == (4, 4)


def test_no_references(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has no reference text: set validation\.generate=false"):
        make(tmp_path).text("valid")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"train": ["nothing"]},
            r"there is no text file .*/data/nothing \(nor nothing.gz, nothing.txt, nothing.txt.gz\)",
        ),
        ({"data": "nowhere"}, "the directory nowhere does not exist; check task.data"),
        ({"data": __file__}, "/test_language_modeling.py is a file; name its directory as task.data"),
        ({"valid": ["empty"]}, "valid is empty: .*/data/empty has no lines"),
        ({"train": ["empty"]}, "no symbols for the dictionary 'text'"),
        ({"valid": ["blank"], "sample_break_mode": BreakMode.complete_doc}, "valid has nothing but empty lines"),
    ],
)
def test_text_that_cannot_be_used(tmp_path: Path, options: dict[str, object], message: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "empty").touch()
    (tmp_path / "data" / "blank").write_text("\n\n")
    with pytest.raises(DataError, match=message):
        make(tmp_path, **options)  # type: ignore[arg-type]  # values of several types


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_target_positions": 3}, "task.tokens_per_sample=4 is over task.max_target_positions=3"),
        ({"context_window": 4}, "task.context_window=4 leaves nothing to predict of task.tokens_per_sample=4"),
        (
            {"shift_blocks": True, "sample_break_mode": BreakMode.eos},
            "shift_blocks=true needs .*sample_break_mode=none",
        ),
        ({"valid_share": 0.1}, r"takes the validation set from the end of the training text: set task.valid=\[\]"),
    ],
)
def test_options_that_contradict_each_other(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(tmp_path, **{"prepare": False, **options})  # type: ignore[arg-type]  # values of several types


@pytest.mark.parametrize("target", Target)
def test_targets(tmp_path: Path, target: Target) -> None:
    task = make(tmp_path, target=target)
    (first, *_) = task.get_batch_iterator(task.dataset("valid"), epoch=1, plan=PlanSpec(max_sentences=9))
    assert first.ntokens == {"future": 10, "self": 10, "past": 9}[target.value]


def test_the_built_in_corpus(tmp_path: Path) -> None:
    task = make(tmp_path, prepare=False, data="builtin:number_names")
    (name, file), *others = task.find_files("valid")
    assert (name, file.name, others) == ("valid", "valid.en", [])
    with pytest.raises(ConfigError, match="the one built-in corpus is builtin:number_names"):
        make(tmp_path, data="builtin:letters")


def test_sets_of_blocks(tmp_path: Path) -> None:
    task = make(tmp_path, train=["train", "more"], train_weights=[1.0, 2.0])
    dataset = task.dataset("train")
    assert written(task) == ["ab a", "$b$$", "aa b", "$bab", "$"]
    epoch = task.training_dataset(epoch=1, seed=1)
    # A block belongs to the file in which it begins: the fourth still to the first, the fifth to the second.
    assert sorted(epoch.ids.tolist()) == [0, 1, 2, 3, 4, 4]
    assert epoch.lengths.tolist() == dataset.lengths[epoch.ids].tolist()


def test_epochs_of_some_blocks(tmp_path: Path) -> None:
    task = make(tmp_path, epoch_size=2)
    epochs = [task.training_dataset(epoch=epoch, seed=1).ids.tolist() for epoch in (1, 2, 3, 4)]
    assert [len(epoch) for epoch in epochs] == [2] * 4
    assert sorted(epochs[0] + epochs[1]) == sorted(epochs[2] + epochs[3]) == [0, 1, 2, 3]


def test_one_weight_for_each_set_of_blocks(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task\.train_weights has 1 items for 2 training sets: train, more"):
        make(tmp_path, train=["train", "more"], train_weights=[1.0])
