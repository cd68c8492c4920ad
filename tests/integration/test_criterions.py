"""Criterions through the command line: what they train and what they report."""

import hashlib
import json
import math
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]  # has no types
    EventAccumulator,
)

from seqtrain.loading import load

Call = Callable[..., Any]
ENCODER = Path(__file__).parents[1] / "fixtures" / "encoder"
SHORT = ("training.max_update=4", "training.log_interval=2", "saving.interval_epochs=0", "validation.interval_epochs=0")


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def evaluate(call: Call, run: Path, *overrides: object) -> dict[str, Any]:
    result = call("evaluate", f"checkpoint={run}", "generation.max_len_b=2", "generation.beam=1", *overrides)
    assert result.code == 0, result.err
    scores: dict[str, Any] = json.loads(result.out)
    return scores


def test_the_perplexity_is_the_same_number_in_bits_and_nats(train: Call, call: Call, tmp_path: Path) -> None:
    """Losses are displayed in bits and stored in nats; every perplexity is exp of the loss in nats."""
    chosen = ("criterion=label_smoothed_cross_entropy", "criterion.z_loss=1e-4", "tracking.tensorboard=true")
    result = train(*chosen, *SHORT, "training.log_base=2")
    assert result.code == 0, result.err
    shown = re.findall(r"(train|valid)/nll_loss ([\d.]+).*/ppl ([\d.,]+)", result.out)
    assert [kind for kind, *_ in shown] == ["train", "train", "valid"]
    for _, bits, ppl in shown:
        assert 2 ** float(bits) == pytest.approx(float(ppl.replace(",", "")), rel=2e-3)  # 4 digits are shown
    stored = [
        {key.partition("/")[2]: value for key, value in record.items() if "/" in key}
        for record in records(tmp_path / "run")
    ]
    for metrics, (_, bits, _) in zip(stored, shown, strict=True):
        assert math.exp(metrics["nll_loss"]) == pytest.approx(metrics["ppl"])
        assert metrics["nll_loss"] == pytest.approx(float(bits) * math.log(2), rel=1e-3)
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    drawn = [event.value for event in events.Scalars("valid/ppl")]
    assert drawn == [pytest.approx(stored[-1]["ppl"])]
    scores = evaluate(call, tmp_path / "run", "split=valid")
    assert scores["ppl"] == pytest.approx(stored[-1]["ppl"], rel=1e-5)
    assert 0 < scores["z_loss"] < scores["loss"]


def test_rdrop(train: Call, call: Call, tmp_path: Path) -> None:
    result = train("criterion=label_smoothed_rdrop", "model.dropout=0.3", *SHORT)
    assert result.code == 0, result.err
    *training, valid = records(tmp_path / "run")
    assert all(metrics["train/rdrop_kl_loss"] > 0 for metrics in training)
    assert "valid/rdrop_kl_loss" not in valid
    assert evaluate(call, tmp_path / "run", "split=valid")["loss"] == pytest.approx(valid["valid/loss"], rel=1e-5)


DISTILLED = ("criterion=knowledge_distillation", "criterion.temperature=2", "training.log_interval=1")


def distil(train: Call, teacher: Path, *overrides: object) -> Any:
    return train(
        *DISTILLED, f"criterion.teacher={teacher}", "saving.interval_updates=2", "saving.keep_last=0", *overrides
    )


def test_distillation(train: Call, call: Call, trained: Path, tmp_path: Path) -> None:
    assert distil(train, trained, "training.max_update=4").code == 0
    *training, valid = records(tmp_path / "run")
    assert all(metrics["train/distillation_loss"] > 0 for metrics in training)
    assert evaluate(call, tmp_path / "run", "split=valid")["loss"] == pytest.approx(valid["valid/loss"], rel=1e-5)
    saved = load(tmp_path / "run").checkpoint
    taught = load(trained)
    assert saved.model().keys() == taught.checkpoint.model().keys(), "the student has no parameter of the teacher"
    assert (
        saved.state()["data"]["criterion.teacher"]["sha256"]
        == hashlib.sha256((taught.checkpoint.path / "model.safetensors").read_bytes()).hexdigest()
    )


