"""What composing refuses for a key, a type, an enum or a range, the JSON Schema of that kind of YAML refuses too."""

import copy
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose as hydra_compose
from hydra.errors import HydraException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.composition import discover, hydra_loader, searchpath_override, to_config
from seqtrain.config import ROOTS
from seqtrain.errors import ConfigError
from seqtrain.fields import Checked
from seqtrain.plugins import PACKAGES, conf_directory
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import based_on, read_choices
from seqtrain.schema.files import schemas

CONF = conf_directory()
FILES = sorted(CONF.rglob("*.yaml"))
KINDS = ["config", "experiment", *PACKAGES]
REFUSAL = (ConfigError, HydraException, OmegaConfBaseException, ValueError)


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    """The schemas as they are written."""
    written: dict[str, dict[str, Any]] = json.loads(json.dumps(schemas(read_choices(discover()))))
    return written


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A user directory, to write one file into after another."""
    return tmp_path


def problems(documents: dict[str, dict[str, Any]], kind: str, content: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(documents[kind]).iter_errors(content)]


def compose(user: Path, kind: str, content: dict[str, Any]) -> None:
    """Compose with a file of the user's, of some kind and content; raise what that raises, not yet put into words."""
    text = yaml.safe_dump(content, sort_keys=False)
    file = user / ("" if kind == "config" else kind) / "mutant.yaml"
    file.parent.mkdir(exist_ok=True)
    package = {"experiment": "_global_", "scorer": "scorer.mutant"}.get(kind)
    file.write_text((f"# @package {package}\n" if package else "") + text)
    choice = "+experiment=mutant" if kind == "experiment" else f"{kind}=mutant"
    is_primary = kind == "config"
    name, overrides = ("mutant", []) if is_primary else ("config", [*searchpath_override([user]), choice])
    with hydra_loader(user if is_primary else None):
        to_config(hydra_compose(name, overrides))


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_one(documents: dict[str, dict[str, Any]], kind: str) -> None:
    Draft202012Validator.check_schema(documents[kind])


def test_there_is_one_for_each_kind(documents: dict[str, dict[str, Any]]) -> None:
    assert list(documents) == KINDS


def test_they_are_the_same_each_time(documents: dict[str, dict[str, Any]]) -> None:
    again = schemas(read_choices(discover()))
    assert json.dumps(documents) == json.dumps(again)
    assert str(CONF.parent) not in json.dumps(again)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CONF)))
def test_every_yaml_that_is_built_in_is_valid(documents: dict[str, dict[str, Any]], file: Path) -> None:
    kind = file.parent.name if file.parent != CONF else "config"
    assert problems(documents, kind, OmegaConf.to_container(OmegaConf.load(file), resolve=False)) == []


ACCEPTED: list[tuple[str, dict[str, Any]]] = [
    ("model", {"defaults": ["transformer"]}),
    ("model", {"defaults": ["transformer", "_self_"], "dropout": 0, "activation_fn": "gelu"}),
    ("model", {"defaults": ["transformer_tiny", "_self_"], "dropout": "${criterion.label_smoothing}"}),
    ("optimizer", {"defaults": ["sgd", "_self_"], "lr": 1, "nesterov": "yes", "momentum": 0.5}),
    ("optimizer", {"defaults": ["adam", "_self_"], "groups": [{"pattern": "bias$", "weight_decay": None}]}),
    ("lr_scheduler", {"defaults": ["polynomial_decay", "_self_"], "total_num_update": "${training.max_update}"}),
    ("task", {"defaults": ["translation", "_self_"], "data": 2016, "train": []}),
    ("experiment", {"training": {"max_update": 3, "device": "cpu"}}),
    ("experiment", {"defaults": ["_self_"], "model": {"dropout": 0.5}}),
    ("experiment", {"defaults": [{"override /optimizer": "sgd"}, "_self_"], "optimizer": {"momentum": 0.5}}),
    ("experiment", {"defaults": ["multi30k_en_de", "_self_"], "lr_scheduler": {"warmup_updates": 1}}),
    ("experiment", {"hydra": {"job": {"name": "mine"}}, "validation": {"generate": False}}),
    ("config", {"defaults": ["config", "_self_"], "training": {"max_update": 5}}),
    ("config", {"defaults": ["config", {"override optimizer": "sgd"}, "_self_"], "optimizer": {"momentum": 0.5}}),
    ("config", {"defaults": ["config", {"override /optimizer": "sgd"}, "_self_"], "hydra": {"run": {"dir": "mine"}}}),
    ("scorer", {"defaults": ["bleu_lowercase@_here_", "_self_"], "tokenizer": "13a"}),
    (
        "experiment",
        {"defaults": [{"override /scorer": ["bleu", "ter"]}, "_self_"], "scorer": {"ter": {"no_punct": True}}},
    ),
    (
        "config",
        {
            "defaults": ["evaluate", {"override scorer": "chrf"}, "_self_"],
            "checkpoint": "a",
            "scorer": {"chrf": {"beta": 1}},
        },
    ),
    ("config", {"defaults": ["average_root", "_self_"], "checkpoint": ["a", "b"], "output": "c", "last": 2}),
]


