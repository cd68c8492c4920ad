"""``train`` and ``prepare``: what they print, write, refuse and return."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqtrain
from seqtrain import cli

Call = Callable[..., Any]


def checkpoints(run: Path) -> list[int]:
    return sorted(int(path.name[-8:]) for path in (run / "checkpoints").glob("update-*"))


def reports(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_prints_what_was_chosen_and_what_to_do_next(train: Call, data: Path, tmp_path: Path) -> None:
    result = train("training.max_update=4")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[:3] == [
        f"translation en-de, task.data={data}",
        "train: 260 sentence pairs, 5172 + 4645 tokens",
        "valid: 20 sentence pairs, 550 + 510 tokens",
    ]
    assert lines[3] == (
        "task translation, model transformer, criterion label_smoothed_cross_entropy, "
        "optimizer adam, lr_scheduler inverse_sqrt, tokenizer char"
    )
    assert lines[4].endswith("threads, fp32") and "parameters; cpu with " in lines[4]
    assert lines[5] == f"run directory: {tmp_path / 'run'}"
    assert f"best checkpoint: {tmp_path / 'run/checkpoints/update-00000004'} (valid/loss " in result.out
    assert (
        lines[-1]
        == f"translate a file: python -m seqtrain generate checkpoint={tmp_path / 'run'} input=FILE output=FILE"
    )


def test_the_run_directory(trained: Path) -> None:
    assert {path.name for path in trained.iterdir()} == {
        ".hydra", ".lock", "train.log", "metrics.jsonl", "checkpoints", "best", "last",
    }  # fmt: skip
    assert {path.name for path in (trained / ".hydra").iterdir()} == {"config.yaml", "hydra.yaml", "overrides.yaml"}
    last = trained / "checkpoints/update-00000024"
    assert (trained / "last").resolve() == last
    assert {str(path.relative_to(last)) for path in last.rglob("*") if path.is_file()} == {
        "config.yaml", "manifest.json", "metrics.json", "model.safetensors", "tokenizer/dict.joined.txt",
        "training/optimizer.safetensors", "training/state.json",
    }  # fmt: skip
    assert "training ended after update 24" in (trained / "train.log").read_text()


def test_metrics_file(trained: Path) -> None:
    training = [report for report in reports(trained) if "train/loss" in report]
    assert [report["num_updates"] for report in training] == [5, 10, 15, 20, 24]
    names = ("loss", "nll_loss", "ppl", "grad_norm", "lr", "tokens_per_second")
    assert set(training[0]) == {"num_updates", "epoch", "seconds", *(f"train/{name}" for name in names)}
    validation = [report for report in reports(trained) if "valid/loss" in report]
    assert validation[-1]["num_updates"] == 24
    assert validation[-1]["valid/ppl"] == pytest.approx(math.exp(validation[-1]["valid/nll_loss"]), rel=1e-4)
    assert validation[-1]["valid/loss"] < validation[0]["valid/loss"]


def test_the_same_seed_gives_the_same_bytes(train: Call, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert train(f"hydra.run.dir={tmp_path / name}", "training.max_update=4").code == 0
    a, b = ((tmp_path / name / "last/model.safetensors").read_bytes() for name in ("a", "b"))
    assert a == b


def test_keeps_the_last_and_the_best(train: Call, tmp_path: Path) -> None:
    # A rate that ruins the model after update 6: the best stays where it was.
    train(
        *["validation.interval_updates=2", "validation.interval_epochs=0", "saving.interval_updates=2"],
        *["saving.interval_epochs=0", "saving.keep_last=2", "saving.keep_best=1", "training.max_update=12"],
        *["model.dropout=0", "lr_scheduler=fixed", "optimizer.lr=0.5"],
    )
    losses = {r["num_updates"]: r["valid/loss"] for r in reports(tmp_path / "run") if "valid/loss" in r}
    best = min(losses, key=lambda update: losses[update])
    assert checkpoints(tmp_path / "run") == sorted({best, 10, 12})
    assert (tmp_path / "run/best").resolve().name == f"update-{best:08d}"


def test_patience(train: Call, tmp_path: Path) -> None:
    result = train(
        *["training.patience=1", "validation.interval_updates=1", "training.max_update=1000"],
        *["lr_scheduler=fixed", "optimizer.lr=0.5"],
    )
    assert "no better valid/loss in 1 validations (training.patience)" in result.out
    assert max(checkpoints(tmp_path / "run")) < 50


def test_best_by_bleu(call: Call, train: Call, tmp_path: Path) -> None:
    result = train(
        *["validation.generate=true", "saving.metric=valid/bleu", "saving.maximize=true", "training.max_update=4"],
        *["validation.interval_updates=2", "validation.interval_epochs=0", "scorer=[bleu,chrf]"],
    )
    assert result.code == 0, result.err
    scores = [r["valid/bleu"] for r in reports(tmp_path / "run") if "valid/bleu" in r]
    assert len(scores) == 2
    assert f"(valid/bleu {max(scores):.4g})" in result.out
    assert all("valid/chrf" in r for r in reports(tmp_path / "run") if "valid/bleu" in r)


def test_a_score_of_text_needs_decoding(train: Call) -> None:
    message = train("scorer=[bleu]", "saving.metric=valid/bleu").refused()
    assert "saving.metric=valid/bleu needs validation.generate=true" in message


def test_update_freq(train: Call, tmp_path: Path) -> None:
    one = train("training.update_freq=2", "training.max_epoch=1", "training.max_update=0")
    assert "training.max_epoch=1 is reached" in one.out
    state = json.loads((tmp_path / "run/last/training/state.json").read_text())["trainer"]
    assert state["num_updates"] == math.ceil(state["position"] / 2)
    assert state["end_of_epoch"] is True


def test_several_files_and_validation_sets(train: Call, corpus: Path, pairs: Call, tmp_path: Path) -> None:
    pairs(corpus, "more", range(400, 420))
    result = train(f"task.data={corpus}", "task.train=[train,more]", "task.valid=[valid,test]", "training.max_update=2")
    assert "train: 280 sentence pairs" in result.out
    assert "valid1: 21 sentence pairs" in result.out
    last = reports(tmp_path / "run")[-1]
    assert {"valid/loss", "valid1/loss"} <= set(last)


def test_final_split_shows_examples_and_scores(train: Call) -> None:
    result = train("validation.final_split=test", "training.max_update=2", "scorer=[exact_match,ter]")
    assert "test, some of 21 sentences:" in result.out
    assert "  two hundred and eighty -> " in result.out
    assert "exact match: " in result.out and "\nTER: " in result.out


def test_pairs_that_cannot_be_used_are_left_out_and_counted(train: Call, corpus: Path) -> None:
    for language, lines in (("en", ["", "five", "six", "x" * 50]), ("de", ["vier", "", "  ", "sechs"])):
        with (corpus / f"train.{language}").open("a") as file:
            file.writelines(f"{line}\n" for line in lines)
    result = train(f"task.data={corpus}", "training.max_update=2")
    assert result.code == 0
    warnings = [line for line in result.out.splitlines() if line.startswith("warning: train: left out")]
    assert len(warnings) == 2
    assert f"left out 2 pairs with an empty side, the first at {corpus / 'train.en'}:261" in warnings[0]
    assert "left out 1 pairs over" in warnings[1] and f"{corpus / 'train.en'}:264" in warnings[1]


def test_nothing_to_train_on(train: Call, corpus: Path) -> None:
    (corpus / "train.en").write_text("\n\n")
    (corpus / "train.de").write_text("\n\n")
    train(f"task.data={corpus}").refused()


def test_a_file_that_is_missing(train: Call, corpus: Path, cache: Path) -> None:
    (corpus / "train.de").unlink()
    before = set(cache.iterdir())
    message = train(f"task.data={corpus}").refused()
    assert f"there is no text file {corpus / 'train.de'}" in message
    assert set(cache.iterdir()) == before


def test_files_of_unequal_length(train: Call, corpus: Path) -> None:
    with (corpus / "train.de").open("a") as file:
        file.write("noch eine\n")
    assert "has 260 lines and" in train(f"task.data={corpus}").refused()


def test_text_that_is_no_utf8_leaves_no_half_made_cache(train: Call, corpus: Path, tmp_path: Path) -> None:
    with (corpus / "train.de").open("ab") as file:
        file.write(b"f\xfcnf\n")
    with (corpus / "train.en").open("a") as file:
        file.write("five\n")
    message = train(f"task.data={corpus}", f"dataset.cache_dir={tmp_path / 'cache'}").refused()
    assert message.startswith(f"{corpus / 'train.de'}:261: not UTF-8 (byte 0xfc")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_damaged_token_store_is_made_again(train: Call, tmp_path: Path) -> None:
    cache = f"dataset.cache_dir={tmp_path / 'cache'}"
    assert train(cache, "training.max_update=1").code == 0
    store = next((tmp_path / "cache").glob("tokens-*"))
    tokens = store / "tokens.npy"
    whole = tokens.read_bytes()
    tokens.write_bytes(whole[:-7])
    ended = train(cache, f"hydra.run.dir={tmp_path / 'other'}", "training.max_update=1")
    assert ended.code == 0, ended.err
    assert f"{tokens} is cut short" in ended.out
    assert tokens.read_bytes() == whole


def test_prepare_makes_all_that_training_needs(call: Call, train: Call, tiny: list[str], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    prepared = call("prepare", *tiny, f"dataset.cache_dir={cache}")
    assert prepared.code == 0
    assert prepared.out.splitlines()[-1] == f"prepared data: {cache}"
    assert "batches an epoch" in prepared.out
    entries = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    assert len(list(cache.iterdir())) == 7  # a dictionary, two sides of three splits
    assert train(f"dataset.cache_dir={cache}", "training.max_update=1", "validation.final_split=test").code == 0
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == entries


def test_prepare_tells_of_what_an_epoch_sees(call: Call, tiny: list[str]) -> None:
    limits = ["dataset.max_sentences=1", "dataset.max_tokens=0"]
    assert "train: 10 batches an epoch" in call("prepare", *tiny, *limits, "task.epoch_size=10").out
    assert "batches an epoch" not in call("prepare", *tiny, *limits, "tokenizer.sampling_alpha=0.1").out


@pytest.mark.parametrize("place", ["file/run", "file"])
def test_a_run_directory_that_cannot_be_written(train: Call, tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    assert train(f"hydra.run.dir={tmp_path / place}").refused().startswith(f"cannot write {tmp_path / place}: ")


def test_a_cache_that_cannot_be_written(train: Call, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    message = train(f"dataset.cache_dir={tmp_path / 'file'}").refused()
    assert "cannot write to the cache" in message and "dataset.cache_dir=DIR" in message


def test_training_without_an_end(train: Call) -> None:
    assert "set training.max_update or training.max_epoch" in train("training.max_update=0").refused()


def test_tensorboard(train: Call, tmp_path: Path) -> None:
    assert train("tracking.tensorboard=true", "training.max_update=1").code == 0
    assert len(list((tmp_path / "run/tensorboard").glob("events.out.tfevents.*"))) == 1


def test_bf16(train: Call, tmp_path: Path) -> None:
    assert "bf16" in train("training.precision=bf16", "training.max_update=2").out
    assert math.isfinite(reports(tmp_path / "run")[-1]["valid/loss"])


def test_the_objective_is_the_best_value(tiny: list[str], tmp_path: Path) -> None:
    cfg = seqtrain.compose([*tiny, "training.max_update=4", "validation.interval_updates=2"])
    objective = seqtrain.train(cfg, tmp_path / "run").objective
    assert objective == min(r["valid/loss"] for r in reports(tmp_path / "run") if "valid/loss" in r)


def test_from_another_directory_and_with_relative_paths(run: Call, data: Path, tiny: list[str], tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "my data (1)")
    result = run(*tiny, "task.data=my data (1)", "training.max_update=2", cwd=tmp_path)
    assert (result.code, result.err) == (0, "")
    (directory,) = (tmp_path / "runs").iterdir()
    assert f"run directory: runs/{directory.name}" in result.out


def test_python_calls_the_same(tiny: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main([*tiny, "model.dropuot=1"])
    assert end.value.code == 2


def test_a_missing_final_split_is_found_before_training(train: Call, tmp_path: Path) -> None:
    message = train("validation.final_split=test", "task.test=[nowhere]").refused()
    assert "there is no text file" in message
    assert message.endswith("asks for it: if training is to end without it, set validation.final_split=''")
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_run_is_not_written_over(train: Call) -> None:
    assert train("training.max_update=2").code == 0
    assert "holds a run already: go on with it by resume=" in train("training.max_update=2").refused()


def test_an_empty_validation_set_is_refused(train: Call, corpus: Path) -> None:
    for language in ("en", "de"):
        (corpus / f"valid.{language}").write_text("")
    assert "valid is empty" in train(f"task.data={corpus}").refused()


def test_an_index_with_a_flipped_byte_is_found(train: Call, cache: Path, tmp_path: Path) -> None:
    assert train("training.max_update=1", "task.max_source_positions=41").code == 0
    for file in cache.glob("tokens-*/tokens.npy"):
        content = bytearray(file.read_bytes())
        content[-1] ^= 0x40
        file.write_bytes(content)
    ended = train("training.max_update=1", f"hydra.run.dir={tmp_path / 'elsewhere'}")
    assert ended.code == 0, ended.err
    assert "tokens.npy is damaged" in ended.out and "this part of the cache is made again" in ended.out
