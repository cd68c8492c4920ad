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
            "model.activation_fn=rleu (FILE:3): must be one of relu, gelu, gelu_tanh, swish, swiglu, geglu; "
            "did you mean relu?",
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
    line, other = said(tmp_path, "+experiment=mine")
    assert line.startswith(f"model=trasformer ({file}:3): there is no such choice; did you mean transformer?")
    assert other == f"training.sed=2 ({file}:6): there is no such key; did you mean training.seed?"


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


def test_a_wrong_choice_hides_nothing_else(tmp_path: Path) -> None:
    text = "# @package _global_\ndefaults:\n  - override /model: trasformer\ntraining:\n  sed: 2\n"
    file = write(tmp_path, "experiment/mine.yaml", text)
    first, *others = said(tmp_path, "+experiment=mine", "model.dropuot=1", "optimizer=adm", "optimizer.lr=fast")
    assert first.startswith("optimizer=adm (command line): there is no such choice; did you mean adam?")
    assert others[0].startswith(f"model=trasformer ({file}:3): there is no such choice; did you mean transformer?")
    assert others[1:] == [
        f"training.sed=2 ({file}:5): there is no such key; did you mean training.seed?",
        "optimizer.lr=fast (command line): must be a number",
    ]


@pytest.mark.parametrize("text", ["- a\n- b\n", "defaults: [transformer, _self_]\nmodel.dropout: 0.3\n"])
def test_a_file_of_another_shape(tmp_path: Path, text: str) -> None:
    file = write(tmp_path, "model/mine.yaml", text)
    (line,) = said(tmp_path, "model=mine")
    assert str(file) in line


def test_a_dotted_key(tmp_path: Path) -> None:
    file = write(tmp_path, "experiment/mine.yaml", "# @package _global_\ntraining.seed: 3\n")
    (line,) = said(tmp_path, "+experiment=mine")
    assert line == f"training.seed=3 ({file}:2): write it nested: training: {{seed: 3}}"


def test_a_base_of_itself(tmp_path: Path) -> None:
    write(tmp_path, "model/mine.yaml", "defaults: [mine, _self_]\n")
    assert said(tmp_path, "model=mine") == [
        "a defaults list leads back to itself: name another base in the YAML of model=mine"
    ]


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (["model=5", "optimizer.groups=[]"], ["model=5 (command line): must be the name of a choice"]),
        (["~model=transformer_tiny"], ["model=transformer_tiny (command line): is not what is chosen"]),
        (["~model", "model.dropout=3"], ["model: nothing is chosen; add model=NAME"]),
        (["training.max_update=-1"], ["training.max_update=-1 (command line): must be at least 0"]),
        (["~tokenizer"], ["tokenizer: nothing is chosen; add tokenizer=NAME"]),
        (["task.tokenizer.vocab_size=1"], ["tokenizer.vocab_size=1 (command line): must be above 4"]),
        (
            ["training.max_update=${nosuch}"],
            ["training.max_update=${nosuch} (command line): Interpolation key 'nosuch' not found"],
        ),
        (
            ["task.train=[train,${nosuch}]"],
            ["task.train=[train,${nosuch}] (command line): Interpolation key 'nosuch' not found"],
        ),
        (["+model@foo=transformer_tiny"], ["foo: there is no such key"]),
    ],
)
def test_what_follows_from_a_mistake_is_none(overrides: list[str], lines: list[str], tmp_path: Path) -> None:
    assert said(tmp_path, *overrides) == lines


KIND = '''
from dataclasses import dataclass

from seqtrain.config import PluginConfig
from seqtrain.fields import bounded
from seqtrain.registry import Registry


@dataclass
class ScaleConfig(PluginConfig):
    """Base of the group."""


class Scale:
    """Base of the kind."""


REGISTRY = Registry("scale", ScaleConfig, Scale)


@dataclass
class HalfConfig(ScaleConfig):
    """Config of half."""

    weight: float = bounded(0.5, at_least=0)
    """Weight of it."""


@REGISTRY.register("half", HalfConfig)
class Half(Scale):
    """Half of it."""
'''


def test_a_further_kind_is_chosen_with_a_plus(tmp_path: Path) -> None:
    (tmp_path / "kind.py").write_text(KIND)
    write(tmp_path, "scale/third.yaml", "defaults: [half, _self_]\nweight: 0.33\n")
    cfg = compose(["+scale=third"], searchpath=[tmp_path])
    assert cfg.scale.weight == 0.33  # type: ignore[attr-defined]  # of the user's own kind
    assert said(tmp_path, "+scale=half", "scale.wieght=1", "scale.weight=-1") == [
        "scale.wieght=1 (command line): there is no such key; did you mean scale.weight?",
        "scale.weight=-1 (command line): must be at least 0",
    ]
    (line,) = said(tmp_path, "+scale=haf")
    assert line == "scale=haf (command line): there is no such choice; did you mean half? Choices: half, third"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("defaults:\n  - override /model: transformer_tiny\n", "the YAML must begin with `# @package _global_`"),
        (
            "# @package _global_\ndefaults:\n  - override model: transformer_tiny\n",
            "experiment/mine: write `override /model` in the defaults list, with a slash",
        ),
        (
            "# @package _global_\ndefaults:\n  - /model: transformer_tiny\n",
            "model: write `override /model` in the defaults list, with `override`",
        ),
        (
            "# @package _global_\nmodel: transformer_tiny\n",
            "model=transformer_tiny (FILE:2): is a section; choose it in a defaults list: "
            "`- override /model: transformer_tiny`",
        ),
    ],
)
def test_slips_in_a_recipe(tmp_path: Path, text: str, message: str) -> None:
    file = write(tmp_path, "experiment/mine.yaml", text)
    (line,) = said(tmp_path, "+experiment=mine")
    assert line.startswith(message.replace("FILE", str(file)))