@pytest.mark.parametrize(("kind", "content"), ACCEPTED, ids=str)
def test_what_both_accept(documents: dict[str, dict[str, Any]], user: Path, kind: str, content: dict[str, Any]) -> None:
    compose(user, kind, content)
    assert problems(documents, kind, content) == []


TRANSFORMER, ADAM, SGD = ({"defaults": [name, "_self_"]} for name in ("transformer", "adam", "sgd"))
BASED_ON_CONFIG = {"defaults": ["config", "_self_"]}

REFUSED: list[tuple[str, dict[str, Any]]] = [
    # unknown keys
    ("model", {**TRANSFORMER, "dropuot": 0.1}),
    ("model", {**TRANSFORMER, "_name": "mine"}),
    ("optimizer", {**SGD, "betas": [0.9, 0.9]}),
    ("optimizer", {**ADAM, "groups": [{"pattern": "norm", "decay": 0.1}]}),
    ("lr_scheduler", {"defaults": ["inverse_sqrt_4k", "_self_"], "total_num_update": 5}),
    ("experiment", {"trainig": {"max_update": 5}}),
    ("experiment", {"training.max_update": 5}),
    ("experiment", {"training": {"max_updates": 5}}),
    ("experiment", {"model": {"embed_dim": 8}}),
    ("experiment", {"defaults": [{"override /optimizer": "sgd"}, "_self_"], "optimizer": {"betas": [0.9, 0.9]}}),
    ("experiment", {"defaults": ["multi30k_en_de", "_self_"], "lr_scheduler": {"total_num_update": 5}}),
    ("config", {**BASED_ON_CONFIG, "models": {}}),
    ("config", {**BASED_ON_CONFIG, "lr_scheduler": {"warmup": 5}}),
    ("config", {"defaults": ["config", {"override /optimizer": "sgd"}, "_self_"], "optimizer": {"eps": 0.1}}),
    (
        "config",
        {"defaults": ["train_root", {"task": "translation"}, {"tokenizer": "char"}, "_self_"], "model": {"a": 1}},
    ),
    ("config", {"defaults": ["average_root", "_self_"], "checkpoint": "a", "output": "b", "beam": 2}),
    # bases and choices
    ("model", {"dropout": 0.1}),
    ("model", {"defaults": ["transfomer", "_self_"]}),
    ("model", {"defaults": "transformer"}),
    ("experiment", {"defaults": [{"override /model": "transfomer"}, "_self_"]}),
    # types
    ("model", {**TRANSFORMER, "dropout": "much"}),
    ("model", {**TRANSFORMER, "dropout": True}),
    ("model", {**TRANSFORMER, "dropout": None}),
    ("model", {**TRANSFORMER, "dropout": [0.1]}),
    ("model", {**TRANSFORMER, "encoder_layers": 1.5}),
    ("model", {**TRANSFORMER, "encoder_layers": "six"}),
    ("model", {**TRANSFORMER, "share_all_embeddings": "perhaps"}),
    ("optimizer", {**ADAM, "betas": 0.9}),
    ("optimizer", {**ADAM, "betas": ["a", 0.9]}),
    ("optimizer", {**ADAM, "groups": {"pattern": "norm"}}),
    ("task", {"defaults": ["translation", "_self_"], "train": "train"}),
    ("task", {"defaults": ["translation", "_self_"], "data": ["a", "b"]}),
    ("experiment", {"training": 5}),
    ("experiment", {"training": None}),
    ("experiment", {"training": ["max_update"]}),
    ("experiment", {"tracking": {"tensorboard": {}}}),
    ("experiment", {"model": "transformer"}),
    # enums
    ("model", {**TRANSFORMER, "activation_fn": "step"}),
    ("tokenizer", {"defaults": ["sentencepiece", "_self_"], "model_type": "word"}),
    ("experiment", {"training": {"device": "tpu"}}),
    ("experiment", {"defaults": [{"override /scorer": ["meteor"]}, "_self_"]}),
    ("experiment", {"scorer": ["bleu"]}),
    ("experiment", {"scorer": {"exact_match": {"lowercase": "maybe"}}}),
    # ranges
    ("model", {**TRANSFORMER, "dropout": 1.0}),
    ("model", {**TRANSFORMER, "dropout": -0.1}),
    ("model", {**TRANSFORMER, "dropout": float("nan")}),
    ("optimizer", {**ADAM, "eps": 0}),
    ("optimizer", {**ADAM, "lr": float("inf")}),
    ("optimizer", {**ADAM, "betas": [0.9, 1.0]}),
    ("optimizer", {**ADAM, "groups": [{"pattern": "norm", "weight_decay": -1}]}),
    ("tokenizer", {"defaults": ["sentencepiece", "_self_"], "character_coverage": 1.5}),
    ("experiment", {"training": {"log_base": 1}}),
    ("experiment", {"training": {"update_freq": 0}}),
    ("experiment", {"generation": {"beam": 0}}),
    ("config", {**BASED_ON_CONFIG, "training": {"seed": -1}}),
    # no value
    ("optimizer", {**ADAM, "groups": [{"weight_decay": 0.1}]}),
]


