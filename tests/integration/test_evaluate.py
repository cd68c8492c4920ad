"""``evaluate``: the scores of a split, as JSON, of every sentence in it."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sacrebleu.metrics.bleu import BLEU

from seqtrain.loading import load

Call = Callable[..., Any]


@pytest.fixture
def evaluate(call: Call, trained: Path) -> Callable[..., dict[str, Any]]:
    def evaluate(*overrides: object) -> dict[str, Any]:
        options = ["generation.beam=1", "generation.max_len_b=20", "device=cpu"]
        result = call("evaluate", f"checkpoint={trained}", *options, *overrides)
        assert result.code == 0, result.err
        parsed: dict[str, Any] = json.loads(result.out)
        return parsed

    return evaluate


def test_keys(evaluate: Call, trained: Path) -> None:
    scores = evaluate()
    assert list(scores) == [
        "checkpoint", "split", "sentences", "loss", "nll_loss", "ppl", "bleu", "chrf", "ter", "exact_match",
        "signatures", "generation",
    ]  # fmt: skip
    assert scores["split"] == "test"
    assert scores["sentences"] == 21
    assert Path(scores["checkpoint"]).resolve() == (trained / "best").resolve()
    assert scores["generation"]["beam"] == 1
    assert "nrefs:1" in scores["signatures"]["bleu"]


def test_nll_loss_is_what_one_forward_pass_for_each_sentence_gives(evaluate: Call, trained: Path, data: Path) -> None:
    model = load(trained)
    source = model.task.info.source_dictionary
    total, tokens = 0.0, 0
    for pair in zip(*((data / f"valid.{x}").read_text().splitlines() for x in ("en", "de")), strict=True):
        given, wanted = ([*source.encode(text), source.eos] for text in pair)
        with torch.no_grad():
            logits = model.model(
                source_tokens=torch.tensor([given]),
                source_lengths=torch.tensor([len(given)]),
                prev_output_tokens=torch.tensor([[source.eos, *wanted[:-1]]]),
            )
        log_probs = torch.log_softmax(logits[0].double(), dim=-1)
        total -= float(log_probs[torch.arange(len(wanted)), torch.tensor(wanted)].sum())
        tokens += len(wanted)
    scores = evaluate("split=valid")
    assert scores["nll_loss"] == pytest.approx(total / tokens, rel=1e-5)
    assert scores["ppl"] == pytest.approx(math.exp(total / tokens), rel=1e-5)


def test_bleu_is_sacrebleus(evaluate: Call, trained: Path, data: Path) -> None:
    from seqtrain.config import GenerationConfig

    sources, references = ((data / f"valid.{x}").read_text().splitlines() for x in ("en", "de"))
    hypotheses = load(trained).translate(sources, GenerationConfig(beam=1, max_len_b=20))
    scores = evaluate("split=valid")
    assert scores["bleu"] == pytest.approx(BLEU().corpus_score(hypotheses, [references]).score)
    right = [hypothesis == reference for hypothesis, reference in zip(hypotheses, references, strict=True)]
    assert scores["exact_match"] == pytest.approx(100 * np.mean(right))


def test_scores_of_another_kind_than_the_run_had_are_said_to_be(call: Call, train: Call, tmp_path: Path) -> None:
    assert train("training.max_update=1", "scorer=[bleu]", "scorer.bleu.tokenizer=char").code == 0
    options = [f"checkpoint={tmp_path / 'run'}", "split=test", "generation.max_len_b=2", "scorer=[bleu,chrf]"]
    said = "warning: the run was scored in another way; to compare with its scores, add scorer.bleu.tokenizer=char\n"
    for command in ("evaluate", "generate"):
        assert said in call(command, *options).err
        assert said not in call(command, *options, "scorer.bleu.tokenizer=char").err


@pytest.mark.parametrize("max_tokens", [1, 60, 4096])
def test_batches_do_not_change_the_loss(evaluate: Call, max_tokens: int) -> None:
    assert evaluate(f"dataset.max_tokens={max_tokens}")["loss"] == pytest.approx(evaluate()["loss"], rel=1e-5)


def test_a_directory_that_moved_and_empty_lines(evaluate: Call, data: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(data, tmp_path / "moved = here")
    (moved / "test.en.gz").unlink()
    (moved / "test.de.gz").unlink()
    (moved / "test.en").write_text("one\n\ntwo\n" + "x" * 100 + "\nfive\n")
    (moved / "test.de").write_text("eins\n\n\nsehr lang\nfünf\n")
    scores = evaluate(f"data={moved}")
    assert scores["sentences"] == 5
    assert math.isfinite(scores["loss"])


def test_of_the_training_data_only_what_is_trained_on(call: Call, train: Call, corpus: Path, tmp_path: Path) -> None:
    """Pairs that are left out are in no score, whether the lengths of all are held in memory or not."""
    for language, beside in (("en", ""), ("de", "nichts")):
        file = corpus / f"train.{language}"
        first, *others = file.read_text().splitlines()[:20]
        file.write_text("\n".join([first, beside, *others, beside]) + "\n")
    options = [f"checkpoint={tmp_path / 'run'}", "split=train", "generation.beam=1", "generation.max_len_b=5"]
    found = []
    for window in (0, 100):
        assert train(f"task.data={corpus}", "training.max_update=1", f"dataset.shuffle_window={window}").code == 0
        found.append(json.loads(call("evaluate", *options).out))
        lines = call("generate", *options, "format=jsonl").out.splitlines()
        sources = [json.loads(line)["source"] for line in lines]
        assert len(sources) == 20 and "" not in sources
        shutil.rmtree(tmp_path / "run")
    assert math.isfinite(found[0]["loss"]) and found[0]["chrf"] > 0
    assert list(found[0]) == list(found[1])


def test_several_sets(call: Call, train: Call, tmp_path: Path) -> None:
    assert train("task.valid=[valid,test]", "training.max_update=1").code == 0
    options = [f"checkpoint={tmp_path / 'run'}", "generation.beam=1", "generation.max_len_b=5"]
    sizes = {s: json.loads(call("evaluate", *options, f"split={s}").out)["sentences"] for s in ("valid", "valid1")}
    assert sizes == {"valid": 20, "valid1": 21}


@pytest.mark.parametrize("split", ["valid1", "dev", "test7"])
def test_no_such_split(call: Call, trained: Path, split: str) -> None:
    message = call("evaluate", f"checkpoint={trained}", f"split={split}").refused()
    assert message == f"there is no split {split!r}; there are: train, valid, test"


def test_data_that_is_gone(call: Call, trained: Path, tmp_path: Path) -> None:
    message = call("evaluate", f"checkpoint={trained}", f"data={tmp_path / 'gone'}").refused()
    assert "does not exist" in message
