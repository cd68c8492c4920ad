import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra.core.config_store import ConfigStore

import seqtrain.user
from seqtrain import plugins, user_packages
from seqtrain.composition import discover, searchpath_override
from seqtrain.errors import PluginError
from seqtrain.plugins import (
    builtin_names,
    forget_user_directory,
    import_builtin,
    import_package,
    import_user_directory,
    kinds,
    user_directories,
)
from seqtrain.registry import REGISTRIES

import_builtin()

PRESET = (
    "from seqtrain.optimizers import register_optimizer_preset as p\nfrom seqtrain.optimizers.sgd import SGDConfig\n"
)


def state() -> object:
    """What an import that fails must leave as it was."""
    return (
        {kind: (registry.names(), registry.presets()) for kind, registry in REGISTRIES.items()},
        {kind: set(ConfigStore.instance().repo[kind]) for kind in REGISTRIES},
        {name for name in sys.modules if name.startswith("seqtrain.user")},
        os.environ.get(user_packages.VARIABLE),
        set(vars(seqtrain.user)),
        list(sys.path),
        list(sys.meta_path),
        user_directories(),
    )


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before, known = state(), user_directories()
    yield
    for directory in set(user_directories()) - set(known):
        forget_user_directory(directory)
    assert state() == before


def refused(directory: Path) -> str:
    """Return why a directory cannot be imported, after checking that nothing of it stays."""
    before = state()
    with pytest.raises(PluginError) as error:
        import_user_directory(directory)
    assert state() == before
    return str(error.value)


def write(file: Path, text: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_names_of_files_without_helpers() -> None:
    names = ["byte", "char", "gpt2_bpe", "sentencepiece", "subword_nmt", "whitespace"]
    assert builtin_names("tokenizer") == names
    assert {"adam", "sgd"} <= set(builtin_names("optimizer"))


def test_import_builtin_can_be_called_again() -> None:
    import_builtin()
    import_builtin()


def test_a_package_is_imported_once_and_not_on_pythons_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "my-module.v2"
    write(directory / "__init__.py", "from .part import x\nprint('hello', x, __name__)\n")
    write(directory / "part.py", "x = 1\n")
    path = list(sys.path)
    import_user_directory(directory)
    import_user_directory(directory / ".." / directory.name)
    assert capsys.readouterr() == ("", "hello 1 seqtrain.user.my_module_v2\n")
    assert sys.path == path


def test_loose_files_import_in_order_also_in_folders_of_groups(tmp_path: Path) -> None:
    for file in [
        "b.py",
        "a.py",
        "model/c-d.py",
        "other/e.py",
        "_f.py",
        "test_g.py",
        "conftest.py",
        "model/__init__.py",
    ]:
        write(tmp_path / file)
    import_user_directory(tmp_path)
    package = user_directories()[tmp_path.resolve()]
    imported = [name.removeprefix(package) for name in sys.modules if name.startswith(f"{package}.")]
    assert imported == [".a", ".b", ".model", ".model.c-d"]


def test_packages_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        write(tmp_path / parent / "json" / "__init__.py", "import json\nassert json.loads('1') == 1\n")
        import_user_directory(tmp_path / parent / "json")
    first, second = (user_directories()[tmp_path / parent / "json"] for parent in ("a", "b"))
    assert first == "seqtrain.user.json"
    assert second.startswith("seqtrain.user.json_") and len(second) == len("seqtrain.user.json_") + 8
    known = {first: str(tmp_path / "a/json"), second: str(tmp_path / "b/json")}
    assert json.loads(os.environ[user_packages.VARIABLE]).items() >= known.items()


def test_a_further_kind_is_one_line(tmp_path: Path) -> None:
    kind = """
from dataclasses import dataclass
from seqtrain.config import PluginConfig
from seqtrain.registry import Registry

@dataclass
class TrackerConfig(PluginConfig):
    weight: float = 1.0

class Tracker:
    def __init__(self, cfg): self.weight = cfg.weight

TRACKERS = Registry("tracker", TrackerConfig, Tracker)
"""
    tracker = """
from dataclasses import dataclass
from ..kind import TRACKERS, Tracker, TrackerConfig

@dataclass
class HalfConfig(TrackerConfig):
    weight: float = 0.5

@TRACKERS.register("half", HalfConfig)
class Half(Tracker): ...
"""
    write(tmp_path / "kind.py", kind)
    write(tmp_path / "tracker" / "half.py", tracker)
    import_user_directory(tmp_path)
    registry = REGISTRIES["tracker"]
    assert kinds() == ["task", "model", "criterion", "optimizer", "lr_scheduler", "tokenizer", "scorer", "tracker"]
    assert registry.build(registry.entry("half").config_type()).weight == 0.5
    forget_user_directory(tmp_path)
    assert "tracker" not in REGISTRIES and "tracker" not in ConfigStore.instance().repo


def test_a_directory_that_its_own_tests_imported_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "whole_package_4711" / "__init__.py", "print('run')\n")
    write(tmp_path / "loose" / "loose_file_4711.py", "print('run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "loose")
    import loose_file_4711  # type: ignore[import-not-found]  # noqa: F401  # written above
    import whole_package_4711  # type: ignore[import-not-found]  # noqa: F401  # written above

    import_user_directory(tmp_path / "whole_package_4711")
    import_user_directory(tmp_path / "loose")
    assert capsys.readouterr() == ("run\nrun\n", "")
    assert user_directories()[tmp_path / "whole_package_4711"] == "whole_package_4711"


def test_nothing_stays_of_a_directory_that_fails(tmp_path: Path) -> None:
    write(tmp_path / "a.py", PRESET + "p('of_a', SGDConfig())\nfrom . import b\n")
    write(tmp_path / "b.py", PRESET + "p('of_b', SGDConfig())\n\n1 / 0\n")
    assert refused(tmp_path) == (
        f"{tmp_path / 'b.py'}:5: cannot import this plug-in: ZeroDivisionError: division by zero, "
        f"imported at {tmp_path / 'a.py'}:4"
    )
    write(tmp_path / "b.py", PRESET + "p('of_b', SGDConfig())\n\n1 / 1.0\n")
    import_user_directory(tmp_path)
    assert {"of_a", "of_b"} <= set(REGISTRIES["optimizer"].presets())


def test_no_directory(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere") == (
        f"hydra.searchpath: there is no directory {tmp_path / 'nowhere'}; check the path"
    )


def test_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "package_4711" / "__init__.py")
    write(tmp_path / "package_4711" / "sub" / "__init__.py", PRESET + "p('of_package', SGDConfig())\n")
    write(tmp_path / "package_4711" / "bad.py", PRESET + "p('of_bad', SGDConfig())\nimport package_4711.sub\n1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginError) as error:
        import_package("package_4711.bad")
    assert str(error.value).startswith(f"{tmp_path}/package_4711/bad.py:5: cannot import this plug-in: ZeroDivision")
    assert "of_package" not in REGISTRIES["optimizer"].presets()
    discover(searchpath_override(["pkg://package_4711/sub"]))
    assert REGISTRIES["optimizer"].presets()["of_package"].module == "package_4711.sub"
    REGISTRIES["optimizer"].forget({"package_4711.sub"})
    plugins._packages.clear()
