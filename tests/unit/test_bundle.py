import importlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from seqtrain.bundle import Bundle
from seqtrain.composition import compose, register_all
from seqtrain.config import Plugins, TrainConfig
from seqtrain.errors import CheckpointError, PluginError
from seqtrain.lr_schedulers import REGISTRY, LRScheduler, LRSchedulerConfig, register_lr_scheduler
from seqtrain.plugin_code import Plugin
from seqtrain.plugins import forget_user_directory, user_directories

MINE = '''
from dataclasses import dataclass

from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, register_lr_scheduler

RATE = 0.5


@dataclass
class MineConfig(LRSchedulerConfig):
    """A config."""


@register_lr_scheduler("mine", MineConfig)
class Mine(LRScheduler):
    """A constant."""

    def lr_at(self, num_updates):
        return RATE
'''


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """A function that makes this process as a new one is, with no user directory imported; called at the end too."""
    register_all()
    before = user_directories()

    def forget() -> None:
        for directory in user_directories().keys() - before.keys():
            forget_user_directory(directory)

    yield forget
    forget()


@pytest.fixture
def user(tmp_path: Path, forget: Callable[[], None]) -> Path:
    """A user directory with the lr_scheduler ``mine``, and a YAML."""
    directory = tmp_path / "my-module"
    (directory / "lr_scheduler").mkdir(parents=True)
    (directory / "__init__.py").write_text("from .lr_scheduler import mine\n")
    (directory / "lr_scheduler/mine.py").write_text(MINE)
    (directory / "lr_scheduler/preset.yaml").write_text("defaults: [mine, _self_]\n")
    return directory


def config(user: Path) -> TrainConfig:
    return compose(["lr_scheduler=mine"], searchpath=[user])


@pytest.fixture
def checkpoint(tmp_path: Path, user: Path, forget: Callable[[], None]) -> Path:
    """What a checkpoint made with ``mine`` has of it; nothing of the user's directory is imported."""
    directory = tmp_path / "checkpoint"
    directory.mkdir()
    Bundle.of(config(user)).write(directory)
    forget()
    return directory


def read(checkpoint: Path) -> Bundle:
    return Bundle.read(checkpoint, [p.relative_to(checkpoint).as_posix() for p in checkpoint.rglob("*") if p.is_file()])


