"""``saving.finetune_from``: a run that starts from the parameters and dictionaries of another."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import seqtrain
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.manifest import MANIFEST, write_manifest
from seqtrain.tasks.translation import TranslationTask
from tests.integration.runs import metrics, send_in_update

Call = Callable[..., Any]

UNCHANGED = ("optimizer.lr=0", "training.max_update=1")
"""One update that leaves the parameters as they are."""
MODEL, OPTIMIZER, STATE = "model.safetensors", "training/optimizer.safetensors", "training/state.json"
SOURCE, TARGET = "encoder.embedding.tokens.weight", "decoder.embedding.tokens.weight"


def tensors(run: Path, file: str = MODEL) -> dict[str, Tensor]:
    """Return the tensors of a run's last checkpoint, or of a checkpoint."""
    last = run / "last"
    return load_file((last if last.exists() else run) / file)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def state(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "last" / STATE).read_text())
    return found


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Where ``train`` trains."""
    return tmp_path / "run"


@pytest.fixture
def tune(train: Call, trained: Path) -> Call:
    """Fine-tune the shared run."""
    return lambda *overrides: train(f"saving.finetune_from={trained}", *overrides)


@pytest.fixture
def umlauts(corpus: Path) -> Path:
    """A corpus with characters that the shared run has not seen: q in English, Q and j in German."""
    for name, text in (("en", "q one\n"), ("de", "Q j eins\n")):
        with (corpus / f"train.{name}").open("a", encoding="utf-8") as file:
            file.write(text)
    return corpus


def test_it_starts_with_the_parameters_and_all_else_anew(tune: Call, trained: Path, run: Path) -> None:
    done = tune(*UNCHANGED)
    assert done.code == 0, done.err
    best = (trained / "best").resolve()
    assert f"starting from {trained / 'checkpoints' / best.name}: 35 of 35 tensors loaded\n" in done.out
    assert same(tensors(run), tensors(best))
    assert {name: state(run)["trainer"][name] for name in ("num_updates", "epoch", "position")} == {
        "num_updates": 1, "epoch": 1, "position": 1,
    }  # fmt: skip
    assert {record["num_updates"] for record in metrics(run)} == {1}


def test_from_python(trained: Path, tiny: list[str], tmp_path: Path) -> None:
    cfg = seqtrain.compose([*tiny, f"saving.finetune_from={trained}", *UNCHANGED])
    result = seqtrain.train(cfg, tmp_path / "run")
    assert same(tensors(result.run_directory), tensors((trained / "best").resolve()))


def test_with_nothing_reset_it_is_the_run_going_on(train: Call, trained: Path, run: Path) -> None:
    there = trained / "checkpoints" / "update-00000016"
    done = train(f"saving.finetune_from={there}", "saving.reset=[]")
    assert done.code == 0, done.err
    end = trained / "checkpoints" / "update-00000024"
    assert (run / "last").resolve().name == end.name
    for file in (MODEL, OPTIMIZER):
        assert (run / "last" / file).read_bytes() == (end / file).read_bytes()


def test_the_optimizer_alone_goes_on(tune: Call, trained: Path, run: Path) -> None:
    assert tune("saving.reset=[lr_scheduler,data]", *UNCHANGED).code == 0
    before = int(tensors((trained / "best").resolve(), OPTIMIZER)[f"{SOURCE}.step"])
    assert int(tensors(run, OPTIMIZER)[f"{SOURCE}.step"]) == before + 1
    assert state(run)["trainer"]["num_updates"] == 1


def test_the_schedule_alone_goes_on_with_its_clock(train: Call, trained: Path, run: Path) -> None:
    there = trained / "checkpoints" / "update-00000016"
    rates = "training.log_interval=1", "training.max_update=18"
    assert train(f"saving.finetune_from={there}", "saving.reset=[optimizer,data]", *rates).code == 0
    found = [record["train/lr"] for record in metrics(run) if "train/lr" in record]
    assert found == pytest.approx([1e-2 * (10 / update) ** 0.5 for update in (17, 18)])
    assert int(tensors(run, OPTIMIZER)[f"{SOURCE}.step"]) == 2


def test_the_place_in_the_data_alone_goes_on(train: Call, trained: Path, run: Path) -> None:
    there = trained / "checkpoints" / "update-00000016"
    before = json.loads((there / STATE).read_text())["trainer"]
    assert before["position"] > 1, "in the middle of an epoch"
    assert train(f"saving.finetune_from={there}", "saving.reset=[optimizer,lr_scheduler]", *UNCHANGED).code == 0
    now = state(run)["trainer"]
    assert (now["num_updates"], now["epoch"], now["position"]) == (1, before["epoch"], before["position"] + 1)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["saving.reset=[lr_scheduler,data]", "optimizer=sgd"],
            "has the state of optimizer=adam, not of optimizer=sgd",
        ),
        (
            ["saving.reset=[optimizer,data]", "lr_scheduler=fixed"],
            "has the state of lr_scheduler=inverse_sqrt, not of lr_scheduler=fixed",
        ),
        (["saving.reset=[optimizer,data]"], "the clock stands at update 24: set training.max_update above it"),
        (
            ["saving.reset=[optimizer,lr_scheduler]", "training.max_epoch=1"],
            "it stands after epoch 3: set training.max_epoch above it",
        ),
        (
            ["saving.reset=[optimizer,lr_scheduler]", "dataset.max_tokens=512"],
            "its place in the data is none here: dataset.max_tokens was 1024 and is 512",
        ),
        (
            ["saving.reset=[optimizer,lr_scheduler]", "task.train=[valid]"],
            "task.train was ['train'] and is ['valid']",
        ),
    ],
)
def test_what_cannot_go_on(tune: Call, run: Path, overrides: list[str], message: str) -> None:
    part = {"lr_scheduler,data": "optimizer", "optimizer,data": "lr_scheduler"}.get(overrides[0][14:-1], "data")
    refused = tune(*overrides).refused()
    assert refused.startswith("saving.finetune_from=") and message in refused
    assert refused.endswith(f"; or let saving.reset name {part}, which begins it anew")
    assert not (run / "checkpoints").exists()


def test_an_average_has_no_state_that_could_go_on(train: Call, call: Call, trained: Path, tmp_path: Path) -> None:
    assert call("average", f"checkpoint={trained}", f"output={tmp_path / 'mean'}").code == 0
    refused = train(f"saving.finetune_from={tmp_path / 'mean'}", "saving.reset=[optimizer,data]").refused()
    assert f"{tmp_path / 'mean'} holds a model but no state of training" in refused
    (tmp_path / "run/train.log").unlink()
    assert train(f"saving.finetune_from={tmp_path / 'mean'}", *UNCHANGED).code == 0


def test_nothing_to_reset_without_another_run(train: Call) -> None:
    for given in ("saving.reset=[data]", "saving.extend_vocabulary=true"):
        refused = train(given).refused()
        assert f"{given.partition('[')[0].removesuffix('=')} is for a run that starts from another" in refused


def test_what_does_not_fit_is_listed_and_starts_anew(tune: Call, trained: Path, run: Path) -> None:
    done = tune("model.encoder_layers=2", "model.decoder_ffn_embed_dim=8", *UNCHANGED)
    assert done.code == 0, done.err
    lines = done.out.split("starting from ")[1].splitlines()
    assert lines[0].endswith(": 32 of 47 tensors loaded")
    assert "  missing there, so as initialised: encoder.layers.1.feed_forward.fc1.weight float32 (16, 16)" in lines
    other = "decoder.layers.0.feed_forward.fc1.weight float32 (8, 16), there float32 (16, 16)"
    assert f"  other there, so as initialised: {other}" in lines
    before, now = tensors((trained / "best").resolve()), tensors(run)
    assert torch.equal(now[SOURCE], before[SOURCE])


def damaged(trained: Path, tmp_path: Path) -> Path:
    copy = shutil.copytree((trained / "best").resolve(), tmp_path / "damaged")
    (copy / MODEL).write_bytes((copy / MODEL).read_bytes()[:-1])
    return copy


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["saving.finetune_from=nowhere"], "there is no nowhere: name a run directory or a checkpoint directory"),
        (["saving.finetune_from=/"], "/ is no checkpoint and holds none"),
        (
            ["tokenizer=sentencepiece"],
            "it was trained with another tokenizer than this run's config says, by which its ids mean other things; "
            "write: tokenizer=char",
        ),
        (
            ["tokenizer.threshold=2"],
            "write: tokenizer.threshold=0; or saving.extend_vocabulary=true, to add symbols to its own",
        ),
        (
            ["task=language_modeling", "model=lstm_lm"],
            "task=language_modeling cannot use the dictionaries of its task=translation: cannot read",
        ),
        (["task.joined_dictionary=false"], "task=translation cannot use the dictionaries of its task=translation"),
        (
            ["task.source_tags=['<BT>']"],
            "symbols of the source and target dictionary: 1 new: <BT>; set saving.extend_vocabulary=true",
        ),
        (
            ["model.encoder_embed_dim=8", "model.decoder_embed_dim=8", "model.bias=false", "model.decoder_layers=1"],
            "nothing of its model=transformer fits model=transformer: other there",
        ),
    ],
)
def test_what_cannot_be_started_from(
    call: Call, tiny: list[str], trained: Path, tmp_path: Path, run: Path, overrides: list[str], message: str
) -> None:
    small = [word for word in tiny if not word.startswith(("model", "task="))] if "task=" in overrides[0] else tiny
    small = [word for word in small if not (word.startswith("task.max_") and small is not tiny)]
    refused = call(*small, f"saving.finetune_from={trained}", f"hydra.run.dir={run}", *overrides).refused()
    assert refused.startswith("saving.finetune_from=") and message in refused and "\n" not in refused
    assert not (run / "checkpoints").exists()


def test_a_damaged_one(train: Call, trained: Path, tmp_path: Path) -> None:
    refused = train(f"saving.finetune_from={damaged(trained, tmp_path)}").refused()
    assert refused.startswith("saving.finetune_from=") and "model.safetensors is cut short" in refused


def test_its_dictionaries_encode_the_new_text(tune: Call, trained: Path, umlauts: Path, run: Path) -> None:
    assert tune(f"task.data={umlauts}", *UNCHANGED).code == 0
    (kept,) = (run / "last/tokenizer").iterdir()
    assert kept.read_bytes() == (trained / "last/tokenizer" / kept.name).read_bytes()


def test_new_symbols_get_rows_behind_the_old_ones(
    tune: Call, call: Call, trained: Path, umlauts: Path, run: Path
) -> None:
    done = tune(f"task.data={umlauts}", "saving.extend_vocabulary=true", *UNCHANGED)
    assert done.code == 0, done.err
    before, now = tensors((trained / "best").resolve()), tensors(run)
    size = len(before[SOURCE])
    assert "  symbols of the source and target dictionary: 3 new: Q j q\n" in done.out
    for name in (SOURCE, TARGET, "output_projection.weight"):
        assert f"  rows of symbols: {name}: {size} loaded, 3 new\n" in done.out
        assert torch.equal(now[name][:size], before[name]) and now[name][size:].abs().min() > 0
    old = (trained / "last/tokenizer/dict.joined.txt").read_text()
    assert (run / "last/tokenizer/dict.joined.txt").read_text() == f"{old}Q 1\nj 1\nq 1\n"
    trained.rename(trained.with_name("moved"))
    try:
        generated = call("generate", f"checkpoint={run}", f"input={umlauts / 'valid.en'}", "generation.max_len_b=3")
    finally:
        trained.with_name("moved").rename(trained)
    assert generated.code == 0, generated.err


def test_languages_are_told_to_a_model_of_one_pair(tune: Call, call: Call, trained: Path, run: Path) -> None:
    several = ("task=multilingual_translation", "saving.extend_vocabulary=true", *UNCHANGED)
    done = tune(*several, "task.lang_pairs=[en-de,de-en]")
    assert done.code == 0, done.err
    assert "  symbols of the source and target dictionary: 2 new: <en> <de>\n" in done.out
    turned = ("task.lang_pairs=[de-en]", "task.source_tags=['<BT>']", f"hydra.run.dir={run}2")
    again = tune(*several, *turned, f"saving.finetune_from={run}")
    assert again.code == 0, again.err
    assert "  symbols of the source and target dictionary: 1 new: <BT>\n" in again.out
    first, second = (tensors(Path(f"{run}{number}"))[SOURCE] for number in ("", "2"))
    assert torch.equal(second[:-3], first[:-2]), "text"
    assert torch.equal(second[-3:-1], first[-2:].flip(0)), "<de> <en> and not <en> <de>"


def test_frozen_parameters_stay_those_of_the_other_run(tune: Call, trained: Path, run: Path) -> None:
    assert tune("optimizer.frozen=['^encoder','embedding']", "training.max_update=3").code == 0
    before, now = tensors((trained / "best").resolve()), tensors(run)
    stays = {name: torch.equal(now[name], before[name]) for name in now}
    assert {name for name, same in stays.items() if same} == {n for n in now if "embedding" in n or n[:7] == "encoder"}


def test_of_an_averaged_model_it_is_the_average(train: Call, tmp_path: Path, run: Path) -> None:
    averaged = ("training.ema=true", "ema.decay=0.5")
    assert train(*averaged, f"hydra.run.dir={tmp_path / 'base'}", "training.max_update=4").code == 0
    done = train(*averaged, f"saving.finetune_from={tmp_path / 'base'}/last", *UNCHANGED)
    assert done.code == 0, done.err
    before = tensors(tmp_path / "base")
    assert not same(before, tensors(tmp_path / "base", "training/parameters.safetensors"))
    assert same(tensors(run), before) and same(tensors(run, "training/parameters.safetensors"), before)


def test_a_schedule_free_optimizer_starts_from_it_too(tune: Call, trained: Path, run: Path) -> None:
    assert tune("optimizer=schedule_free_adamw", "lr_scheduler=fixed", *UNCHANGED).code == 0
    assert same(tensors(run), tensors((trained / "best").resolve()))


def test_a_student_starts_from_its_teacher(tune: Call, trained: Path, run: Path) -> None:
    taught = ("criterion=knowledge_distillation", f"criterion.teacher={trained}", "model.dropout=0")
    assert tune(*taught, "training.max_update=1", "training.log_interval=1").code == 0
    assert metrics(run)[0]["train/distillation_loss"] == pytest.approx(0, abs=1e-6), "they are the same model yet"


@pytest.fixture
def origin(trained: Path, tmp_path: Path) -> Path:
    """A copy of a checkpoint, to remove or change."""
    return shutil.copytree((trained / "best").resolve(), tmp_path / "origin")


def test_an_interrupted_run_goes_on_without_the_other(
    train: Call, call: Call, origin: Path, umlauts: Path, tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = (f"saving.finetune_from={origin}", f"task.data={umlauts}", "saving.extend_vocabulary=true")
    exact = (*start, "training.max_update=6", "model.dropout=0.1")
    assert train(*exact, f"hydra.run.dir={tmp_path / 'whole'}").code == 0
    with monkeypatch.context() as patch:
        send_in_update(patch, 3)
        assert train(*exact).code == 130
    shutil.rmtree(origin)
    resumed = train("resume=auto", *exact)
    assert resumed.code == 0, resumed.err
    assert "going on after update 3" in resumed.out and "starting from" not in resumed.out
    for file in (MODEL, OPTIMIZER):
        assert (run / "last" / file).read_bytes() == (tmp_path / "whole/last" / file).read_bytes()
    assert "would change what is past" in call(f"resume={run}", "saving.finetune_from=other").refused()


def test_a_repetition_notices_what_became_of_the_other(train: Call, call: Call, origin: Path, run: Path) -> None:
    assert train(f"saving.finetune_from={origin}", "training.max_update=2").code == 0
    repeat, moved = ("rerun", f"checkpoint={run}"), origin.rename(origin.with_name("moved"))
    gone = call(*repeat, f"hydra.run.dir={run}-1").refused()
    assert gone.startswith(f"saving.finetune_from={origin}: there is no {origin}")
    repeated = call(*repeat, f"hydra.run.dir={run}-2", f"saving.finetune_from={moved}")
    assert repeated.code == 0 and "nothing that it records has changed since" in repeated.out, repeated.err
    parameters = tensors(moved)
    (moved / MODEL).unlink()
    torch.nn.init.zeros_(parameters[SOURCE])
    save_file(parameters, moved / MODEL)
    (moved / MANIFEST).unlink()
    write_manifest(moved)
    other = call(*repeat, f"hydra.run.dir={run}-3", f"saving.finetune_from={moved}")
    assert other.code == 1 and "changed since:\n  saving.finetune_from differs\n" in other.out, other.err


@pytest.mark.slow
def test_a_stop_and_a_resume_are_verified(call: Call, tiny: list[str], trained: Path) -> None:
    verified = call("verify", "updates=4", *tiny, f"saving.finetune_from={trained}")
    assert verified.code == 0 and "run 3: the same, stopped after update 2 and resumed" in verified.out, verified.err


def test_data_is_prepared_as_it_will_be_trained_on(
    call: Call, tiny: list[str], trained: Path, umlauts: Path, tmp_path: Path
) -> None:
    wanted = [*tiny, f"saving.finetune_from={trained}", f"task.data={umlauts}", "saving.extend_vocabulary=true"]
    place = f"dataset.cache_dir={tmp_path / 'cache'}"
    assert call("prepare", *wanted, place).code == 0
    entries = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert call(*wanted, place, *UNCHANGED, f"hydra.run.dir={tmp_path / 'run'}").code == 0
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == entries


def test_a_task_that_makes_its_dictionaries_anew(tune: Call, monkeypatch: pytest.MonkeyPatch, umlauts: Path) -> None:
    def prepare(self: TranslationTask) -> None:
        self._dictionary_files = DictionaryFiles()
        super(TranslationTask, self).prepare()

    monkeypatch.setattr(TranslationTask, "prepare", prepare)
    assert "task=translation makes its dictionaries anew" in tune(f"task.data={umlauts}").refused()


def test_a_finished_run_goes_on_under_the_schedule_that_it_had(train: Call, call: Call, run: Path) -> None:
    falling = ("lr_scheduler=polynomial_decay", "lr_scheduler.warmup_updates=0", "training.max_update=4")
    assert train(*falling, "training.log_interval=1").code == 0
    resumed = call(f"resume={run}", "training.max_update=6")
    assert "training ended after update 6" in resumed.out, resumed.err
    assert "the learning rate is 0 from here on: the lr_scheduler has come to its end" in resumed.out
    rates = [record["train/lr"] for record in metrics(run) if "train/lr" in record]
    assert rates == pytest.approx([7.5e-3, 5e-3, 2.5e-3, 0, 0, 0]), "4 updates are its length, and stay so"
