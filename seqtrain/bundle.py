"""What a checkpoint carries of plug-ins that are not seqtrain's own: their names, and copies of users' Python.

``plugins.json`` names them. ``plugins/<folder>/`` holds the ``.py`` files of each user directory that one of them comes
from, as they were when training began, or when they were compared with a checkpoint's if that was before. The
checkpoint's manifest has their SHA-256. Plug-ins of installed packages are named with distribution and version, and not
copied. None of it is run unless that is asked for.
"""

import contextlib
import dataclasses
import json
import logging
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqtrain.composition import searchpath_override
from seqtrain.config import Plugins, TrainConfig
from seqtrain.documents import DocumentError, build, read_json
from seqtrain.errors import CheckpointError, PluginError
from seqtrain.plugin_code import Plugin, imported_code, plugin_of, take_as_read
from seqtrain.plugins import import_user_directory, user_directories
from seqtrain.registry import REGISTRIES, kind_of, plugin_configs
from seqtrain.user_code import UserCode, difference, read_code, shortened

NAMES, COPIES = "plugins.json", "plugins"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bundle:
    """The plug-ins of one checkpoint that are not seqtrain's own."""

    plugins: Sequence[Plugin] = ()
    code: Mapping[str, UserCode] = field(default_factory=dict)
    """What each folder of copies holds."""
    checkpoint: Path = Path()
    """Checkpoint directory that it was read from."""

    @classmethod
    def of(cls, cfg: TrainConfig) -> "Bundle":
        """Return the plug-ins that a config chooses, as far as they are not seqtrain's own."""
        configs = [(kind_of(config), config) for config in plugin_configs(cfg)]
        chosen = dict.fromkeys((kind, REGISTRIES[kind].entry_of(config)) for kind, config in configs)
        plugins = [plugin for kind, entry in chosen if (plugin := plugin_of(kind, entry)) is not None]
        code = {plugin.folder: imported_code(plugin.module) for plugin in plugins if plugin.folder}
        for one in code.values():
            if one.left_out:
                log.warning("not copied into checkpoints: %s", ", ".join(one.left_out))
        return cls(plugins, code)

    @classmethod
    def read(cls, checkpoint: Path, files: Iterable[str]) -> "Bundle":
        """Return the bundle of a checkpoint directory that has these files.

        Raises:
            CheckpointError: what it says of plug-ins cannot be used.
        """
        names = list(files)
        if NAMES not in names:
            return cls(checkpoint=checkpoint)
        plugins = _read_plugins(checkpoint / NAMES)
        folders = dict.fromkeys(plugin.folder for plugin in plugins if plugin.folder)
        return cls(plugins, {folder: _read_copy(checkpoint, folder, names) for folder in folders}, checkpoint)

    def write(self, checkpoint: Path) -> None:
        """Write names and copies into a new checkpoint directory; nothing where every plug-in is seqtrain's own."""
        if not self.plugins:
            return
        data = {"plugins": [dataclasses.asdict(plugin) for plugin in self.plugins]}
        (checkpoint / NAMES).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        for folder, code in self.code.items():
            for name, content in code.files.items():
                file = checkpoint / COPIES / folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)

    def provide(self, choice: Plugins) -> bool:
        """Make sure that every plug-in is registered; tell whether with the code of the copies, and show a diff if not.

        Args:
            choice: ``bundled`` runs the copies of plug-ins that are not registered, and says so first.

        Raises:
            PluginError: a plug-in is not there, cannot be imported, or is not the copy that was asked for.
        """
        missing = [plugin for plugin in self.plugins if not plugin.is_registered]
        if missing and not (choice is Plugins.bundled and all(plugin.folder for plugin in missing)):
            raise PluginError(_missing(missing))
        for plugin in {plugin.folder: plugin for plugin in missing}.values():
            self._run_copy(plugin)
        if lacking := [str(plugin) for plugin in missing if not plugin.is_registered]:
            raise PluginError(f"the copy in {self.checkpoint} lacks {', '.join(lacking)}: use another checkpoint")
        changes = self._changes()
        if changes:
            log.warning("plug-ins have changed since %s was written:\n%s", self.checkpoint, changes)
        if changes and choice is Plugins.bundled:
            raise PluginError(
                f"plugins=bundled: other code than the copy in {self.checkpoint} is imported already; "
                "leave out its hydra.searchpath"
            )
        return not changes

    def directories(self) -> list[str]:
        """Return the user directories that the plug-ins were in, absolute, each once."""
        return _directories(self.plugins)

    def override(self) -> str:
        """Return what to add to a command so that it finds the plug-ins of users; empty if there are none."""
        directories = self.directories()
        if not directories:
            return ""
        return _searchpath(directories) if _are_there(directories) else "plugins=bundled"

    def _run_copy(self, plugin: Plugin) -> None:
        copy = self.code[plugin.folder]
        there = read_code(Path(copy.directory))
        if strange := [*(there.files.keys() - copy.files.keys()), *there.left_out]:
            raise PluginError(
                f"{copy.directory} holds what the checkpoint did not: remove {', '.join(sorted(strange))}"
            )
        files = ", ".join(copy.files)
        log.warning("plugins=bundled: running the copy of %s in %s: %s", plugin.directory, copy.directory, files)
        with _no_bytecode():
            import_user_directory(Path(copy.directory))
        package = user_directories()[Path(copy.directory).resolve()]
        # A checkpoint made from the copy names the directory that it was copied from.
        take_as_read(package, dataclasses.replace(copy, directory=plugin.directory))

    def _changes(self) -> str:
        """Return a diff from the copies to what is registered now; only warn of what cannot be compared."""
        compared: dict[str, str] = {}
        for plugin in self.plugins:
            now = plugin_of(plugin.kind, REGISTRIES[plugin.kind].entry(plugin.name))
            if plugin.folder and now is not None and now.folder:
                compared[plugin.folder] = now.module
            elif (place := "seqtrain" if now is None else now.place) != plugin.place:
                log.warning("%s of this checkpoint was from %s and is from %s now", plugin, plugin.place, place)
        return shortened(
            line for old, new in compared.items() for line in difference(self.code[old], imported_code(new))
        )


