import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from seqtrain.base import PlanSpec, Task
from seqtrain.data.number_names import english, german
from seqtrain.data.parallel import ParallelDataset
from seqtrain.data.streamed_pairs import StreamedPairs
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.models.lstm_lm import LSTMLMConfig
from seqtrain.models.transformer import TransformerConfig
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


def test_a_language_model_does_not_translate(tmp_path: Path) -> None:
    task = make(tmp_path, prepare=False)
    task.check_model(TransformerConfig())
    with pytest.raises(ConfigError, match="the model lstm_lm does not go with task=translation: it continues one text"):
        task.check_model(LSTMLMConfig())


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


def test_no_training_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"task.train=\[\] names no file"):
        make(tmp_path, train=[])


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


def test_fingerprints_name_files_dictionaries_and_token_ids(tmp_path: Path) -> None:
    found = make(tmp_path, train=["train", "more"]).fingerprints()
    assert {name: (fingerprint.unit, fingerprint.size) for name, fingerprint in found.items()} == {
        **{f"{name}.{language}": ("lines", 2) for name in ("train", "valid") for language in ("en", "de")},
        **{f"more.{language}": ("lines", 1) for language in ("en", "de")},
        "dictionary joined (SymbolDictionary)": ("symbols", 8),
        "token ids of train": ("", 0),
        "token ids of valid": ("", 0),
    }
    separate = make(tmp_path, joined_dictionary=False).fingerprints()
    assert {"dictionary en (SymbolDictionary)", "dictionary de (SymbolDictionary)"} <= separate.keys()


def test_fingerprints_are_of_what_was_prepared(tmp_path: Path) -> None:
    task = make(tmp_path)
    before = task.fingerprints()
    (tmp_path / "data" / "train.de").write_text("changed\nlater\n")
    assert task.fingerprints() == before


def test_fingerprints_of_compressed_text_are_those_of_plain_text(tmp_path: Path) -> None:
    before = make(tmp_path).fingerprints()
    task = make(tmp_path, prepare=False)
    for name in ("train.de", "valid.en"):
        (tmp_path / "data" / f"{name}.gz").write_bytes(gzip.compress((tmp_path / "data" / name).read_bytes()))
        (tmp_path / "data" / name).unlink()
    task.prepare()
    assert task.fingerprints() == before


@pytest.fixture
def sampling(tmp_path: Path) -> TranslationTask:
    """A task with a few hundred number names and BPE-dropout; some pairs are near the limit on lengths."""
    for prefix, numbers in (("numbers", range(0, 3000, 7)), ("few", range(3000, 3100, 7))):
        for language, name in (("en", english), ("de", german)):
            (tmp_path / f"{prefix}.{language}").write_text("".join(f"{name(number)}\n" for number in numbers))
    task = TranslationTask(
        TranslationConfig(
            data=str(tmp_path),
            train=["numbers"],
            valid=["few"],
            tokenizer=SentencePieceConfig(vocab_size=90, sampling_alpha=0.2),
            cache_dir=str(tmp_path / "cache"),
            max_source_positions=22,
            max_target_positions=22,
        )
    )
    task.prepare()
    return task


PLAN = PlanSpec(max_tokens=200, seed=3)


def epoch_of(task: TranslationTask, *, epoch: int, seed: int) -> ParallelDataset:
    dataset = task.training_dataset(epoch=epoch, seed=seed)
    assert isinstance(dataset, ParallelDataset)
    return dataset


def batches(task: TranslationTask, epoch: int, seed: int = 3, start: int = 0) -> list[list[object]]:
    dataset = task.training_dataset(epoch=epoch, seed=seed)
    found = task.get_batch_iterator(dataset, epoch=epoch, plan=PLAN, start=start)
    return [[b.ids.tolist(), b.net_input["source_tokens"].tolist(), b.target.tolist(), b.seed] for b in found]


