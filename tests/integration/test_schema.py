"""The command ``schema``: what it writes, and what it says."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from omegaconf import OmegaConf

from seqtrain.composition import compose

Call = Callable[..., Any]

EXAMPLE = Path(__file__).parents[2] / "examples" / "my-module"


def errors(directory: Path, kind: str, content: Any) -> list[str]:
    schema = json.loads((directory / f"{kind}.json").read_text())
    return [error.message for error in Draft202012Validator(schema).iter_errors(content)]


def test_a_user_directory_gets_schemas_and_editor_lines(run: Call, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "my-module", ignore=shutil.ignore_patterns("__pycache__"))
    preset = tmp_path / "my-module/model/my_gru_wide.yaml"
    recipe = tmp_path / "my-module/experiment/wide.yaml"
    recipe.parent.mkdir()
    recipe.write_text("# @package _global_\ndefaults: [{override /model: my_gru_wide}, _self_]\n")
    done = run("schema", "--write", "hydra.searchpath=[my-module]", cwd=tmp_path)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "schemas of config, experiment, task, model, criterion, optimizer, lr_scheduler, tokenizer, scorer: "
        "my-module/.seqtrain/schema",
        "editor line: my-module/experiment/wide.yaml",
        "editor line: my-module/model/my_gru_wide.yaml",
    ]
    line = "# yaml-language-server: $schema=../.seqtrain/schema/"
    assert preset.read_text().startswith(f"{line}model.json\n# The model `my_gru`, twice as wide.\n")
    assert recipe.read_text().startswith(f"# @package _global_\n{line}experiment.json\ndefaults:")
    schemas = tmp_path / "my-module/.seqtrain/schema"
    assert errors(schemas, "model", OmegaConf.to_container(OmegaConf.load(preset))) == []
    assert errors(schemas, "model", {"defaults": ["my_transformer", "_self_"], "dropout": 0.1}) == []
    assert errors(schemas, "model", {"defaults": ["my_transformer", "_self_"], "embed_dim": 8})
    assert errors(schemas, "model", {"defaults": ["my_gru_wide", "_self_"], "embed_dims": 8})
    chosen = OmegaConf.to_container(OmegaConf.load(recipe))
    assert isinstance(chosen, dict)
    assert errors(schemas, "experiment", {**chosen, "model": {"embed_dim": 8}}) == []
    assert errors(schemas, "experiment", {**chosen, "model": {"encoder_layers": 8}})


def test_writing_again_changes_nothing_and_hydra_reads_what_was_changed(call: Call, tmp_path: Path) -> None:
    recipe = tmp_path / "experiment/fast.yaml"
    recipe.parent.mkdir()
    recipe.write_text("# @package _global_\ntraining: {max_update: 5}\n")
    assert "editor line" in call("schema", "--write", f"hydra.searchpath=[{tmp_path}]").out
    written = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert len(written) == 10
    assert "editor line" not in call("schema", "--write", f"hydra.searchpath=[{tmp_path}]").out
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == written
    assert compose(["+experiment=fast"], searchpath=[tmp_path]).training.max_update == 5


def test_without_a_user_directory(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = call("schema", "--write")
    assert "schemas of config, experiment, task," in done.out and ": .seqtrain/schema\n" in done.out
    assert "# yaml-language-server: $schema=PATH/.seqtrain/schema/model.json" in done.out
    assert len(list((tmp_path / ".seqtrain" / "schema").iterdir())) == 9


def test_a_place_of_ones_own_and_a_primary_config(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/exp.yaml").write_text("defaults: [config, _self_]\ntraining: {max_update: 5}\n")
    arguments = ["schema", "--config-dir", tmp_path / "mine", "--dir", tmp_path / "here"]
    assert f"{tmp_path / 'mine/exp.yaml'}: config" in call(*arguments).out
    assert not (tmp_path / "here").exists()
    assert call(*arguments, "--write").code == 0
    assert (tmp_path / "mine/exp.yaml").read_text().startswith("# yaml-language-server: $schema=../here/config.json\n")
    assert errors(tmp_path / "here", "config", {"defaults": ["exp", "_self_"], "training": {"max_update": 5}}) == []


def test_one_kind_is_printed(call: Call) -> None:
    schema = json.loads(call("schema", "criterion").out)
    assert schema["title"] == "seqtrain: a file in criterion/"
    rules = [rule.get("then", {}).get("properties", {}) for rule in schema["allOf"]]
    assert 0.1 in [rule["label_smoothing"]["default"] for rule in rules if "label_smoothing" in rule]


def test_the_built_in_yaml_stays_as_it_is(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    conf = EXAMPLE.parents[1] / "conf"
    before = {file: file.read_bytes() for file in conf.rglob("*") if file.is_file()}
    assert call("schema", "--write", f"hydra.searchpath=[{conf}]").code == 0
    assert {file: file.read_bytes() for file in conf.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["modle"], "'modle' is no kind of YAML file; did you mean model? Kinds: config, experiment, task"),
        (["hydra.searchpath=[nowhere]"], "there is no directory"),
        (["hydra.searchpath=["], "hydra.searchpath=["),
        (["--config-dir", "nowhere"], "--config-dir nowhere: there is no such directory"),
    ],
)
def test_what_is_refused(call: Call, arguments: list[str], words: str) -> None:
    assert words in call("schema", *arguments).refused()


@pytest.mark.parametrize("arguments", [["model", "task"], ["model", "--write"], ["training.seed=1"], ["--wirte"]])
def test_wrong_usage(call: Call, arguments: list[str]) -> None:
    done = call("schema", *arguments)
    assert done.code == 2 and done.err.startswith("usage: seqtrain schema")