@pytest.mark.parametrize(("kind", "content"), REFUSED, ids=str)
def test_what_both_refuse(documents: dict[str, dict[str, Any]], user: Path, kind: str, content: dict[str, Any]) -> None:
    with pytest.raises(REFUSAL):
        compose(user, kind, content)
    assert problems(documents, kind, content)


def _configs(config: type[Checked]) -> Iterator[type[Checked]]:
    yield config
    for below in config.__subclasses__():
        yield from _configs(below)


@pytest.fixture
def without_contradictions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong between several fields, each of them right, is no schema's to say."""
    for config in _configs(Checked):
        monkeypatch.setattr(config, "contradictions", lambda self: ())


def _keys() -> list[tuple[str, str]]:
    """Every plug-in's fields, and the fields of each section."""
    plugins = [
        (f"{kind}/{name}", field.name)
        for kind, registry in REGISTRIES.items()
        for name in registry.names()
        for field in dataclasses.fields(registry.entry(name).config_type)
        if registry.entry(name).config_type.__module__.startswith("seqtrain.") and not field.name.startswith("_")
    ]
    sections = [
        (section.name, field.name)
        for section in dataclasses.fields(ROOTS["train"])
        if section.name not in PACKAGES and isinstance(section.type, type) and dataclasses.is_dataclass(section.type)
        for field in dataclasses.fields(section.type)
    ]
    return plugins + sections


discover()
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3000),
    st.floats(-2, 3).filter(lambda number: not number.is_integer()),
    st.sampled_from([float("inf"), float("nan"), 1e30, "no", "bleu", "auto", "gelu", "train", "1e-3"]),
    st.text("abc-", min_size=1, max_size=4),
)
NEEDED = {
    "knowledge_distillation": {"teacher": "runs/teacher"},
    "gpt2_bpe": {"encoder_json": "encoder.json", "vocab_bpe": "vocab.bpe"},
    "subword_nmt": {"codes": "codes"},
}
"""What has no default: a file may leave it to the command line."""
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(_keys()), st.sampled_from(["", "", "", "x"]), VALUES)
@pytest.mark.usefixtures("without_contradictions")
def test_what_composing_refuses_is_not_valid(
    documents: dict[str, dict[str, Any]], user: Path, key: tuple[str, str], suffix: str, value: Any
) -> None:
    (section, field), (kind, _, plugin) = key, key[0].partition("/")
    content: dict[str, Any] = {section: {field + suffix: value}}
    if plugin:
        content = {"defaults": [based_on(kind, plugin), "_self_"], **NEEDED.get(plugin, {}), field + suffix: value}
    kind = kind if plugin else "experiment"
    try:
        compose(user, kind, copy.deepcopy(content))
    except REFUSAL:
        assert problems(documents, kind, content)