@pytest.mark.parametrize("check", ["return self.nothing", "raise ValueError('too small')"])
def test_a_users_own_check_that_fails(tmp_path: Path, check: str) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, register_lr_scheduler\n\n\n"
        "@dataclass\nclass Config(LRSchedulerConfig):\n"
        f"    def contradictions(self):\n        {check}\n\n\n"
        '@register_lr_scheduler("checked", Config)\nclass Checked(LRScheduler):\n'
        "    def lr_at(self, num_updates):\n        return 1.0\n"
    )
    (line,) = said(tmp_path, "lr_scheduler=checked")
    assert line.startswith(f"{tmp_path / 'mine.py'}:8: ")


BODY = ["optimizer=composite", "+optimizer@optimizer.parts.body.optimizer=sgd"]


@pytest.mark.parametrize(
    ("overrides", "lines"),
    [
        (
            [*BODY, "optimizer.parts.body.optimizer.lrr=1", "model.drop=3"],
            [
                "optimizer.parts.body.optimizer.lrr=1 (command line): there is no such key; "
                "did you mean optimizer.parts.body.optimizer.lr?",
                "model.drop=3 (command line): there is no such key; did you mean model.dropout?",
            ],
        ),
        (
            [
                *BODY,
                "+lr_scheduler@optimizer.parts.body.lr_scheduler=cosine",
                "optimizer.parts.body.optimizer.lr=-1",
                "optimizer.parts.body.lr_scheduler.t_mult=x",
            ],
            [
                "optimizer.parts.body.lr_scheduler.t_mult=x (command line): must be a number",
                "optimizer.parts.body.optimizer.lr=-1 (command line): must be at least 0",
            ],
        ),
        (
            ["optimizer=composite", "+optimizer.parts.body.pattern=layers"],
            ["optimizer.parts.body.optimizer: nothing is chosen; add +optimizer@optimizer.parts.body.optimizer=NAME"],
        ),
        (
            ["optimizer=composite"],
            [
                "optimizer=composite needs optimizer.parts, by names of your own: write for each "
                "+optimizer@optimizer.parts.NAME.optimizer=adamw, for all but one optimizer.parts.NAME.pattern=REGEX"
            ],
        ),
    ],
)
def test_plug_ins_in_a_plug_in(tmp_path: Path, overrides: list[str], lines: list[str]) -> None:
    assert said(tmp_path, *overrides) == lines


def test_plug_ins_in_a_plug_in_of_a_file(tmp_path: Path) -> None:
    text = "defaults: [composite, sgd@parts.a.optimizer, _self_]\nparts:\n  a:\n    optimizer: {momentun: 0.9}\n"
    file = write(tmp_path, "optimizer/mine.yaml", f"{text}  b:\n    patern: x\n")
    assert said(tmp_path, "optimizer=mine") == [
        f"optimizer.parts.a.optimizer.momentun=0.9 ({file}:4): there is no such key; "
        "did you mean optimizer.parts.a.optimizer.momentum?",
        f"optimizer.parts.b.patern=x ({file}:6): there is no such key; did you mean optimizer.parts.b.pattern?",
        "optimizer.parts.b.optimizer: nothing is chosen; add +optimizer@optimizer.parts.b.optimizer=NAME",
    ]


def test_the_name_of_a_plug_in_in_a_plug_in_is_its_choice(tmp_path: Path) -> None:
    text = "defaults: [composite, sgd@parts.a.optimizer, _self_]\nparts: {a: {optimizer: {_name: adam}}}\n"
    file = write(tmp_path, "optimizer/mine.yaml", text)
    (line,) = said(tmp_path, "optimizer=mine")
    choice = "choose the plug-in with optimizer@optimizer.parts.a.optimizer=adam"
    assert line == f"optimizer.parts.a.optimizer._name=adam ({file}:2): cannot be set: {choice}"


@pytest.mark.parametrize(
    ("header", "base", "line", "what"),
    [
        ("", "bleu", 2, "scorer.lowercase=true ({}): begin the file with `# @package scorer.mine`, and below it "),
        ("# @package scorer.mine\n", "bleu", 3, "scorer.mine.lowercase=true ({}): begin the file with `# @package "),
        ("# @package scorer.mine\n", "ter@_here_", 3, "scorer.mine.lowercase=true ({}): there is no such key"),
    ],
)
def test_a_preset_beside_others_without_its_place(
    header: str, base: str, line: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my/scorer").mkdir(parents=True)
    Path("my/scorer/mine.yaml").write_text(f"{header}defaults: [{base}, _self_]\nlowercase: true\n")
    with pytest.raises(ConfigError) as error:
        compose(["scorer=mine"], searchpath=["my"])
    assert str(error.value).startswith(what.format(f"my/scorer/mine.yaml:{line}"))
