"""Training, scoring and translating from what ``fairseq-preprocess`` wrote."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from tests.fairseq_format import preprocess

Call = Callable[..., Any]
Pairs = Callable[..., None]

PAIR = ("en", "de")
NUMBERS = {"train": range(0, 300, 3), "valid": range(1, 100, 9), "test": range(201, 250, 4)}
"""All of the words of English are in the training data."""
OPTIONS = ("tokenizer=whitespace", "training.max_update=12", "dataset.max_tokens=256", "saving.interval_updates=7")
EVALUATE = ("generation.beam=1", "generation.max_len_b=20", "device=cpu")


def write(directory: Path, pairs: Pairs) -> tuple[Path, Path]:
    """Write a corpus as text and as fairseq's ids."""
    text, data_bin = directory / "text", directory / "data-bin"
    text.mkdir()
    for prefix, numbers in NUMBERS.items():
        pairs(text, prefix, numbers)
    preprocess(text, data_bin, PAIR, joined=True)
    return text, data_bin


@pytest.fixture
def text(tmp_path: Path, pairs: Pairs) -> Path:
    return write(tmp_path, pairs)[0]


@pytest.fixture
def data_bin(text: Path) -> Path:
    return text.with_name("data-bin")


@pytest.fixture(scope="module")
def whole(tiny: list[str], pairs: Pairs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 12 updates, that tests leave as it is; its data is no longer where it was."""
    directory = tmp_path_factory.mktemp("ids")
    _, data_bin = write(directory, pairs)
    cli.main([*tiny, *OPTIONS, f"task.data={data_bin}", f"hydra.run.dir={directory / 'run'}"])
    shutil.rmtree(data_bin)
    return directory / "run"


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "run", symlinks=True)


def model(run: Path) -> bytes:
    return (run / "checkpoints/update-00000012/model.safetensors").read_bytes()


def differing(message: str) -> list[str]:
    """Return the lines that list differences."""
    return [line.strip() for line in message.splitlines() if line.startswith("  ")]


def test_ids_train_what_their_text_trains(train: Call, call: Call, text: Path, data_bin: Path, tmp_path: Path) -> None:
    preprocess(text, data_bin, PAIR)
    runs, scores = [], []
    for data, options in ((data_bin, ()), (text, ("tokenizer.padding_factor=8",))):
        pair = ("task.source_lang=de", "task.target_lang=en", "task.joined_dictionary=false")
        assert train(*OPTIONS, *pair, f"task.data={data}", *options).code == 0
        runs.append((tmp_path / "run").rename(tmp_path / f"run of {data.name}"))
        scores.append(json.loads(call("evaluate", f"checkpoint={runs[-1]}", *EVALUATE).out) | {"checkpoint": ""})
    assert model(runs[0]) == model(runs[1])
    assert scores[0] == scores[1]
    assert scores[0]["sentences"] == 13 and scores[0]["chrf"] > 0


def test_a_resume_ends_the_same(call: Call, run: Path, data_bin: Path) -> None:
    expected = model(run)
    shutil.rmtree(run / "checkpoints/update-00000012")
    resumed = call(f"resume={run}", f"task.data={data_bin}")
    assert (resumed.code, model(run)) == (0, expected), resumed.err


def test_a_resume_with_other_ids(call: Call, run: Path, data_bin: Path, text: Path, pairs: Pairs) -> None:
    resume = (f"resume={run}", f"task.data={data_bin}", "training.max_update=13")
    content = bytearray((data_bin / "train.en-de.de.bin").read_bytes())
    content[0] += 1
    (data_bin / "train.en-de.de.bin").write_bytes(content)
    assert differing(call(*resume).refused()) == ["train.en-de.de differs first in sentences 1 to 100 of 100"]
    pairs(text, "train", range(99))
    preprocess(text, data_bin, PAIR, joined=True)
    lines = differing(call(*resume).refused())
    assert lines[:2] == [
        f"train.en-de.{language} has 99 sentences and had 100, differs first in sentences 1 to 100 of 100"
        for language in PAIR
    ]
    assert lines[-1].startswith("dictionary joined (SymbolDictionary) ")


def test_directories_take_turns(
    train: Call, call: Call, data_bin: Path, text: Path, tmp_path: Path, pairs: Pairs
) -> None:
    pairs(text, "train", [*range(150, 300, 3), *range(0, 150, 3)])
    preprocess(text, tmp_path / "second", PAIR, joined=True)
    shards = f"task.data={data_bin}:{tmp_path / 'second'}"
    trained = train(*OPTIONS, shards)
    assert "train: 200 sentence pairs" in trained.out
    whole = (tmp_path / "run").rename(tmp_path / "whole")
    assert train(*OPTIONS, shards, "training.max_update=9").code == 0
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=12")
    assert model(tmp_path / "run") == model(whole), resumed.out
    for kind in ("bin", "idx"):
        shutil.copy(data_bin / f"train.en-de.en.{kind}", tmp_path / "second")
    lines = differing(call(f"resume={tmp_path / 'run'}", "training.max_update=13").refused())
    assert lines == ["train.en-de.en in directory 2 differs first in sentences 1 to 100 of 100"]


def test_it_translates_symbols(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "input").write_text("one hundred\n\nno such word\n")
    generated = call("generate", f"checkpoint={run}", f"input={tmp_path / 'input'}", *EVALUATE)
    assert (generated.code, generated.out.count("\n")) == (0, 3), generated.err


def test_another_tokenizer(train: Call, data_bin: Path) -> None:
    message = train(*OPTIONS, f"task.data={data_bin}", "tokenizer=sentencepiece").refused()
    assert message.startswith(
        f"the ids of task.data stand for the symbols of {data_bin / 'dict.de.txt'}, not for those"
    )
    assert "write tokenizer=whitespace" in message and "\n" not in message


def test_an_id_beyond_the_dictionary(train: Call, data_bin: Path) -> None:
    ids = data_bin / "train.en-de.de.bin"
    ids.write_bytes(b"\xff\xff" + ids.read_bytes()[2:])
    message = train(*OPTIONS, f"task.data={data_bin}").refused()
    assert message.startswith(f"{ids}: sentence 1, counted from 1, has the id 65535, and the dictionary")


def test_scored_with_ids_of_another_dictionary(call: Call, run: Path, text: Path, tmp_path: Path) -> None:
    preprocess(text, tmp_path / "other", PAIR)
    evaluate = ("evaluate", f"checkpoint={run}", *EVALUATE)
    message = call(*evaluate, f"data={tmp_path / 'other'}").refused()
    assert message.startswith(f"{tmp_path / 'other/dict.en.txt'} is not the dictionary of the model: id ")
    assert call(*evaluate, f"data={text}").code == 0, "text is encoded with the model's dictionary"


def test_prepare_opens_it(call: Call, data_bin: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    prepared = call("prepare", *OPTIONS, f"task.data={data_bin}")
    assert (prepared.code, sorted(tmp_path.rglob("*"))) == (0, before), prepared.err
    assert "train: 100 sentence pairs" in prepared.out and "test: 13 sentence pairs" in prepared.out
