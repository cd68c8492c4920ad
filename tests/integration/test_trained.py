"""A trained model, asked from Python."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import seqtrain
from seqtrain.base import Hypothesis
from seqtrain.config import GenerationConfig
from seqtrain.errors import CheckpointError, ConfigError, DataError
from seqtrain.trained import TrainedModel

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "", "one", "seventy-seven"]
SHORT = GenerationConfig(beam=2, max_len_b=12)


@pytest.fixture(scope="module")
def model(trained: Path) -> TrainedModel:
    return seqtrain.load(trained, device="cpu")


def test_a_line_and_several_are_translated_as_the_command_does(
    model: TrainedModel, trained: Path, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("".join(f"{line}\n" for line in LINES))
    options = ["generation.beam=2", "generation.max_len_b=12", "device=cpu"]
    lines = call("generate", f"checkpoint={trained}", f"input={tmp_path / 'in'}", *options).out.split("\n")
    assert model.translate(LINES, SHORT) == model.translate(iter(LINES), beam=2, max_len_b=12) == lines[:-1]
    assert [model.translate(line, SHORT) for line in LINES] == lines[:-1]
    assert lines[1] == "" != lines[0]


def test_options_come_after_those_of_the_config(model: TrainedModel) -> None:
    assert len(model.translate(LINES[0], SHORT, min_len=5, max_len_b=5)) == 5
    with pytest.raises(ConfigError, match=r"bean=3: there is no such key; did you mean beam\?"):
        model.translate(LINES[0], bean=3)


def test_samples_are_those_of_the_seed_and_of_the_place_of_a_line(model: TrainedModel) -> None:
    found = model.sample(LINES, SHORT, nbest=4, temperature=2.0)
    assert [len(samples) for samples in found] == [4, 0, 4, 4]
    assert len(set(found[0])) > 1
    assert model.sample(LINES[0], SHORT, nbest=4, temperature=2.0, sampling=False) == found[0]
    assert model.sample(LINES[0], SHORT, nbest=4, temperature=2.0, seed=2) != found[0]
    # Among one token there is nothing to draw: it is what greedy search finds.
    assert model.sample(LINES[0], SHORT, sampling_topk=1) == [model.translate(LINES[0], SHORT, beam=1)]


def test_constraints_stand_behind_a_line_as_in_a_file(model: TrainedModel) -> None:
    request = seqtrain.Request(LINES[2], constraints=("neun", "ein"))
    alone = model.translate(f"{LINES[2]}\tneun\tein", SHORT, constraints="unordered")
    assert [alone] == model.translate([request], SHORT, constraints="unordered")
    assert "neun" in alone and "ein" in alone


def test_beginnings_of_references_are_not_for_lines(model: TrainedModel) -> None:
    with pytest.raises(ConfigError, match=r"^prefix_size=2 needs references: give Request\(line, prefix=\.\.\.\)$"):
        model.translate(LINES[0], SHORT, prefix_size=2)


def test_hypotheses_are_scored_and_scores_are_theirs(model: TrainedModel) -> None:
    (found,) = model.hypotheses(LINES[0], SHORT, nbest=2, lenpen=0.5)
    assert found[0].score > found[1].score
    assert model.text(found[0]) == model.translate(LINES[0], SHORT, lenpen=0.5)
    text = model.text(found[1])
    alone = model.score(LINES[0], text, lenpen=0.5)
    assert alone.score == pytest.approx(found[1].score, abs=1e-4)
    assert alone.tokens.tolist() == found[1].tokens.tolist()
    (first, second) = model.score([LINES[2], LINES[0]], iter(["eins", text]), lenpen=0)
    assert second.score == pytest.approx(float(found[1].positional_scores.sum()), abs=1e-4)
    assert first.score == pytest.approx(float(first.positional_scores.sum()), abs=1e-4)


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        (["one", "two"], ["eins"], "there are 1 targets and more sources: give as many of both"),
        (["one"], ["eins", "zwei"], "there are 1 sources and more targets: give as many of both"),
    ],
)
def test_a_target_for_each_source(model: TrainedModel, sources: list[str], targets: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(model.score(sources, targets))


def test_a_model_that_translates_does_not_complete(model: TrainedModel) -> None:
    with pytest.raises(ConfigError, match="this model translates, and does not complete"):
        model.complete("one")


def test_languages_are_for_models_that_have_several(model: TrainedModel) -> None:
    for ask in (model.translate, model.sample):
        with pytest.raises(ConfigError, match="this model has no languages to choose from"):
            ask("one", source_lang="en", target_lang="de")
    with pytest.raises(ConfigError, match="this model has no languages to choose from"):
        model.score("one", "eins", source_lang="en", target_lang="de")


def test_what_mypy_takes_answers_for(model: TrainedModel) -> None:
    """That these names have these types is what mypy checks; here that it is so."""
    text: str = model.translate("one", SHORT)
    texts: list[str] = model.translate(["one"], SHORT)
    samples: list[str] = model.sample("one", SHORT)
    more_samples: list[list[str]] = model.sample(["one"], SHORT)
    hypothesis: Hypothesis = model.score("one", "eins")
    hypotheses: Iterator[Hypothesis] = model.score(["one"], ["eins"])
    assert [text] == texts and [samples] == more_samples
    assert [h.score for h in hypotheses] == [hypothesis.score]


def test_what_python_is_asked_in_vain(trained: Path) -> None:
    with pytest.raises(ConfigError, match="device=gpu: there is no such choice; there are auto, cpu, cuda, mps"):
        seqtrain.load(trained, device="gpu")
    with pytest.raises(ConfigError, match="plugins=mine: there is no such choice; there are installed, bundled"):
        seqtrain.load(trained, plugins="mine")
    with pytest.raises(ConfigError, match=r"compose takes a list of overrides: compose\(\['model=lstm'\]\)"):
        seqtrain.compose("model=lstm")
    with pytest.raises(CheckpointError, match=r"there is no .*: .*; several of them are"):
        seqtrain.load(f"{trained}, {trained}")
