"""Shell completion: ``-sc install=SHELL`` prints what a shell has to evaluate, ``-sc query=SHELL`` what may come next.

The flag is Hydra's, and so is ``COMP_LINE``, the command line up to the cursor. Hydra's own completion knows no
commands, offers as a field's value only what it is already, and changes what splits words for all programs of a bash.
"""

import contextlib
import os
import shlex
from argparse import Namespace
from collections.abc import Iterator, Sequence
from enum import Enum
from glob import escape, glob
from pathlib import Path
from types import NoneType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

from hydra._internal.config_repository import IConfigRepository
from hydra._internal.utils import get_args_parser
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqtrain.commands import COMMANDS
from seqtrain.commands._recipes import recipe_groups
from seqtrain.commands._shells import INSTALL, UNINSTALL
from seqtrain.commands._words import KEYS_OF_TOOLS, SEARCHPATH, TAKE_OVERRIDES
from seqtrain.composition import hydra_loader
from seqtrain.config import Plugins
from seqtrain.errors import ConfigError, SeqtrainError
from seqtrain.origins import open_sources, show
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import group_choices

FLAGS = (
    "--cfg",
    "--config-dir",
    "--config-name",
    "--help",
    "--info",
    "--multirun",
    "--package",
    "--resolve",
    "--version",
)
CHOICES_OF_FLAGS = {
    **dict.fromkeys(("--cfg", "-c"), ("all", "hydra", "job")),
    **dict.fromkeys(("--info", "-i"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")),
}
FLAGS_OF_TOOLS = {"schema": ("--config-dir", "--dir", "--write"), "new": ("--dir",), "check": ("--seconds",)}
FLAGS_OF_TOOLS |= dict.fromkeys(TAKE_OVERRIDES, ("--config-dir", "--config-name"))
DIRECTORY_FLAGS = ("--config-dir", "-cd", "--dir")


class Composed(NamedTuple):
    """A root config, and the sources that it was composed from."""

    node: DictConfig
    repository: IConfigRepository


def main(arguments: Sequence[str]) -> None:
    """Answer what follows the flag ``-sc``.

    Raises:
        ConfigError: it is nothing that can be answered.
    """
    task, _, shell = " ".join(arguments).partition("=")
    if task not in ("install", "uninstall", "query") or shell not in INSTALL:
        raise ConfigError(f"-sc takes install=SHELL or uninstall=SHELL, SHELL one of: {', '.join(INSTALL)}")
    if task == "query":
        for candidate in candidates(os.environ.get("COMP_LINE", "")):
            print(candidate)
    else:
        print((INSTALL if task == "install" else UNINSTALL)[shell].strip())


def candidates(line: str) -> list[str]:
    """Return what the last word of a command line may become, in order; its first word is the program's name."""
    *before, word = _words(line)[1:] or [""]
    found: set[str] = set()
    with contextlib.suppress(OmegaConfBaseException):  # the word is no key
        found.update(choice for choice in _choices(before, word) if choice.startswith(word))
    return sorted(found)


def _words(line: str) -> list[str]:
    """Split a line as a shell does; the last word is empty after a space."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is open
        words = line.split()
    return [*words, ""] if line[-1:].isspace() else words


def _choices(before: Sequence[str], word: str) -> Iterator[str]:
    """Yield what may follow the words ``before``, and more that does not begin like ``word``."""
    named = bool(before) and before[0] in COMMANDS
    command, others = (before[0], before[1:]) if named else ("train", before)
    if others and others[-1] in CHOICES_OF_FLAGS:
        yield from CHOICES_OF_FLAGS[others[-1]]
    elif others and others[-1] in DIRECTORY_FLAGS:
        yield from _paths(word)
    elif word.startswith("-"):
        yield from FLAGS if COMMANDS[command].config_name else ("--help", *FLAGS_OF_TOOLS.get(command, ()))
    elif command in KEYS_OF_TOOLS:
        yield from _words_of_tool(command, others, word)
    elif not COMMANDS[command].config_name and not others:
        yield from _first_of_tool(command, word)
    else:
        yield from () if before else COMMANDS
        yield from _overrides(command, others, word)


def _words_of_tool(command: str, before: Sequence[str], word: str) -> Iterator[str]:
    """Yield what may be a word of a tool that takes overrides, and words of its own."""
    key, equals, value = word.partition("=")
    if key == "plugins":
        yield from (f"plugins={choice}" for choice in Plugins.__members__)
    elif equals and key in ("checkpoint", "keep", "output", "hydra.run.dir"):
        yield from (f"{key}={path}" for path in _paths(value))
    else:
        yield from () if equals else KEYS_OF_TOOLS[command]
        yield from _overrides(command, before, word) if command in TAKE_OVERRIDES or equals else ()


def _first_of_tool(command: str, word: str) -> Iterator[str]:
    """Yield what may be the first word after a tool's name."""
    if command == "check":
        yield from _paths(word)
        return
    composed = _compose("train", [])
    if command == "explain":
        yield from (key.rstrip("=") for key in _keys(composed, word))
        return
    kinds = [*REGISTRIES, *(recipe_groups(composed.repository) if command == "plugins" else ())]
    yield from kinds
    if command == "plugins" and "/" in word:
        yield from (f"{kind}/{name}" for kind in kinds for name in group_choices(composed.repository, kind))


def _overrides(command: str, before: Sequence[str], word: str) -> Iterator[str]:
    """Yield overrides, and the beginnings of some."""
    key, equals, value = word.partition("=")
    if word.startswith("resume="):
        yield from (f"resume={choice}" for choice in ("auto", *_paths(value)))
        return
    composed = _compose(command, before)
    name = key.lstrip("+~")
    if not equals:
        yield from ["resume="] if command == "train" else []
        yield from _groups(composed, word)
        yield from _keys(composed, word)
    elif name and composed.repository.group_exists(name):
        head = value[: max(map(value.rfind, "[,")) + 1]  # of a list or a sweep
        yield from (f"{key}={head}{choice}" for choice in group_choices(composed.repository, name))
    else:
        yield from (f"{key}={choice}" for choice in _values(composed.node, name, value))


def _groups(composed: Composed, word: str) -> Iterator[str]:
    """Yield the groups of the defaults list, and those that ``+`` adds to it; Hydra's own only if asked for."""
    chosen = [str(group) for group in composed.node.hydra.runtime.choices]
    # Hydra does not note choices that are lists.
    chosen += [kind for kind, registry in REGISTRIES.items() if registry.several and kind in composed.node]
    others = composed.repository.get_group_options("", ObjectType.GROUP)
    yield from (f"{group}=" for group in chosen if not group.startswith("hydra/") or word.startswith("hydra/"))
    yield from (f"+{group}=" for group in others if group not in ("hydra", *chosen))


def _keys(composed: Composed, word: str) -> Iterator[str]:
    """Yield the keys of the section that a word is in; sections end in a dot."""
    parent = word.rpartition(".")[0]
    for name in map(str, _section(composed.node, parent) or ()):
        key = f"{parent}.{name}" if parent else name
        if not name.startswith("_") and (key != "hydra" or word.startswith("hydra")):
            yield f"{key}=" if _section(composed.node, key) is None else f"{key}."


def _section(node: DictConfig, key: str) -> DictConfig | None:
    """Return what stands below a key, if that is a section."""
    below = OmegaConf.select(node, key, throw_on_resolution_failure=False) if key else node
    return below if isinstance(below, DictConfig) else None


def _values(node: DictConfig, key: str, typed: str) -> Iterator[str]:
    """Yield values that a field's type names, or else the value that it has; for text, paths."""
    parent, _, name = key.rpartition(".")
    section = _section(node, parent)
    config_type = OmegaConf.get_type(section) if section is not None else dict
    hint = get_type_hints(config_type).get(name)
    if section is None or hint is None:
        return
    types = {hint, *get_args(hint)}
    head = typed[: max(map(typed.rfind, "[,")) + 1] or ("[" if get_origin(hint) is list else "")
    named = [value for part in types for value in _values_of(part)]
    yield from (head + value for value in named)
    plain: Any = OmegaConf.to_container(section)
    value = plain[name]
    unset = value in ("", [], MISSING)
    if not named and not unset and not isinstance(value, dict) and "${" not in str(value):
        yield show(value).replace(", ", ",")
    if types & {str, Any} and (typed or unset):
        yield from (head + path for path in _paths(typed.removeprefix(head)))


def _values_of(hint: Any) -> list[str]:
    """Return the values that a type names."""
    if isinstance(hint, type) and issubclass(hint, Enum):
        return list(hint.__members__)
    return {bool: ["true", "false"], NoneType: ["null"]}.get(hint, [])


def _paths(typed: str) -> Iterator[str]:
    """Yield the files and directories whose path begins as typed; not those that a shell would have to quote."""
    start = os.path.expanduser(typed)
    for path in glob(f"{escape(start)}*"):
        if shlex.quote(path) == path:
            yield typed + path[len(start) :] + ("/" if os.path.isdir(path) else "")


def _compose(command: str, before: Sequence[str]) -> Composed:
    """Compose from the words before, or from fewer of them if there are mistakes in them."""
    flags = Namespace(config_name=None, config_dir=None, overrides=[])
    with contextlib.suppress(SystemExit):  # argparse refuses unknown flags, and says so to stderr
        flags = get_args_parser().parse_args(list(before))
    name = flags.config_name or COMMANDS[command].config_name or COMMANDS["train"].config_name
    config_dir = Path(flags.config_dir).expanduser() if flags.config_dir else None
    overrides = [word for word in flags.overrides if _has_one_value(word)]
    searchpath = [word for word in overrides if word.startswith(SEARCHPATH)]
    for kept in (overrides, searchpath):
        with contextlib.suppress(SeqtrainError, HydraException, OmegaConfBaseException, YAMLError, ValueError):
            return _load(name, kept, config_dir)
    return _load(COMMANDS[command].config_name or COMMANDS["train"].config_name, [])


def _load(name: str, overrides: list[str], config_dir: Path | None = None) -> Composed:
    with hydra_loader(config_dir) as loader:
        node = loader.load_configuration(name, overrides, RunMode.MULTIRUN)
        return Composed(node, open_sources(loader, name, overrides)[1])


def _has_one_value(word: str) -> bool:
    """Tell whether a word is an override, and no sweep."""
    try:
        return not OverridesParser.create().parse_override(word).is_sweep_override()
    except HydraException:
        return False
