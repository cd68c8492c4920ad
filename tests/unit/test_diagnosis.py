"""Mistakes in YAML files of users: the file and the line are named."""

from pathlib import Path

import pytest

from seqtrain.composition import compose, compose_node, to_config
from seqtrain.errors import ConfigError


def said(directory: Path, *overrides: str) -> list[str]:
    with pytest.raises(ConfigError) as error:
        compose(list(overrides), searchpath=[directory])
    return str(error.value).split("\n")


def write(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dropuot: 0.3", "model.dropuot=0.3 (FILE:3): there is no such key; did you mean model.dropout?"),
        ("dropout: high", "model.dropout=high (FILE:3): must be a number"),
        (
            "activation_fn: rleu",
            "model.activation_fn=rleu (FILE:3): must be one of relu, gelu, swish; did you mean relu?",
        ),
        ("dropout: 1.5", "model.dropout=1.5 (FILE:3): must be at least 0 and below 1"),
        ("_name: foo", "model._name=foo (FILE:3): cannot be set: choose the plug-in with model=foo"),
    ],
)
def test_a_value_in_a_preset(tmp_path: Path, line: str, message: str) -> None:
    file = write(tmp_path, "model/mine.yaml", f"# A preset.\ndefaults: [transformer, _self_]\n{line}\n")
    assert said(tmp_path, "model=mine") == [message.replace("FILE", str(file))]


def test_all_mistakes_of_a_preset_and_the_command_line(tmp_path: Path) -> None:
    file = write(tmp_path, "model/mine.yaml", "defaults: [transformer, _self_]\ndropuot: 0.3\nencoder_layers: 0\n")
    lines = said(tmp_path, "model=mine", "training.sed=2", "decoder_layers=x")
    assert [line.split(":")[0] for line in lines] == [
        f"model.dropuot=0.3 ({file}",
        "training.sed=2 (command line)",
        "decoder_layers=x (command line)",
        f"model.encoder_layers=0 ({file}",
    ]


def test_a_base_that_is_not_there(tmp_path: Path) -> None:
    file = write(tmp_path, "model/mine.yaml", "defaults:\n  - trasformer\n  - _self_\ndropout: 0.3\n")
    (line, other) = said(tmp_path, "model=mine", "training.sed=2")
    assert line.startswith(f"model=trasformer ({file}:2): there is no such choice; did you mean transformer? Choices: ")
    assert other.startswith("training.sed=2 (command line): ")


def test_a_choice_of_an_experiment_that_is_not_there(tmp_path: Path) -> None:
    text = "# @package _global_\ndefaults:\n  - override /model: trasformer\n  - _self_\ntraining:\n  sed: 2\n"
    file = write(tmp_path, "experiment/mine.yaml", text)
    (line,) = said(tmp_path, "+experiment=mine")
    assert line.startswith(f"model=trasformer ({file}:3): there is no such choice; did you mean transformer?")


def test_values_of_an_experiment(tmp_path: Path) -> None:
    text = "# @package _global_\nmodel:\n  dropout: 2\ntraining:\n  sed: 2\n"
    file = write(tmp_path, "experiment/mine.yaml", text)
    assert said(tmp_path, "+experiment=mine") == [
        f"training.sed=2 ({file}:5): there is no such key; did you mean training.seed?",
        f"model.dropout=2 ({file}:3): must be at least 0 and below 1",
    ]


def test_what_contradicts_is_named_with_its_places(tmp_path: Path) -> None:
    file = write(tmp_path, "experiment/mine.yaml", "# @package _global_\ngeneration:\n  beam: 3\n")
    assert said(tmp_path, "+experiment=mine", "generation.nbest=4") == [
        "generation.nbest=4 is more than generation.beam=3: the search keeps `beam` hypotheses; raise generation.beam "
        f"or lower generation.nbest (generation.nbest: command line; generation.beam: {file}:3)"
    ]


def test_a_file_that_is_no_yaml(tmp_path: Path) -> None:
    file = write(tmp_path, "model/mine.yaml", "defaults: [transformer, _self_]\ndropout: [1\n")
    (line,) = said(tmp_path, "model=mine")
    assert line.startswith(f"{file}:3: is no YAML: ")


@pytest.mark.parametrize("text", ["dim: 3\nheads: 4\n", "{}\n", "_name: transformer\n"])
def test_a_yaml_based_on_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, "model/mine.yaml", text)
    (line,) = said(tmp_path, "model=mine")
    words = "the chosen YAML is based on no registered model; begin it with `defaults: [NAME, _self_]`, NAME one of: "
    assert line.startswith(f"model=mine (command line): {words}")


def test_a_primary_config_without_a_root(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", "defaults: [{model: transformer}, _self_]\n")
    with pytest.raises(ConfigError, match=r"^mine: is based on no root; begin its defaults with `config` "):
        to_config(compose_node("mine", [], tmp_path))


def test_a_primary_config_without_a_group(tmp_path: Path) -> None:
    write(tmp_path, "mine.yaml", "defaults: [train_root, {task: translation}, _self_]\n")
    with pytest.raises(ConfigError) as error:
        to_config(compose_node("mine", [], tmp_path))
    assert "tokenizer: nothing is chosen; add tokenizer=NAME" in str(error.value).split("\n")
