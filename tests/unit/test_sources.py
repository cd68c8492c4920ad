from pathlib import Path

import pytest

from seqtrain.composition import discover, searchpath_override
from seqtrain.errors import PluginError
from seqtrain.plugins import conf_directory, import_user_directory, user_directories
from seqtrain.registry import REGISTRIES
from seqtrain.sources import hidden_yaml

PRESET = (
    "from seqtrain.optimizers import register_optimizer_preset as p\nfrom seqtrain.optimizers.sgd import SGDConfig\n"
)


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_yaml_that_hydra_would_not_take(tmp_path: Path) -> None:
    builtin, a, b = conf_directory(), tmp_path / "a", tmp_path / "b"
    write(b / "mine.py", PRESET + "p('my_sgd', SGDConfig())\n")
    for file in ("model/transformer_tiny", "model/transformer", "model/new", "optimizer/my_sgd", "config", "other"):
        write(a / f"{file}.yaml")
    for file in ("model/new", "hydra/launcher/mine", "other", "experiment/mine"):
        write(b / f"{file}.yaml")
    import_user_directory(b)
    place = REGISTRIES["model"].entry("transformer").where
    ending = "give this file another name"
    assert list(hidden_yaml([a, b])) == [
        f"{a}/config.yaml:1: config is there already, in {builtin}/config.yaml; {ending}",
        f"{a}/model/transformer.yaml:1: model/transformer is there already, in {place}; {ending}",
        f"{a}/model/transformer_tiny.yaml:1: model/transformer_tiny is there already, in "
        f"{builtin}/model/transformer_tiny.yaml; {ending}",
        f"{a}/optimizer/my_sgd.yaml:1: optimizer/my_sgd is there already, in {b}/mine.py:3; {ending}",
        f"{b}/model/new.yaml:1: model/new is there already, in {a}/model/new.yaml; {ending}",
    ]
    assert list(hidden_yaml([builtin, b])) == []


def test_all_entries_are_tried_and_all_failures_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("bad", "good", "worse"):
        write(tmp_path / name / "file.py", {"bad": "=", "worse": "\nraise ValueError"}.get(name, ""))
    monkeypatch.setenv("GOOD_DIRECTORY", "good")
    monkeypatch.chdir(tmp_path)
    entries = ["pkg://no_such_package_4711", "bad", "${oc.env:GOOD_DIRECTORY}", "${oc.env:NO_SUCH_4711}", "worse"]
    with pytest.raises(PluginError) as error:
        discover(searchpath_override(entries))
    assert str(error.value).splitlines() == [
        "no package 'no_such_package_4711' is installed (pkg://no_such_package_4711); install it, or name a directory",
        f"{tmp_path}/bad/file.py:1: cannot import this plug-in: SyntaxError: invalid syntax",
        "hydra.searchpath=${oc.env:NO_SUCH_4711}: KeyError raised while resolving interpolation: "
        "\"Environment variable 'NO_SUCH_4711' not found\"",
        f"{tmp_path}/worse/file.py:2: cannot import this plug-in: ValueError",
    ]
    assert tmp_path / "good" in user_directories()


def test_python_with_the_name_of_a_yaml_file_of_seqtrain(tmp_path: Path) -> None:
    write(tmp_path / "mine.py", PRESET + "p('adam_gpt3', SGDConfig())\n")
    with pytest.raises(PluginError) as error:
        discover(searchpath_override([tmp_path]))
    place = conf_directory() / "optimizer/adam_gpt3.yaml"
    assert str(error.value) == (
        f"{tmp_path}/mine.py:3: optimizer/adam_gpt3 is there already, in {place}; register another name"
    )
    assert tmp_path not in user_directories()