def test_an_epochs_encoding_depends_on_seed_and_epoch(sampling: TranslationTask) -> None:
    first = sampling.training_dataset(epoch=1, seed=3)
    assert sampling.training_dataset(epoch=1, seed=3).fingerprint == first.fingerprint
    others = [sampling.training_dataset(epoch=epoch, seed=seed) for epoch, seed in ((2, 3), (1, 4))]
    assert len({first.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_a_resume_within_an_epoch_gets_the_same_batches(sampling: TranslationTask) -> None:
    whole = batches(sampling, epoch=2)
    sampling.training_dataset(epoch=3, seed=3)
    for start in (0, 1, len(whole) // 2, len(whole)):
        assert batches(sampling, epoch=2, start=start) == whole[start:]


def test_sides_are_sampled_apart(sampling: TranslationTask, tmp_path: Path) -> None:
    both = replace(sampling.cfg, source_lang="de", target_lang="de")
    task = TranslationTask(both)
    task.prepare()
    dataset = epoch_of(task, epoch=1, seed=1)
    assert task.dataset("train").source.fingerprint == task.dataset("train").target.fingerprint
    assert dataset.source.fingerprint != dataset.target.fingerprint


def test_a_sampled_epoch_is_planned_by_its_own_lengths(sampling: TranslationTask) -> None:
    dataset = sampling.training_dataset(epoch=1, seed=3)
    plan = dataset.plan(PLAN, 1)
    for index in range(len(plan)):
        batch = dataset.collate(dataset.ids[plan[index]])
        assert max(batch.net_input["source_tokens"].numel(), batch.target.numel()) <= 200
        assert max(batch.net_input["source_tokens"].shape[1], batch.target.shape[1]) <= 22


def test_limits_hold_for_what_was_sampled(sampling: TranslationTask) -> None:
    plain = sampling.dataset("train")
    sampled = [epoch_of(sampling, epoch=epoch, seed=3) for epoch in (1, 2)]
    assert all(len(dataset) + len(dataset.too_long) == len(plain) for dataset in sampled)
    assert min(len(dataset.too_long) for dataset in sampled) > 5
    assert sampled[0].too_long.tolist() != sampled[1].too_long.tolist()


def test_numbers_of_sentences_are_those_of_lines(sampling: TranslationTask) -> None:
    sources, targets = sampling.text("train")
    dataset = sampling.training_dataset(epoch=1, seed=3)
    batch = dataset.collate(dataset.ids[:40])
    decode = sampling.info.source_dictionary.decode
    assert [decode(row) for row in batch.net_input["source_tokens"].tolist()] == [sources[n] for n in batch.ids]
    assert [decode(row) for row in batch.target.tolist()] == [targets[n] for n in batch.ids]


def test_all_but_training_is_plain(sampling: TranslationTask) -> None:
    for split in ("train", "valid"):
        dataset, encode = sampling.dataset(split), sampling.info.source_dictionary.encode
        assert [dataset.source[n].tolist() for n in range(5)] == [
            [*encode(line), 2] for line in sampling.text(split)[0][:5]
        ]


def test_without_sampling_every_epoch_is_the_same(tmp_path: Path) -> None:
    task = make(tmp_path)
    assert task.training_dataset(epoch=1, seed=1) is task.training_dataset(epoch=7, seed=2) is task.dataset("train")


def test_an_epoch_of_which_nothing_is_short_enough(sampling: TranslationTask) -> None:
    sampling.info = replace(sampling.info, max_positions=(2, 2))
    with pytest.raises(DataError, match="there is nothing to train on"):
        sampling.training_dataset(epoch=1, seed=1)


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


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Three training sets of number names, of 40, 20 and 3 pairs, and a validation set."""
    numbers = {"big": range(40), "small": range(40, 60), "tiny": range(60, 63), "few": range(70, 75)}
    for prefix, chosen in numbers.items():
        for language, name in (("en", english), ("de", german)):
            (tmp_path / f"{prefix}.{language}").write_text("".join(f"{name(number)}\n" for number in chosen))
    return tmp_path


def mixed(data: Path, **options: object) -> TranslationTask:
    values = {"tokenizer": CharConfig(), "cache_dir": str(data / "cache"), "valid": ["few"], **options}
    task = TranslationTask(
        TranslationConfig(data=str(data), train=["big", "small", "tiny"], **values)  # type: ignore[arg-type]
    )
    task.prepare()
    return task


def lines_seen(task: TranslationTask, epoch: int) -> list[int]:
    dataset = task.training_dataset(epoch=epoch, seed=3)
    found = task.get_batch_iterator(dataset, epoch=epoch, plan=PLAN)
    return sorted(number for batch in found for number in batch.ids.tolist())


def test_sets_with_weights(sets: Path) -> None:
    task = mixed(sets, train_weights=[1.0, 0.5, 3.0])
    first, second = lines_seen(task, 1), lines_seen(task, 2)
    assert [number for number in first if not 40 <= number < 60] == [*range(40), *sorted([60, 61, 62] * 3)]
    assert sorted(number for number in first + second if 40 <= number < 60) == list(range(40, 60))


def test_sets_by_temperature_in_epochs_of_some_size(sets: Path) -> None:
    task = mixed(sets, sampling_temperature=1e9, epoch_size=30)
    seen = [lines_seen(task, epoch) for epoch in (1, 2, 3, 4)]
    assert [len(epoch) for epoch in seen] == [30] * 4
    assert sorted(number for epoch in seen for number in epoch if number < 40) == list(range(40))


def test_what_is_left_out_is_in_no_set(sets: Path) -> None:
    task = mixed(sets, train_weights=[1.0, 0.0, 2.0], max_source_positions=8, max_target_positions=8)
    kept = [n for n in (*range(40), 60, 61, 62) if max(len(english(n)), len(german(n))) < 8]
    assert lines_seen(task, 1) == sorted([*kept, *(n for n in kept if n >= 60)])


def test_a_mixed_epoch_is_the_same_again_and_anew_for_each_seed_and_epoch(sets: Path) -> None:
    task = mixed(sets, epoch_size=30)
    fingerprints = [task.training_dataset(epoch=e, seed=s).fingerprint for e, s in ((1, 3), (2, 3), (1, 4), (1, 3))]
    assert fingerprints[0] == fingerprints[3]
    assert len(set(fingerprints)) == 3


def test_only_what_an_epoch_uses_is_sampled(sets: Path) -> None:
    task = mixed(sets, epoch_size=12, tokenizer=SentencePieceConfig(vocab_size=60, sampling_alpha=0.3))
    dataset = epoch_of(task, epoch=2, seed=3)
    assert len(dataset.source) == 11  # 7.6, 3.8 and 0.6 on average
    batch, (sources, targets) = dataset.collate(dataset.ids), task.text("train")
    decode = task.info.source_dictionary.decode
    assert [decode(row) for row in batch.net_input["source_tokens"].tolist()] == [sources[n] for n in batch.ids]
    assert [decode(row) for row in batch.target.tolist()] == [targets[n] for n in batch.ids]


def test_sentences_that_come_twice_are_sampled_apart(sets: Path) -> None:
    tokenizer = SentencePieceConfig(vocab_size=60, sampling_alpha=0.3)
    dataset = epoch_of(mixed(sets, train_weights=[0.0, 0.0, 8.0], tokenizer=tokenizer), epoch=1, seed=3)
    assert len({tuple(dataset.source[number].tolist()) for number in range(24)}) > 6


def test_tags(sets: Path) -> None:
    task = mixed(sets, source_tags=["", "<BT>", "<BT>"])
    info = task.info
    assert info.source_dictionary is info.target_dictionary
    (tag,) = (id for id in range(len(info.source_dictionary)) if info.source_dictionary.symbol(id) == "<BT>")
    assert tag == len(info.source_dictionary) - 1
    dataset = task.dataset("train")
    batch = dataset.collate(dataset.ids)
    assert [row[0] == tag for row in batch.net_input["source_tokens"].tolist()] == [n >= 40 for n in batch.ids]
    assert not (batch.target == tag).any()
    assert [info.source_dictionary.decode(row) for row in batch.net_input["source_tokens"].tolist()] == [
        task.text("train")[0][n] for n in batch.ids
    ]


def test_only_training_sets_have_tags(sets: Path) -> None:
    task = mixed(sets, source_tags=["<a>", "<b>", "<c>"])
    batch = task.dataset("valid").collate(np.arange(5))
    assert int(batch.net_input["source_tokens"].max()) < task.tag_id("<a>")


def test_tags_are_of_the_source_alone_where_dictionaries_are_separate(sets: Path) -> None:
    plain, task = (
        mixed(sets, joined_dictionary=False),
        mixed(sets, joined_dictionary=False, source_tags=["<a>", "", "<b>"]),
    )
    assert len(task.info.source_dictionary) == len(plain.info.source_dictionary) + 2
    assert len(task.info.target_dictionary) == len(plain.info.target_dictionary)


def test_tags_stay_in_front_where_subwords_are_sampled(sets: Path) -> None:
    tokenizer = SentencePieceConfig(vocab_size=60, sampling_alpha=0.3)
    task = mixed(sets, source_tags=["<a>", "", "<b>"], tokenizer=tokenizer, epoch_size=60)
    a, b = (task.tag_id(tag) for tag in ("<a>", "<b>"))
    dataset = epoch_of(task, epoch=1, seed=3)
    batch = dataset.collate(dataset.ids)
    for number, row in zip(batch.ids.tolist(), batch.net_input["source_tokens"].tolist(), strict=True):
        assert [id for id in row if id in (a, b)] == ([a] if number < 40 else [] if number < 60 else [b])
        assert row[0] in (a, b) or 40 <= number < 60


def test_tags_are_there_again_when_loaded(sets: Path, tmp_path: Path) -> None:
    task = mixed(sets, source_tags=["", "", "<BT>"])
    (tmp_path / "checkpoint").mkdir()
    task.save(tmp_path / "checkpoint")
    loaded = TranslationTask(task.cfg)
    loaded.load(tmp_path / "checkpoint")
    assert loaded.info.source_dictionary.fingerprint == task.info.source_dictionary.fingerprint


def test_other_tags_are_other_data(sets: Path) -> None:
    def ids(*tags: str) -> str:
        return mixed(sets, source_tags=list(tags)).fingerprints()["token ids of train"].sha256

    assert len({ids(), ids("", "", "<BT>"), ids("", "<BT>", "")}) == 3


@pytest.mark.parametrize("name", ["train_weights", "source_tags"])
def test_one_item_for_each_training_set(name: str) -> None:
    values = {"train_weights": [1.0], "source_tags": ["<BT>"]}[name]
    with pytest.raises(ConfigError, match=f"task.{name} has 1 items for 2 training sets: train, bt"):
        TranslationConfig(train=["train", "bt"], tokenizer=CharConfig(), **{name: values})  # type: ignore[arg-type]


def test_a_corpus_in_windows(tmp_path: Path) -> None:
    task = make(tmp_path, shuffle_window=1000, max_source_positions=2)
    train = task.training_dataset(epoch=1, seed=1)
    assert train is task.dataset("train")
    assert isinstance(train, StreamedPairs)
    assert isinstance(task.dataset("valid"), ParallelDataset)
    (batch,) = task.get_batch_iterator(train, epoch=1, plan=PlanSpec(max_tokens=100, window=1000))
    assert (batch.ids.tolist(), train.num_left_out) == ([1], 1)


def test_what_does_not_go_with_windows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^dataset\.shuffle_window goes without task\.train_weights, "):
        make(tmp_path, shuffle_window=10, train_weights=[2.0])
    sampling = SentencePieceConfig(vocab_size=12, sampling_alpha=0.1)
    with pytest.raises(ConfigError, match=r"^dataset\.shuffle_window goes without tokenizer\.sampling_alpha: "):
        make(tmp_path, shuffle_window=10, tokenizer=sampling)
