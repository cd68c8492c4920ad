from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seqtrain.base import Hypothesis, PlanSpec
from seqtrain.data.number_names import english, german
from seqtrain.data.parallel import PairsDataset
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig
from seqtrain.errors import ConfigError, DataError
from seqtrain.plugins import import_builtin
from seqtrain.tasks.multilingual_translation import (
    Langtok,
    MultilingualTranslationConfig,
    MultilingualTranslationTask,
)

import_builtin()

BOTH = ["en-de", "de-en"]
PLAN = PlanSpec(max_tokens=200, seed=3)


def french(number: int) -> str:
    """Not French, but another language."""
    return " ".join(f"f{digit}" for digit in str(number))


NAMES: dict[str, Callable[[int], str]] = {"en": english, "de": german, "fr": french}


def write(data: Path, prefix: str, numbers: range, languages: tuple[str, ...] = ("en", "de")) -> None:
    for language in languages:
        text = "".join(f"{NAMES[language](number)}\n" for number in numbers)
        (data / f"{prefix}.{language}").write_text(text, encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """English and German that serve both directions; English and French of their own, in files of the pair fr-en."""
    for prefix, numbers in (("train", range(40)), ("valid", range(40, 45)), ("test", range(45, 48))):
        write(tmp_path, prefix, numbers)
        write(tmp_path, f"{prefix}.fr-en", range(100, 100 + len(numbers) // 2), ("en", "fr"))
    return tmp_path


def make(
    data: Path, *pairs: str, prepare: bool = True, encoder_langtok: str = "tgt", **options: object
) -> MultilingualTranslationTask:
    values = {"tokenizer": CharConfig(), "cache_dir": str(data / "cache"), **options}
    told = Langtok(encoder_langtok)
    task = MultilingualTranslationTask(
        MultilingualTranslationConfig(
            data=str(data),
            lang_pairs=list(pairs or BOTH),
            encoder_langtok=told,
            **values,  # type: ignore[arg-type]
        )
    )
    if prepare:
        task.prepare()
    return task


def first_rows(dataset: PairsDataset, rows: list[int]) -> tuple[list[list[int]], ...]:
    batch = dataset.collate(np.array(rows))
    return tuple(
        x.tolist() for x in (batch.net_input["source_tokens"], batch.net_input["prev_output_tokens"], batch.target)
    )


def test_one_dictionary_with_a_symbol_for_each_language(data: Path) -> None:
    task = make(data, "en-de", "en-fr")
    info, plain = task.info, make(data, "en-de", "en-fr", encoder_langtok="none", decoder_langtok=True).info
    assert info.source_dictionary is info.target_dictionary
    end = len(info.source_dictionary)
    assert [info.source_dictionary.symbol(id) for id in range(end - 3, end)] == ["<en>", "<de>", "<fr>"]
    assert plain.source_dictionary.fingerprint == info.source_dictionary.fingerprint


def test_the_dictionary_is_that_of_one_direction(data: Path) -> None:
    from seqtrain.tasks.translation import TranslationConfig, TranslationTask

    cfg = TranslationConfig(data=str(data), tokenizer=CharConfig(), cache_dir=str(data / "cache"))
    single = TranslationTask(cfg)
    single.prepare()
    assert make(data).dictionaries[0].fingerprint == single.dictionaries[0].fingerprint
    assert len(list((data / "cache").glob("dictionary-*"))) == 1


@pytest.mark.parametrize(
    ("encoder", "decoder", "source_begins", "target_begins"),
    [
        ("none", True, [], ["<de>"]),
        ("src", True, ["<en>"], ["<de>"]),
        ("tgt", False, ["<de>"], []),
        ("tgt", True, ["<de>"], ["<de>"]),
    ],
)
def test_languages_stand_in_front(
    data: Path, encoder: str, decoder: bool, source_begins: list[str], target_begins: list[str]
) -> None:
    task = make(data, encoder_langtok=encoder, decoder_langtok=decoder)
    encode, ids = task.dictionaries[0].encode, {tag: task.tag_id(tag) for tag in task.tags}
    for split, line in (("train", 0), ("valid.en-de", 40)):
        (source,), (previous,), (target,) = first_rows(task.dataset(split), [0])
        begins = [ids[tag] for tag in source_begins], [ids[tag] for tag in target_begins]
        assert source == [*begins[0], *encode(english(line)), 2]
        assert target == [*begins[1], *encode(german(line)), 2]
        assert previous == [2, *target[:-1]]


def test_each_direction_is_told_of_its_own(data: Path) -> None:
    task = make(data, "en-de", "de-en", "fr-en")
    en, de = task.tag_id("<en>"), task.tag_id("<de>")
    sources, _, targets = first_rows(task.dataset("train"), [0, 40, 80])
    decode = task.info.target_dictionary.decode
    assert [row[0] for row in sources] == [de, en, en]
    assert [decode(row) for row in sources] == ["zero", "null", french(100)]
    assert [decode(row) for row in targets] == ["null", "zero", english(100)]


def test_files_of_a_pair_go_before_those_of_the_pair_turned_round_and_shared_ones(data: Path) -> None:
    write(data, "train.de-en", range(7))
    assert [name for name, _ in make(data, prepare=False).find_files("train.en-de")] == [
        "train.de-en.en", "train.de-en.de",
    ]  # fmt: skip
    write(data, "train.en-de", range(9))
    assert [len(make(data, pair).dataset("train")) for pair in BOTH] == [9, 7]


def test_sets_of_pairs_and_prefixes_have_weights_and_tags(data: Path) -> None:
    write(data, "bt", range(60, 64))
    task = make(data, train=["train", "bt"], train_weights=[1.0, 2.0, 0.0, 1.0], source_tags=["", "<BT>", "", "<BT>"])
    assert task.cfg.train_sets == ["train.en-de", "bt.en-de", "train.de-en", "bt.de-en"]
    dataset = task.training_dataset(epoch=1, seed=1)
    batch = dataset.collate(dataset.ids)
    tag, en, de = (task.tag_id(symbol) for symbol in ("<BT>", "<en>", "<de>"))
    begins = [tuple(id for id in row if id >= en) for row in batch.net_input["source_tokens"].tolist()]
    assert {begin: begins.count(begin) for begin in begins} == {(de,): 40, (de, tag): 8, (en, tag): 4}


def test_temperature_is_over_pairs(data: Path) -> None:
    task = make(data, "en-de", "fr-en", sampling_temperature=1e9, epoch_size=24)
    seen = [number for epoch in (1, 2, 3) for number in task.training_dataset(epoch=epoch, seed=1).ids.tolist()]
    assert sum(number >= 40 for number in seen) == 36


def test_splits_and_their_text(data: Path) -> None:
    task = make(data)
    assert task.splits("valid") == ["valid.en-de", "valid.de-en"]
    assert task.parts("test") == ["test.en-de", "test.de-en"]
    assert task.parts("test.de-en") == ["test.de-en"]
    languages = [task.target_language(split) for split in ("test.en-de", "test.de-en", "train")]
    assert languages == ["de", "en", ""]
    assert task.text("test.de-en") == ([german(n) for n in (45, 46, 47)], [english(n) for n in (45, 46, 47)])
    assert task.places("train", [41]) == [f"{data}/train.de:2"]
    with pytest.raises(ConfigError, match=r"no split 'dev'; there are: train, valid\.en-de, .*test\.de-en"):
        task.dataset("dev")


def test_shared_files_are_named_once(data: Path) -> None:
    found = make(data).fingerprints()
    assert [name for name, fingerprint in found.items() if fingerprint.unit == "lines"] == [
        "train.en", "train.de", "valid.en", "valid.de",
    ]  # fmt: skip
    assert {"token ids of valid.en-de", "token ids of valid.de-en"} < found.keys()


def test_sampled_subwords_stand_behind_the_language(data: Path) -> None:
    task = make(data, tokenizer=SentencePieceConfig(vocab_size=60, sampling_alpha=0.3), decoder_langtok=True)
    dataset = task.training_dataset(epoch=1, seed=1)
    assert isinstance(dataset, PairsDataset)
    en, de = task.tag_id("<en>"), task.tag_id("<de>")
    sources, _, targets = first_rows(dataset, dataset.ids.tolist())
    for number, source, target in zip(dataset.ids.tolist(), sources, targets, strict=True):
        assert source[0] == target[0] == (de if number < 40 else en)
        assert not {en, de} & {*source[1:], *target[1:]}


class Echo:
    """A search that keeps what it was given."""

    def generate(self, net_input: dict[str, torch.Tensor]) -> list[list[Hypothesis]]:
        self.net_input = net_input
        return []


def test_what_is_decoded_begins_with_its_language(data: Path) -> None:
    task, echo = make(data, decoder_langtok=True), Echo()
    task = task.in_languages("de", "en")
    (batch,) = task.get_batch_iterator(task.inference_dataset(["eins", "zwei"]), epoch=1, plan=PLAN)
    task.inference_step(batch, echo)
    en = task.tag_id("<en>")
    assert echo.net_input["prefix_tokens"].tolist() == [[en], [en]]
    assert echo.net_input["source_tokens"][:, 0].tolist() == [en, en]
    (batch,) = task.get_batch_iterator(task.dataset("valid.en-de"), epoch=1, plan=PLAN)
    task.inference_step(batch, echo)
    assert echo.net_input["prefix_tokens"].tolist() == [[task.tag_id("<de>")]] * 5


def test_without_a_symbol_on_the_target_side_nothing_is_forced(data: Path) -> None:
    task, echo = make(data), Echo()
    task = task.in_languages("de", "en")
    for dataset in (task.inference_dataset(["eins"]), task.dataset("valid.en-de")):
        (batch,) = task.get_batch_iterator(dataset, epoch=1, plan=PLAN)
        task.inference_step(batch, echo)
        assert "prefix_tokens" not in echo.net_input


@pytest.mark.parametrize(("source", "target"), [("", ""), ("en", ""), ("", "de"), ("en", "en"), ("en", "fr")])
def test_languages_that_are_no_pair(data: Path, source: str, target: str) -> None:
    with pytest.raises(ConfigError, match=r"this model translates en-de, de-en; set source_lang and target_lang"):
        make(data).in_languages(source, target)


def test_a_task_stays_as_it_is_when_languages_are_chosen(data: Path) -> None:
    task = make(data)
    (chosen, line), info = (task.in_languages("de", "en"), ["eins"]), task.info
    assert chosen.inference_dataset(line).source[0][0] == task.tag_id("<en>")
    assert task.inference_dataset(line).source[0][0] == task.tag_id("<de>")
    assert task.info is info


def test_with_one_pair_there_is_nothing_to_choose(data: Path) -> None:
    task = make(data, "de-en")
    assert task.inference_dataset(["eins"]).source[0][0] == task.tag_id("<en>")
    assert task.decoding_words() == []


def test_saved_and_loaded_without_the_data(data: Path, tmp_path: Path) -> None:
    task = make(data, decoder_langtok=True)
    (tmp_path / "checkpoint").mkdir()
    task.save(tmp_path / "checkpoint")
    loaded = make(tmp_path / "gone", decoder_langtok=True, prepare=False)
    loaded.load(tmp_path / "checkpoint")
    assert loaded.info.target_dictionary.fingerprint == task.info.target_dictionary.fingerprint
    loaded = loaded.in_languages("en", "de")
    batch = loaded.inference_dataset(["one"]).collate(np.array([0]))
    assert batch.net_input["source_tokens"][0, 0] == task.tag_id("<de>")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lang_pairs": []}, "must be different pairs of languages"),
        ({"lang_pairs": ["en-de", "en-de"]}, "must be different pairs of languages"),
        ({"lang_pairs": ["ende"]}, "must be different pairs of languages"),
        ({"lang_pairs": ["en-de-fr"]}, "must be different pairs of languages"),
        ({"train_weights": [1.0]}, "has 1 items for 2 training sets: train.en-de, train.de-en"),
        ({"source_tags": ["<BT>"]}, "has 1 items for 2 training sets: train.en-de, train.de-en"),
        ({"encoder_langtok": Langtok.none}, "nothing tells the model which of de, en to translate into"),
        ({"encoder_langtok": Langtok.src}, "set task.encoder_langtok=tgt or task.decoder_langtok=true"),
    ],
)
def test_configs_that_make_no_sense(options: dict[str, object], message: str) -> None:
    values = {"lang_pairs": BOTH, "encoder_langtok": Langtok.tgt, "tokenizer": CharConfig(), **options}
    with pytest.raises(ConfigError, match=message):
        MultilingualTranslationConfig(data="", **values)  # type: ignore[arg-type]


def test_into_one_language_nothing_need_be_told(data: Path) -> None:
    task = make(data, "de-en", "fr-en", encoder_langtok="none")
    assert task.tags == []
    assert task.info.source_dictionary is task.dictionaries[0]


def test_a_pair_without_files(data: Path) -> None:
    with pytest.raises(DataError) as error:
        make(data, "en-de", "it-en")
    assert str(error.value) == (
        f"in {data} there is neither train.it-en.it and train.it-en.en, nor train.en-it.it and train.en-it.en, "
        "nor train.it and train.en (plain or .gz): with this prefix there are train.de, train.en, train.fr-en.en, "
        "train.fr-en.fr; check task.lang_pairs"
    )


def test_a_pair_that_lacks_one_of_its_files(data: Path) -> None:
    (data / "train.fr-en.fr").unlink()
    with pytest.raises(DataError, match=r"neither train\.fr-en\.fr and train\.fr-en\.en, .*check task\.lang_pairs"):
        make(data, "fr-en")


def test_sides_of_different_length(data: Path) -> None:
    (data / "train.de").write_text("null\n")
    with pytest.raises(DataError, match=r"has 40 lines and .* has 1"):
        make(data)