def test_nothing_where_every_plugin_is_seqtrains_own(tmp_path: Path) -> None:
    bundle = Bundle.of(compose())
    bundle.write(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert read(tmp_path) == Bundle(checkpoint=tmp_path)
    assert read(tmp_path).override() == ""
    assert read(tmp_path).provide(Plugins.installed)


def test_names_and_python_files(user: Path, checkpoint: Path) -> None:
    assert json.loads((checkpoint / "plugins.json").read_text()) == {
        "plugins": [
            {
                "kind": "lr_scheduler",
                "name": "mine",
                "module": "seqtrain.user.my_module.lr_scheduler.mine",
                "directory": str(user),
                "folder": "my_module",
                "distribution": "",
            }
        ]
    }
    files = sorted(p.relative_to(checkpoint).as_posix() for p in checkpoint.rglob("*") if p.is_file())
    assert files == ["plugins.json", "plugins/my_module/__init__.py", "plugins/my_module/lr_scheduler/mine.py"]
    assert (checkpoint / "plugins/my_module/lr_scheduler/mine.py").read_text() == MINE


def test_the_code_is_what_was_imported(user: Path, tmp_path: Path) -> None:
    cfg = config(user)
    Bundle.of(cfg)
    (user / "lr_scheduler/mine.py").write_text("edited while training\n")
    Bundle.of(cfg).write(tmp_path)
    assert (tmp_path / "plugins/my_module/lr_scheduler/mine.py").read_text() == MINE


def test_a_preset_of_a_users_directory_needs_no_code(user: Path) -> None:
    (user / "lr_scheduler/mine.py").write_text(
        "from seqtrain.lr_schedulers import register_lr_scheduler_preset\n"
        "from seqtrain.lr_schedulers.fixed import FixedConfig\n"
        "register_lr_scheduler_preset('mine', FixedConfig())\n"
    )
    assert Bundle.of(config(user)).plugins == []


def test_missing_with_its_directory(user: Path, checkpoint: Path) -> None:
    with pytest.raises(PluginError) as error:
        read(checkpoint).provide(Plugins.installed)
    assert str(error.value) == (
        f"lr_scheduler 'mine' of this checkpoint is a plug-in that was in {user}; name that directory with "
        f"hydra.searchpath=[{user}], or run the copy in the checkpoint with plugins=bundled"
    )


def test_missing_without_its_directory(user: Path, checkpoint: Path, tmp_path: Path) -> None:
    user.rename(tmp_path / "elsewhere")
    with pytest.raises(PluginError) as error:
        read(checkpoint).provide(Plugins.installed)
    assert str(error.value) == (
        f"lr_scheduler 'mine' of this checkpoint is a plug-in that was in {user}, where there is no directory now; "
        "name that directory with hydra.searchpath=[DIR], or run the copy in the checkpoint with plugins=bundled"
    )
    assert read(checkpoint).override() == "plugins=bundled"


def test_several_missing() -> None:
    one, other = Plugin("model", "a", "seqtrain.user.x", "/x", "x"), Plugin("task", "b", "seqtrain.user.y", "/y", "y")
    with pytest.raises(
        PluginError, match=r"^model 'a', task 'b' of this checkpoint are plug-ins that were in /x and /y"
    ):
        Bundle([one, other]).provide(Plugins.installed)


@pytest.mark.parametrize("choice", Plugins)
def test_missing_of_an_installed_package(choice: Plugins) -> None:
    bundle = Bundle([Plugin("model", "a", "pkg.models", distribution="pkg 1.0")])
    with pytest.raises(PluginError, match=r"model 'a' of this checkpoint is a plug-in of pkg 1\.0: install or import"):
        bundle.provide(choice)
    bundle = Bundle([Plugin("model", "a", "__main__")])
    with pytest.raises(PluginError, match="is a plug-in of the module __main__: install or import that first"):
        bundle.provide(choice)


@pytest.mark.parametrize("choice", Plugins)
def test_missing_of_a_kind_that_is_not_there(choice: Plugins) -> None:
    bundle = Bundle([Plugin("vocoder", "a", "pkg.vocoders", distribution="pkg 1.0")])
    with pytest.raises(PluginError, match=r"^vocoder 'a' of this checkpoint is a plug-in of pkg 1\.0"):
        bundle.provide(choice)


def test_a_copy_that_does_not_register_what_it_is_for(checkpoint: Path) -> None:
    names = checkpoint / "plugins.json"
    names.write_text(names.read_text().replace('"lr_scheduler"', '"vocoder"'))
    with pytest.raises(PluginError, match=r"^the copy in .*checkpoint lacks vocoder 'mine': use another"):
        read(checkpoint).provide(Plugins.bundled)


def test_its_directories(user: Path, checkpoint: Path) -> None:
    assert read(checkpoint).directories() == [str(user)]


def test_the_override_is_quoted_where_a_shell_needs_it(user: Path) -> None:
    assert Bundle.of(config(user)).override() == f"hydra.searchpath=[{user}]"
    strange = user.rename(user.parent / "with space, and (more)")
    assert Bundle([Plugin("model", "a", "m", str(strange), "m")]).override() == (
        f"""'hydra.searchpath=['"'"'{strange}'"'"']'"""
    )


def test_the_copy_runs_when_asked_for(
    user: Path, checkpoint: Path, caplog: pytest.LogCaptureFixture, forget: Callable[[], None]
) -> None:
    with caplog.at_level(logging.WARNING):
        assert read(checkpoint).provide(Plugins.bundled)
    copy = checkpoint / "plugins/my_module"
    assert caplog.messages == [
        f"plugins=bundled: running the copy of {user} in {copy}: __init__.py, lr_scheduler/mine.py"
    ]
    assert sys.modules["seqtrain.user.my_module.lr_scheduler.mine"].__file__ == str(copy / "lr_scheduler/mine.py")
    assert list(checkpoint.rglob("__pycache__")) == []
    # Once more, as after a resume: nothing is imported again, and a checkpoint made now is like this one.
    assert read(checkpoint).provide(Plugins.installed)
    again = Bundle.of(compose(["lr_scheduler=mine"]))
    assert list(again.plugins) == list(read(checkpoint).plugins)
    assert again.code["my_module"].files == read(checkpoint).code["my_module"].files


def test_nothing_runs_that_is_not_of_the_checkpoint(checkpoint: Path) -> None:
    bundle = read(checkpoint)
    (checkpoint / "plugins/my_module/more.py").write_text("1 / 0\n")
    with pytest.raises(PluginError, match=r"my_module holds what the checkpoint did not: remove more\.py"):
        bundle.provide(Plugins.bundled)


def test_changed_code(user: Path, checkpoint: Path, caplog: pytest.LogCaptureFixture) -> None:
    (user / "lr_scheduler/mine.py").write_text(MINE.replace("0.5", "0.25"))
    (user / "more.py").write_text("")
    config(user)
    with caplog.at_level(logging.WARNING):
        assert not read(checkpoint).provide(Plugins.installed)
    (message,) = caplog.messages
    assert message.splitlines()[:3] == [
        f"plug-ins have changed since {checkpoint} was written:",
        f"--- {checkpoint}/plugins/my_module/lr_scheduler/mine.py",
        f"+++ {user}/lr_scheduler/mine.py",
    ]
    assert message.splitlines()[7:9] == ["-RATE = 0.5", "+RATE = 0.25"]
    with pytest.raises(PluginError, match=r"plugins=bundled: other code than the copy in .* is imported already"):
        read(checkpoint).provide(Plugins.bundled)


def test_the_same_code_from_another_directory(user: Path, checkpoint: Path, tmp_path: Path) -> None:
    config(user.rename(tmp_path / "elsewhere"))
    assert read(checkpoint).provide(Plugins.installed)
    assert read(checkpoint).provide(Plugins.bundled)


@pytest.fixture
def installed() -> Iterator[str]:
    """An lr_scheduler ``mine`` of an installed package; its name and version."""

    @dataclass
    class Config(LRSchedulerConfig):
        """A config."""

    class Mine(LRScheduler):
        def lr_at(self, num_updates: int) -> float:
            return 0.5

    register_all()
    exec("register('mine', Config)(Mine)", {"__name__": "yaml.x", "register": register_lr_scheduler, **locals()})
    yield f"PyYAML {version('PyYAML')}"
    REGISTRY.forget(["yaml.x"])


def test_plugins_of_installed_packages_are_named(installed: str) -> None:
    bundle = Bundle.of(compose(["lr_scheduler=mine"]))
    assert bundle.plugins == [Plugin("lr_scheduler", "mine", "yaml.x", distribution=installed)]
    assert bundle.override() == ""
    assert bundle.code == {}


@pytest.mark.parametrize("before", [{"distribution": "PyYAML 1.0"}, {"directory": "/x/mine", "folder": "mine"}])
def test_another_version_or_place_is_a_warning(
    installed: str, before: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    bundle = Bundle([Plugin("lr_scheduler", "mine", "yaml.x", **before)])
    with caplog.at_level(logging.WARNING):
        assert bundle.provide(Plugins.installed)
    place = next(iter(before.values()))
    assert caplog.messages == [f"lr_scheduler 'mine' of this checkpoint was from {place} and is from {installed} now"]


def test_a_directory_that_is_imported_by_another_name(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user's own tests may do."""
    package = user.rename(user.parent / "mymodule")
    monkeypatch.syspath_prepend(package.parent)
    register_all()
    importlib.import_module("mymodule")
    (plugin,) = Bundle.of(config(package)).plugins
    assert (plugin.module, plugin.directory, plugin.folder) == ("mymodule.lr_scheduler.mine", str(package), "mymodule")


@pytest.mark.parametrize("folder", ["..", "../other", "/tmp", "a/b", "."])
def test_folders_elsewhere_are_refused(checkpoint: Path, folder: str) -> None:
    names = checkpoint / "plugins.json"
    names.write_text(names.read_text().replace('"my_module"', json.dumps(folder)))
    with pytest.raises(CheckpointError, match=r"plugins\.json names no plug-ins, or folders elsewhere: use another"):
        read(checkpoint)


@pytest.mark.parametrize("plugin", [3, {}, {"kind": 3}, {"kind": "model", "name": "a", "module": "b", "more": 1}])
def test_plugins_of_another_shape(checkpoint: Path, plugin: object) -> None:
    (checkpoint / "plugins.json").write_text(json.dumps({"plugins": [plugin]}))
    with pytest.raises(CheckpointError, match=r"plugins\.json .*use another checkpoint"):
        read(checkpoint)


def test_plug_ins_in_a_plug_in_are_named_too(user: Path) -> None:
    parts = ["optimizer=composite", "+optimizer@optimizer.parts.all.optimizer=sgd"]
    mine = "+lr_scheduler@optimizer.parts.all.lr_scheduler=mine"
    bundle = Bundle.of(compose([*parts, mine], searchpath=[user]))
    assert [str(plugin) for plugin in bundle.plugins] == ["lr_scheduler 'mine'"]
    assert list(bundle.code) == ["my_module"]
