"""Several checkpoints as one model, and a language model that has a say in a search."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.config import GenerationConfig
from seqtrain.loading import load

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "one", "", "seventy-seven", "one hundred and ninety-nine"]
CFG = GenerationConfig(beam=2, max_len_b=20)

LANGUAGE = [
    "task=language_modeling",
    "tokenizer=char",
    "model=transformer_lm",
    "model.decoder_layers=1",
    "model.decoder_embed_dim=16",
    "model.decoder_ffn_embed_dim=16",
    "model.decoder_attention_heads=2",
    "task.tokens_per_sample=30",
    "criterion=cross_entropy",
    "lr_scheduler=fixed",
    "optimizer.lr=1e-2",
    "training.max_update=16",
    "training.device=cpu",
    "dataset.max_tokens=1024",
    "validation.final_split=''",
]


@pytest.fixture(scope="module")
def parts(trained: Path) -> list[Path]:
    """Two checkpoints of the shared run."""
    return [trained / "checkpoints" / f"update-{update:08d}" for update in (8, 24)]


@pytest.fixture(scope="module")
def language(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a language model of the characters that the shared run has, in the same order."""
    texts = tmp_path_factory.mktemp("texts")
    for prefix in ("train", "valid"):
        text = "".join((data / f"{prefix}.{side}").read_text() for side in ("en", "de"))
        (texts / f"{prefix}.txt").write_text(text)
    run_directory = tmp_path_factory.mktemp("language") / "run"
    cli.main([*LANGUAGE, f"task.data={texts}", f"hydra.run.dir={run_directory}"])
    return run_directory


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.en"
    file.write_text("".join(f"{line}\n" for line in LINES))
    return file


def listed(paths: list[Path]) -> str:
    return f"checkpoint=[{','.join(map(str, paths))}]"


def decode(call: Call, source: Path, *overrides: object) -> str:
    result = call(
        "generate", f"input={source}", "device=cpu", "generation.beam=2", "generation.max_len_b=20", *overrides
    )
    assert result.code == 0, result.err
    out: str = result.out
    return out


def test_generate_by_several(call: Call, parts: list[Path], source: Path) -> None:
    found = decode(call, source, listed(parts))
    assert found.splitlines() == load(parts).translate(LINES, CFG)
    alone = [decode(call, source, f"checkpoint={part}") for part in parts]
    assert found not in alone
    assert decode(call, source, listed(parts[:1])) == alone[0]
    assert decode(call, source, listed([parts[1], parts[1]])) == alone[1]


def test_positional_scores_are_logarithms_of_mean_probabilities(parts: list[Path]) -> None:
    ensemble, *models = load(parts), *map(load, parts)
    for line, (best, *_) in zip(LINES[:2], ensemble.hypotheses(LINES[:2], CFG), strict=True):
        text = ensemble.task.info.target_dictionary.decode(best.tokens.tolist())
        probabilities = [next(model.score([line], [text])).positional_scores.exp() for model in models]
        expected = ((probabilities[0] + probabilities[1]) / 2).log()
        assert best.positional_scores.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_evaluate_an_ensemble(call: Call, parts: list[Path]) -> None:
    def evaluated(checkpoint: str) -> dict[str, Any]:
        options = ["split=valid", "device=cpu", "generation.beam=1", "generation.max_len_b=3"]
        result = call("evaluate", checkpoint, *options)
        assert result.code == 0, result.err
        parsed: dict[str, Any] = json.loads(result.out)
        return parsed

    both, alone = evaluated(listed(parts)), [evaluated(f"checkpoint={part}") for part in parts]
    assert sorted(both["checkpoint"]) == sorted(map(str, parts))
    # The mean of probabilities is at least as high as the mean of their logarithms.
    assert both["nll_loss"] < (alone[0]["nll_loss"] + alone[1]["nll_loss"]) / 2
    assert both["nll_loss"] > min(one["nll_loss"] for one in alone) - math.log(2)


