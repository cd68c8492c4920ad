from typing import Any

import pytest
from jsonschema import Draft202012Validator

from seqtrain.plugins import import_builtin
from seqtrain.schema.choices import Choices
from seqtrain.schema.files import schemas

import_builtin()
CHOICES = Choices(
    plugins={"optimizer": {"adam": "adam", "hot": "adam", "sgd": "sgd"}, "scorer": {"bleu": "bleu", "chrf": "chrf"}},
    experiments={"with_adam": {"optimizer": "adam"}, "with_sgd": {"optimizer": "sgd"}},
    primaries={"config": {"optimizer": "adam"}, "sgd_job": {"optimizer": "sgd"}, "train_root": {}, "generate_root": {}},
    commands={"config": "train", "sgd_job": "train", "train_root": "train", "generate_root": "generate"},
)
VALIDATORS = {kind: Draft202012Validator(schema) for kind, schema in schemas(CHOICES).items()}
ADAM, SGD = {"eps": 1e-6}, {"momentum": 0.9}


@pytest.mark.parametrize(
    ("defaults", "values", "valid"),
    [
        (["adam", "_self_"], ADAM, True),
        (["hot", "_self_"], ADAM, True),
        (["hot", "_self_"], SGD, False),
        (["sgd"], SGD, True),
        (["adam", "sgd"], {**ADAM, **SGD}, False),
        (["_self_"], {}, False),
        (["adam", {"override /model": "any"}], {}, True),
        (["adam", 3], {}, False),
    ],
)
def test_a_preset_has_the_keys_of_its_plugin(defaults: list[Any], values: dict[str, Any], valid: bool) -> None:
    assert VALIDATORS["optimizer"].is_valid({"defaults": defaults, **values}) is valid


@pytest.mark.parametrize(
    ("kind", "defaults", "values", "valid"),
    [
        ("experiment", [], ADAM, True),
        ("experiment", [], SGD, False),
        ("experiment", [{"override /optimizer": "hot"}], ADAM, True),
        ("experiment", [{"override /optimizer": "sgd"}], SGD, True),
        ("experiment", [{"override /optimizer": "sgd"}], ADAM, False),
        ("experiment", [{"override /optimizer": "nobody"}], {}, False),
        ("experiment", [{"override /optimizer": "${mine}"}], {"whatever": 1}, True),
        ("experiment", ["with_sgd", "_self_"], SGD, True),
        ("experiment", ["with_sgd", "_self_"], ADAM, False),
        ("experiment", ["with_sgd", {"override /optimizer": "adam"}], ADAM, True),
        ("config", ["config", "_self_"], ADAM, True),
        ("config", ["config", "_self_"], SGD, False),
        ("config", ["sgd_job"], SGD, True),
        ("config", ["sgd_job", {"override optimizer": "adam"}], ADAM, True),
        ("config", ["train_root", {"optimizer": "sgd"}], SGD, True),
        ("config", ["train_root", {"/optimizer": "sgd"}], ADAM, False),
        ("config", ["train_root"], {}, False),
        ("config", ["generate_root"], {}, False),
        ("config", [], ADAM, False),
    ],
)
def test_a_group_has_the_keys_of_what_is_chosen(
    kind: str, defaults: list[Any], values: dict[str, Any], valid: bool
) -> None:
    assert VALIDATORS[kind].is_valid({"defaults": defaults, "optimizer": values}) is valid


def test_a_recipe_without_a_defaults_list() -> None:
    assert VALIDATORS["experiment"].is_valid({"optimizer": ADAM, "hydra": {"job": {"name": "mine"}}})
    assert not VALIDATORS["experiment"].is_valid({"optimizer": SGD})


def test_the_primary_config_of_another_command() -> None:
    values = {"defaults": ["generate_root", "_self_"], "checkpoint": "run", "generation": {"beam": 2}}
    assert VALIDATORS["config"].is_valid(values)
    assert not VALIDATORS["config"].is_valid({**values, "training": {}})