def test_a_teacher_that_has_moved(train: Call, call: Call, trained: Path, tmp_path: Path) -> None:
    """A resume and a rerun say where it was, take it from elsewhere, and refuse another one."""
    teacher, run = tmp_path / "teacher", tmp_path / "run"
    shutil.copytree(load(trained).checkpoint.path, teacher)
    assert distil(train, teacher, "training.max_update=4").code == 0
    moved = teacher.rename(tmp_path / "moved")
    missing = f"criterion.teacher={teacher}: there is no {teacher}"
    assert missing in call(f"resume={run}", "training.max_update=6").refused()
    assert missing in call("rerun", f"checkpoint={run / 'last'}", f"hydra.run.dir={tmp_path / 'again'}").refused()
    other = trained / "checkpoints" / "update-00000008"
    refused = call(f"resume={run}", "training.max_update=6", f"criterion.teacher={other}").refused()
    assert "criterion.teacher differs" in refused
    rerun = call(
        "rerun", f"checkpoint={run / 'last'}", f"hydra.run.dir={tmp_path / 'again'}", f"criterion.teacher={moved}"
    )
    assert rerun.code == 0, rerun.out + rerun.err
    assert "the same bytes" in rerun.out
    assert call(f"resume={run}", "training.max_update=6", f"criterion.teacher={moved}").code == 0
    assert evaluate(call, run)["ppl"] > 1, "evaluation needs no teacher"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.joined_dictionary=false"], "its source dictionary, with .* symbols, is not that of this run"),
        (["task.max_target_positions=50"], r"up to \(40, 40\) tokens, and this run has up to \(40, 50\)"),
    ],
)
def test_a_teacher_that_does_not_fit(train: Call, trained: Path, overrides: list[str], message: str) -> None:
    assert re.search(message, distil(train, trained, *overrides).refused())


def test_a_teacher_of_another_task(train: Call, call: Call, data: Path, tmp_path: Path) -> None:
    """Bytes are the same dictionary everywhere."""
    size = [f"model.decoder_{field}=16" for field in ("embed_dim", "ffn_embed_dim")]
    common = ["tokenizer=byte", "training.max_update=1", "training.device=cpu", "task.data=" + str(data)]
    lm = ["task=language_modeling", "model=transformer_lm", "lr_scheduler=fixed", "task.tokens_per_sample=40", *size]
    files = [f"task.{split}=[{split}.en]" for split in ("train", "valid")]
    language_model = [*common, *lm, *files, "validation.final_split=''"]
    assert call(*language_model, "criterion=cross_entropy", f"hydra.run.dir={tmp_path / 'lm'}").code == 0
    past = call(*language_model, *DISTILLED, f"criterion.teacher={tmp_path / 'lm'}", "task.target=past").refused()
    assert "it was trained with task.target=future, and this run has task.target=past: they predict different" in past
    assert train(*common).code == 0
    refused = distil(train, tmp_path / "lm", *common, f"hydra.run.dir={tmp_path / 'kd2'}").refused()
    assert "its model=transformer_lm does not predict from what this task gives: train both on the same task" in refused


def test_a_teacher_has_to_be_named(train: Call) -> None:
    assert "criterion.teacher" in train("criterion=knowledge_distillation").refused()


ALIGNED = ("criterion=label_smoothed_cross_entropy_with_alignment", "task.load_alignments=true")


@pytest.fixture
def aligned(corpus: Path) -> Path:
    """A corpus whose training set and validation set are aligned, first letter with first, second with second."""
    for prefix, pairs in (("train", 260), ("valid", 20)):
        (corpus / f"{prefix}.align.en-de").write_text("0-0 1-1\n" * pairs)
    return corpus


