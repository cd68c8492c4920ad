"""What holds for the project as a whole: layers, names, presets, options, and that imports have no side effects."""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.config_store import ConfigStore

from seqtrain import composition, config
from seqtrain.commands.help import help_text
from seqtrain.fields import describe_fields
from seqtrain.plugins import PACKAGES, builtin_names, conf_directory, import_builtin
from seqtrain.registry import REGISTRIES, Entry
from seqtrain.testing.configs import plugin_in

ROOT = Path(__file__).parents[2]
CONF = conf_directory()
PRESETS = sorted((group, file.stem) for group in PACKAGES for file in (CONF / group).glob("*.yaml"))
EXPERIMENTS = sorted((CONF / "experiment").glob("*.yaml"))
OPTIONS = Path(__file__).with_name("options.txt")

import_builtin()


def builtin() -> list[tuple[str, Entry]]:
    """Return every built-in plug-in with its kind."""
    entries = [(kind, registry.entry(name)) for kind, registry in REGISTRIES.items() for name in registry.names()]
    return [(kind, entry) for kind, entry in entries if entry.config_type.__module__.startswith(PACKAGES[kind])]


def in_a_process(code: str) -> str:
    """Return what Python prints that has imported nothing yet."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_registers_nothing_and_discovery_does() -> None:
    packages = ", ".join(PACKAGES.values())
    printed = in_a_process(
        "from hydra.core.config_store import ConfigStore\n"
        "before = set(ConfigStore.instance().repo)\n"
        f"import seqtrain, {packages}\n"
        "from seqtrain.registry import REGISTRIES\n"
        "print(set(ConfigStore.instance().repo) - before, sum(len(r.names()) for r in REGISTRIES.values()))\n"
    )
    assert printed == "set() 0\n"


@pytest.mark.parametrize("code", ["import seqtrain", "import seqtrain.config, seqtrain.paths, seqtrain.registry"])
def test_imports_no_torch(code: str) -> None:
    assert in_a_process(f"{code}\nimport sys\nprint('torch' in sys.modules)") == "False\n"


def test_help_lists_every_choice_and_examples() -> None:
    text = " ".join(help_text("train").split())
    for group in PACKAGES:
        line = text.partition(f" {group}: ")[2]
        for name in [*builtin_names(group), *(name for kind, name in PRESETS if kind == group)]:
            assert re.search(rf"\b{name}\b", line), f"{group}={name}"
    assert text.partition("Examples:")[2].partition("Commands:")[0].count("python -m seqtrain") == 3


@pytest.mark.parametrize("command", [name for name in config.ROOTS if name != "train"])
def test_help_of_a_command_has_a_text_for_each_field(command: str) -> None:
    assert_field_lines(help_text(command).split("\nFields, set with KEY=VALUE:\n")[1].splitlines())


@pytest.mark.parametrize(("kind", "entry"), builtin(), ids=lambda value: getattr(value, "name", value))
def test_help_of_a_plugin_has_a_text_for_each_field(kind: str, entry: Entry) -> None:
    first, *lines = help_text("train", [f"{kind}={entry.name}"]).splitlines()
    assert first.startswith(f"{kind}={entry.name}: ")
    assert_field_lines(lines)


def assert_field_lines(lines: list[str]) -> None:
    assert len(lines) % 2 == 0
    for key, text in zip(lines[::2], lines[1::2], strict=True):
        assert re.fullmatch(r"  [\w.]+=.*  \(.*\)", key) and text.strip(), key


@pytest.mark.parametrize("kind", PACKAGES)
def test_the_name_of_a_plugin_is_its_files(kind: str) -> None:
    for _, entry in (pair for pair in builtin() if pair[0] == kind):
        assert entry.cls.__module__ == entry.config_type.__module__ == f"{PACKAGES[kind]}.{entry.name}"
    assert {entry.name for k, entry in builtin() if k == kind} == set(builtin_names(kind))


@pytest.mark.parametrize(("kind", "entry"), builtin(), ids=lambda value: getattr(value, "name", value))
def test_every_field_of_a_plugins_config_is_documented(kind: str, entry: Entry) -> None:
    assert_documented(entry.config_type)


def sections(config_type: type) -> Iterator[type]:
    """Yield a root dataclass and the plain sections in it."""
    yield config_type
    for field in dataclasses.fields(config_type):
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            yield from sections(field.type)


@pytest.mark.parametrize("root", config.ROOTS.values())
def test_every_field_of_a_section_is_documented(root: type) -> None:
    for section in sections(root):
        assert_documented(section)


def assert_documented(config_type: type) -> None:
    """Each field has a text, a line, and a range if it is a number."""
    for name, info in describe_fields(config_type).items():
        assert re.fullmatch(r"\S.*\.", info.meaning), f"{config_type.__name__}.{name}: {info.meaning!r}"
        assert re.fullmatch(r".*\.py:\d+", info.where)
        if re.search(r"\b(integer|number)\b", info.type):
            assert info.range is not None, f"{config_type.__name__}.{name} declares no range: use bounded()"


def option_names() -> list[str]:
    """Return every key of the roots that is no plug-in's, by command."""

    def keys(config_type: type, prefix: str) -> Iterator[str]:
        for field in dataclasses.fields(config_type):
            if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
                if field.name not in PACKAGES:
                    yield from keys(field.type, f"{prefix}{field.name}.")
            elif not field.name.startswith("_"):
                yield f"{prefix}{field.name}"

    return [key for command, root in config.ROOTS.items() for key in keys(root, f"{command} ")]


def test_options_are_those_that_were_agreed_on() -> None:
    """An option is a promise: to add, rename or drop one, change ``options.txt`` too and tell the changelog."""
    assert option_names() == OPTIONS.read_text().splitlines()


@pytest.mark.parametrize(("group", "name"), PRESETS)
def test_preset(group: str, name: str) -> None:
    text = (CONF / group / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.startswith("# "), "says first what it is for"
    assert name not in REGISTRIES[group].names(), "the plug-in of that name would hide it"
    cfg = composition.compose([f"{group}={name}"])
    values = {key: value for key, value in yaml.safe_load(text).items() if key != "defaults"}
    (base, _self) = yaml.safe_load(text)["defaults"]
    assert _self == "_self_"
    based_on = plugin_in(composition.compose([f"{group}={base.removesuffix('@_here_')}"]), group)
    for key, value in values.items():
        assert plain(plugin_in(cfg, group), key) != plain(based_on, key), f"{key}: {value} is what {base} has anyway"


def plain(cfg: Any, key: str) -> Any:
    value = getattr(cfg, key)
    return getattr(value, "value", value)


@pytest.mark.parametrize("file", EXPERIMENTS, ids=lambda file: file.stem)
def test_experiment(file: Path) -> None:
    first, _, command, *_ = file.read_text(encoding="utf-8").splitlines()
    assert first == "# @package _global_"
    assert command.startswith(f"#   python -m seqtrain +experiment={file.stem}")
    composition.compose([f"+experiment={file.stem}"])


def test_the_default_config_composes_and_survives_its_own_yaml() -> None:
    cfg = composition.compose()
    assert composition.from_container(composition.to_container(cfg)) == cfg


def test_layers() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout


def test_every_registered_plugin_is_in_config_store() -> None:
    repo = ConfigStore.instance().repo
    for kind, entry in builtin():
        assert repo[kind][f"{entry.name}.yaml"].node._name == entry.name