def test_a_model_of_another_kind_and_lower_limits(call: Call, train: Call, trained: Path, source: Path) -> None:
    other = ["model.decoder_layers=2", "task.max_source_positions=12", "training.max_update=2"]
    run = source.parent / "run"
    assert train(*other).code == 0
    result = call("generate", listed([trained, run]), f"input={source}", "device=cpu", "generation.max_len_b=5")
    assert result.code == 0
    assert "line 1 is over the model's limit of 12 tokens" in result.err
    assert load([trained, run]).checkpoint.path == load(run).checkpoint.path


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["tokenizer=byte"], "their source dictionaries have "),
        (["task.train=[valid]"], "their source dictionaries have "),
        (
            ["task.max_source_positions=50", "task.max_target_positions=30"],
            "lower limit of source tokens, 40, the other",
        ),
    ],
)
def test_models_that_are_no_ensemble(
    call: Call, train: Call, trained: Path, source: Path, overrides: list[str], message: str
) -> None:
    assert train("training.max_update=1", *overrides).code == 0
    said = call("generate", listed([trained, source.parent / "run"]), f"input={source}").refused()
    assert said.startswith(str(trained)) or str(source.parent / "run") in said
    assert "are no ensemble" in said and message in said


def test_no_model_and_no_such_model(call: Call, trained: Path, source: Path) -> None:
    assert "checkpoint=[] names no model" in call("generate", "checkpoint=[]", f"input={source}").refused()
    said = call("generate", listed([trained, source.parent / "nowhere"]), f"input={source}").refused()
    assert "there is no " in said and "nowhere" in said


def test_other_tasks_are_no_ensemble(call: Call, trained: Path, language: Path, source: Path) -> None:
    said = call("generate", listed([trained, language]), f"input={source}").refused()
    assert "the one has task=translation and the other task=language_modeling" in said


def test_generate_with_a_language_model(call: Call, trained: Path, language: Path, source: Path) -> None:
    fused = decode(call, source, f"checkpoint={trained}", f"lm_path={language}", "generation.lm_weight=0.7")
    plain = decode(call, source, f"checkpoint={trained}")
    assert fused != plain
    assert len(fused.splitlines()) == len(LINES)
    without = decode(call, source, f"checkpoint={trained}", f"lm_path={language}", "generation.lm_weight=0")
    assert without == plain


def test_scores_are_those_of_both_models(trained: Path, language: Path) -> None:
    fused, model, language_model = load(trained, language_model=language), load(trained), load(language)
    line = LINES[0]
    ((best, *_),) = fused.hypotheses([line], GenerationConfig(beam=2, max_len_b=20, lm_weight=0.7))
    text = model.task.info.target_dictionary.decode(best.tokens.tolist())
    parts = next(model.score([line], [text])), next(language_model.score(None, [text]))
    expected = parts[0].positional_scores + 0.7 * parts[1].positional_scores
    assert best.positional_scores.tolist() == pytest.approx(expected.tolist(), abs=1e-4)


def test_an_ensemble_with_a_language_model(call: Call, parts: list[Path], language: Path, source: Path) -> None:
    assert decode(call, source, listed(parts), f"lm_path={language}") != decode(call, source, listed(parts))


@pytest.mark.parametrize("weight", ["-0.1", "nan", "much", "0.2"])
def test_weights_that_are_none_or_nothings(call: Call, trained: Path, weight: str) -> None:
    assert (
        "generation.lm_weight" in call("generate", f"checkpoint={trained}", f"generation.lm_weight={weight}").refused()
    )


def test_language_models_that_do_not_fit(call: Call, trained: Path, data: Path, source: Path) -> None:
    said = call("generate", f"checkpoint={trained}", f"lm_path={trained}", f"input={source}").refused()
    assert said == f"lm_path={trained}: this is no language model; train one with task=language_modeling"
    texts, run = source.parent / "texts", source.parent / "run"
    texts.mkdir()
    (texts / "train.txt").write_text("zebra quagga\n" * 9)
    words = ["task.valid=[]", "task.valid_share=0.2", f"task.data={texts}", f"hydra.run.dir={run}"]
    assert call(*LANGUAGE, *words, "training.max_update=1").code == 0
    said = call("generate", f"checkpoint={trained}", f"lm_path={run}", f"input={source}").refused()
    assert said.startswith(f"lm_path={run}: its dictionary and that of the targets have 13 and ")
    assert "symbols and differ first in symbol 4: 'a' and " in said
    assert f"{load(trained).checkpoint.path}/tokenizer" in said
