"""One model for several pairs of languages, and several training sets, through the command line."""

import json
import shlex
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.errors import ConfigError
from seqtrain.loading import load
from tests.integration.conftest import TINY
from tests.integration.runs import metrics

Call = Callable[..., Any]
DECODE = ("generation.beam=1", "generation.max_len_b=20", "device=cpu")

MULTILINGUAL = [
    "task=multilingual_translation",
    *TINY[1:],
    "task.lang_pairs=[en-de,de-en]",
    "task.encoder_langtok=tgt",
    "task.decoder_langtok=true",
    "criterion.ignore_prefix_size=1",
]


@pytest.fixture(scope="module")
def joint(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a tiny model of both directions."""
    run = tmp_path_factory.mktemp("joint") / "run"
    often = ["saving.interval_updates=40", "saving.interval_epochs=0", "validation.interval_updates=60"]
    scored = ["validation.generate=true", "scorer=[bleu]", "saving.metric=valid/bleu"]
    mixed = ["task.train_weights=[1,2]", "task.epoch_size=300", "training.max_update=120"]
    place = [f"task.data={data}", f"hydra.run.dir={run}"]
    cli.main([*MULTILINGUAL, *often, *scored, *mixed, *place, "saving.maximize=true", "validation.interval_epochs=0"])
    return run


@pytest.fixture
def joint_train(call: Call, data: Path, tmp_path: Path) -> Call:
    def train(*overrides: object) -> Any:
        return call(*MULTILINGUAL, f"task.data={data}", f"hydra.run.dir={tmp_path / 'run'}", *overrides)

    return train


def test_each_pair_and_their_average_are_validated(joint: Path) -> None:
    last = metrics(joint)[-1]
    for name in ("loss", "nll_loss", "bleu"):
        parts = [last[f"valid.{pair}/{name}"] for pair in ("en-de", "de-en")]
        assert last[f"valid/{name}"] == pytest.approx(sum(parts) / 2)
    assert "epoch 1: 100 of train.en-de, 200 of train.de-en" in (joint / "train.log").read_text()


def test_evaluate_gives_the_scores_of_each_pair(call: Call, joint: Path) -> None:
    whole = json.loads(call("evaluate", f"checkpoint={joint}", *DECODE).out)
    assert list(whole["parts"]) == ["test.en-de", "test.de-en"]
    for name in ("loss", "nll_loss", "ppl", "bleu", "chrf"):
        assert whole[name] == pytest.approx(sum(part[name] for part in whole["parts"].values()) / 2)
    assert all(part["sentences"] == 21 for part in whole["parts"].values())
    one = json.loads(call("evaluate", f"checkpoint={joint}", "split=test.de-en", *DECODE).out)
    assert {name: one[name] for name in whole["parts"]["test.de-en"]} == whole["parts"]["test.de-en"]


def test_generate_in_each_direction(call: Call, joint: Path, data: Path, tmp_path: Path) -> None:
    letters = {}
    for source, target in (("en", "de"), ("de", "en")):
        languages = [f"source_lang={source}", f"target_lang={target}"]
        result = call("generate", f"checkpoint={joint}", f"input={data / f'valid.{source}'}", *languages, *DECODE)
        assert result.code == 0, result.err
        lines = result.out.splitlines()
        assert len(lines) == 20
        assert "<de>" not in result.out and "<en>" not in result.out
        # German names of numbers are one word, English ones several.
        letters[target] = sum(" " in line for line in lines)
    assert letters["de"] <= 2 and letters["en"] >= 18


def test_a_language_that_is_told_counts_as_a_token(call: Call, joint: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("a" * 38 + "\n" + "a" * 39 + "\n")
    words = [f"input={tmp_path / 'long'}", "source_lang=en", "target_lang=de", *DECODE]
    result = call("generate", f"checkpoint={joint}", *words)
    assert result.err == "warning: line 2 is over the model's limit of 40 tokens: its end is left out\n"


def test_a_given_target_begins_with_its_language(call: Call, joint: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("one\ntwo\n")
    (tmp_path / "out").write_text("eins\n" + "z" * 38 + "\n")
    words = [f"checkpoint={joint}", f"source={tmp_path / 'in'}", f"target={tmp_path / 'out'}", "device=cpu"]
    languages = ["source_lang=en", "target_lang=de"]
    result = call("score", *words, *languages, "format=jsonl")
    assert result.code == 0, result.err
    scored, _ = map(json.loads, result.out.splitlines())
    assert scored["tokens"] == ["<de>", *"eins", "</s>"]
    assert scored["score"] == pytest.approx(sum(scored["positional_scores"]) / 6)
    assert scored["words"] == ["<de>", "eins", "</s>"]
    positions = scored["positional_scores"]
    assert scored["word_scores"] == pytest.approx([positions[0], sum(positions[1:5]), positions[5]])
    (tmp_path / "out").write_text("eins\n" + "z" * 39 + "\n")
    assert "line 2: the target has 41 tokens" in call("score", *words, *languages).refused()
    assert "set source_lang and target_lang" in call("score", *words).refused()


@pytest.mark.parametrize("languages", [[], ["source_lang=en"], ["source_lang=en", "target_lang=fr"]])
def test_generate_asks_for_the_languages(call: Call, joint: Path, data: Path, languages: list[str]) -> None:
    message = call("generate", f"checkpoint={joint}", f"input={data / 'valid.en'}", *languages, *DECODE).refused()
    assert message.endswith("this model translates en-de, de-en; set source_lang and target_lang to one of these"), (
        message
    )


def test_a_model_of_one_pair_has_nothing_to_choose(generate: Call, data: Path) -> None:
    message = generate(f"input={data / 'valid.en'}", "source_lang=en", "target_lang=de").refused()
    assert message.endswith("this model has no languages to choose from; leave out source_lang and target_lang")


def test_a_resumed_run_sees_what_the_other_would_have_seen(call: Call, data: Path, tmp_path: Path) -> None:
    options = [
        "task.epoch_size=150",
        "task.sampling_temperature=3",
        "task.train_weights=[3,1]",
        "training.max_update=12",
    ]
    for name in ("whole", "halved"):
        updates = ["training.max_update=7"] if name == "halved" else []
        run = [f"task.data={data}", f"hydra.run.dir={tmp_path / name}", "training.log_interval=1"]
        assert call(*MULTILINGUAL, *run, *options[:3], *(updates or options[3:])).code == 0
    assert call(f"resume={tmp_path / 'halved'}", "training.max_update=12").code == 0
    parameters = [(tmp_path / name / "last" / "model.safetensors").read_bytes() for name in ("whole", "halved")]
    assert parameters[0] == parameters[1]


def test_the_end_of_a_run_scores_each_pair_and_says_how_to_decode(call: Call, joint_train: Call, data: Path) -> None:
    result = joint_train("validation.final_split=test", "training.max_update=2")
    assert result.code == 0, result.err
    assert "test.en-de, some of 21 sentences:" in result.out
    assert "test.de-en, some of 21 sentences:" in result.out
    _, told = result.out.split("translate a file: python -m seqtrain ")
    command = told.splitlines()[0].replace("=FILE output=FILE", f"={data / 'valid.en'}")
    assert command.endswith(f" source_lang=en target_lang=de input={data / 'valid.en'}")
    decoded = call(*shlex.split(command), *DECODE)
    assert decoded.code == 0 and len(decoded.out.splitlines()) == 20, decoded.err


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.train_weights=[1]"], "task.train_weights has 1 items for 2 training sets: train.en-de, train.de-en"),
        (["task.train_weights=[0,0]"], "task.train_weights=[0.0, 0.0] leaves nothing to train on"),
        (["task.source_tags=[a,b,c]"], "task.source_tags has 3 items for 2 training sets"),
        (["task.lang_pairs=[en-de,it-de]"], "neither train.it-de.it and train.it-de.de, nor train.de-it.it"),
        (["task.lang_pairs=[en_de]"], "must be different pairs of languages, such as [en-de,de-en]"),
        (["task.epoch_size=1"], "an epoch would have 1 sentences of 2 training sets"),
        (["task.sampling_temperature=0.5"], "must be at least 1"),
        (["saving.metric=valid.fr-en/loss"], "the validation sets: valid, valid.en-de, valid.de-en"),
        (["validation.final_split=test.en-fr"], "there is no split 'test.en-fr'"),
        (["task.encoder_langtok=both"], "none, src, tgt"),
    ],
)
def test_bad_input(joint_train: Call, overrides: list[str], message: str) -> None:
    assert message in joint_train(*overrides).refused()


def test_weights_and_tags_of_training_sets(train: Call, corpus: Path, tmp_path: Path, pairs: Call) -> None:
    pairs(corpus, "bt", range(400, 420))
    options = ["task.train=[train,bt]", "task.train_weights=[1,3]", "task.source_tags=['','<BT>']"]
    result = train(f"task.data={corpus}", *options, "training.max_update=8")
    assert result.code == 0, result.err
    assert "epoch 1: 260 of train, 60 of bt" in (tmp_path / "run" / "train.log").read_text()


def test_a_tagged_model_translates_without_its_corpus(call: Call, train: Call, corpus: Path, tmp_path: Path) -> None:
    assert train(f"task.data={corpus}", "task.source_tags=['<BT>']", "training.max_update=2").code == 0
    shutil.rmtree(corpus)
    (tmp_path / "input").write_text("one\n<BT> two\n")
    result = call("generate", f"checkpoint={tmp_path / 'run'}", f"input={tmp_path / 'input'}", *DECODE)
    assert result.code == 0 and len(result.out.splitlines()) == 2


def test_threads_share_a_model_and_each_gets_what_it_would_get_alone(joint: Path, data: Path) -> None:
    """Both directions, lines of all lengths, searches and samples at once."""
    model = load(joint, device="cpu")
    lines = {language: (data / f"valid.{language}").read_text().splitlines() for language in ("en", "de")}

    def ask(number: int) -> list[object]:
        source, target = (("en", "de"), ("de", "en"))[number % 2]
        asked = model.in_languages(source, target)
        some = [line[: 8 + 4 * number] for line in lines[source][number::4]]
        found = model.translate(
            some, beam=1 + number % 3, max_len_b=15 + number, source_lang=source, target_lang=target
        )
        drawn = asked.sample(some[:2], nbest=2, seed=number, max_len_b=10)
        return [found, drawn, [h.score for h in asked.score(some, found)]]

    alone = [ask(number) for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(ask, [*range(8)] * 2))
    assert together == alone * 2
    assert len({str(answer) for answer in alone}) == 8
    assert not any(module.training for module in model.model.modules())


def test_languages_by_keyword_are_those_of_a_model_in_languages(joint: Path) -> None:
    model = load(joint, device="cpu")
    german = model.in_languages("de", "en")
    assert german.translate("eins", max_len_b=9) == model.translate(
        "eins", max_len_b=9, source_lang="de", target_lang="en"
    )
    assert german.sample("eins", max_len_b=9) == model.sample("eins", max_len_b=9, source_lang="de", target_lang="en")
    scores = [
        german.score("eins", "one").positional_scores,
        model.score("eins", "one", source_lang="de", target_lang="en").positional_scores,
    ]
    assert scores[0].tolist() == scores[1].tolist()
    with pytest.raises(ConfigError, match="set source_lang and target_lang to one of these"):
        model.translate("eins")