def _read_plugins(file: Path) -> list[Plugin]:
    """Return the plug-ins that a file names; their folders are names right below ``plugins/``."""
    try:
        data = read_json(file)
        named = data.get("plugins") if isinstance(data, dict) else None
        plugins = [build(Plugin, plugin, file) for plugin in (named if isinstance(named, list) else [])]
    except DocumentError as error:
        raise CheckpointError(f"{error}: use another checkpoint") from error
    if not plugins or not all(re.fullmatch(r"\w*", plugin.folder) for plugin in plugins):
        raise CheckpointError(f"{file} names no plug-ins, or folders elsewhere: use another checkpoint")
    return plugins


def _read_copy(checkpoint: Path, folder: str, names: Sequence[str]) -> UserCode:
    prefix = f"{COPIES}/{folder}/"
    files = {name.removeprefix(prefix): (checkpoint / name).read_bytes() for name in names if name.startswith(prefix)}
    return UserCode(str(checkpoint / COPIES / folder), files)


def _missing(plugins: Sequence[Plugin]) -> str:
    """Say where plug-ins were that are not registered, and what to do."""
    for plugin in plugins:
        if not plugin.folder:
            return f"{plugin} of this checkpoint is a plug-in of {plugin.place}: install or import that first"
    directories = _directories(plugins)
    there = _are_there(directories)
    were = "are plug-ins that were" if plugins[1:] else "is a plug-in that was"
    return (
        f"{', '.join(map(str, plugins))} of this checkpoint {were} "
        f"in {' and '.join(directories)}{'' if there else ', where there is no directory now'}; "
        f"name that directory with {_searchpath(directories if there else ['DIR'])}, "
        "or run the copy in the checkpoint with plugins=bundled"
    )


def _searchpath(directories: Sequence[str]) -> str:
    """Return the override that names user directories, as it is typed in a shell."""
    if all(re.fullmatch(r"[\w./+-]+", directory) for directory in directories):
        return f"hydra.searchpath=[{','.join(directories)}]"
    return shlex.quote(*searchpath_override(directories))


def _directories(plugins: Iterable[Plugin]) -> list[str]:
    return list(dict.fromkeys(plugin.directory for plugin in plugins if plugin.directory))


def _are_there(directories: Iterable[str]) -> bool:
    return all(Path(directory).is_dir() for directory in directories)


@contextlib.contextmanager
def _no_bytecode() -> Iterator[None]:
    """Leave no ``__pycache__`` in the directories that are imported."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