@pytest.mark.parametrize("model", [(), ("model=transformer_align", "model.full_context_alignment=true")])
def test_alignments(train: Call, call: Call, aligned: Path, tmp_path: Path, model: tuple[str, ...]) -> None:
    overrides = (
        *model,
        "model.alignment_layer=0",
        "model.alignment_heads=2",
        "criterion.alignment_lambda=1",
        "optimizer.lr=0.02",
    )
    assert train(*ALIGNED, *overrides, f"task.data={aligned}", "training.max_update=12").code == 0
    *training, valid = records(tmp_path / "run")
    losses = [metrics["train/alignment_loss"] for metrics in training if "train/loss" in metrics]
    assert losses[-1] < losses[0], "attention has learned where to look"
    # of 21 letters at most, without knowing: log 21 = 3.04
    assert 0 < valid["valid/alignment_loss"] < 3.04
    scores = evaluate(call, tmp_path / "run", "split=valid")
    assert scores["alignment_loss"] == pytest.approx(valid["valid/alignment_loss"], rel=1e-5)
    assert "alignment_loss" not in evaluate(call, tmp_path / "run"), "the test set has no alignments"
    # other alignments are other data
    (aligned / "train.align.en-de").write_text("0-0 1-1\n" * 259 + "0-1\n")
    refused = call(f"resume={tmp_path / 'run'}", "training.max_update=13").refused()
    assert "train.align.en-de has the same lines" in refused or "train.align.en-de differs first in lines" in refused


def test_ctc_beside_the_decoder(train: Call, call: Call, tmp_path: Path) -> None:
    chosen = ("criterion=label_smoothed_cross_entropy_with_ctc", "model.ctc_upsampling=2")
    assert train(*chosen, "training.max_update=12").code == 0
    *training, valid = records(tmp_path / "run")
    losses = [metrics["train/ctc_loss"] for metrics in training if "train/loss" in metrics]
    assert losses[-1] < losses[0]
    assert evaluate(call, tmp_path / "run", "split=valid")["ctc_loss"] == pytest.approx(
        valid["valid/ctc_loss"], rel=1e-5
    )
    assert "set model.ctc_upsampling=2" in train(chosen[0], f"hydra.run.dir={tmp_path / 'other'}").refused()


def test_ctc_alone(call: Call, data: Path, tmp_path: Path) -> None:
    """An encoder of a user's own learns to spell German numbers, letter for letter."""
    chosen = ["task=translation", "tokenizer=char", "criterion=ctc", "model=labeller", "lr_scheduler=fixed"]
    options = [f"task.data={data}", "optimizer.lr=0.02", "validation.final_split=''", "training.device=cpu"]
    run = [f"hydra.searchpath=[{ENCODER}]", f"hydra.run.dir={tmp_path / 'run'}", "training.max_update=40"]
    assert call(*chosen, *options, *run, "training.log_interval=10", "dataset.max_tokens=1024").code == 0
    valid = [metrics for metrics in records(tmp_path / "run") if "valid/loss" in metrics]
    assert 0 < valid[-1]["valid/token_error_rate"] < 0.9
    assert valid[-1]["valid/loss"] < 0.8 * valid[0]["valid/loss"]


def test_ctc_is_not_for_decoders(train: Call) -> None:
    assert (
        "position of the source, and model=transformer does not: choose criterion=" in train("criterion=ctc").refused()
    )


def test_training_needs_alignments(train: Call, aligned: Path, tmp_path: Path) -> None:
    there = f"task.data={aligned}"
    assert "set task.load_alignments=true" in train(ALIGNED[0], there, "hydra.run.dir=" + str(tmp_path / "1")).refused()
    (aligned / "train.align.en-de").write_text("0-0\n" * 99 + "0-99\n" + "0-0\n" * 160)
    assert "train.align.en-de:100: 0-99 names token 99 of the target" in train(*ALIGNED, there).refused()
    (aligned / "train.align.en-de").unlink()
    assert "there is no text file" in (said := train(*ALIGNED, there).refused()) and "train.align.en-de" in said
