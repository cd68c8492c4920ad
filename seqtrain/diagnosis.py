"""Find every mistake in the overrides and YAML that Hydra refuses to compose, instead of its first one.

Overrides that name no choice are put aside and the rest is opened; then each setting is applied by itself to the typed
schema, as Hydra would in one go.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hydra._internal.config_repository import IConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from seqtrain.mistakes import (
    Mistake,
    based_on_nothing,
    child_of,
    find_mistakes,
    first_line,
    flatten,
    unknown_choice,
    unknown_key,
    wrong_type,
)
from seqtrain.origins import (
    COMMAND_LINE,
    Origins,
    Setting,
    of_override,
    open_sources,
    read_origins,
    shown_path,
    yaml_file,
    yaml_lines,
)
from seqtrain.registry import REGISTRIES


def diagnose(loader: ConfigLoader, config_name: str, overrides: Sequence[str]) -> list[str]:
    """Return a line for each mistake in what a root is composed of; none if it finds nothing wrong.

    Args:
        loader: Hydra's, initialised.
        config_name: the primary config.
        overrides: as on the command line.
    """
    mistakes: list[Mistake] = []
    kept = list(_readable(overrides, mistakes))
    origins = _open(loader, config_name, kept, mistakes)
    if origins is None:
        return [mistake.line() for mistake in mistakes]
    mistakes += _baseless(origins)
    unclear = {m.key for m in mistakes if m.key in REGISTRIES}
    mistakes += _apply(origins.schema, origins.settings, unclear)
    wrong = {m.key for m in mistakes}
    sections = {key.split(".", 1)[0] for key in wrong}
    mistakes += [m for m in find_mistakes(origins.schema, sections) if m.key not in wrong or not m.key]
    return list(dict.fromkeys(mistake.line(origins) for mistake in mistakes))


def unreadable(overrides: Sequence[str]) -> list[str]:
    """Return a line for each override that is not in Hydra's grammar or has several values."""
    mistakes: list[Mistake] = []
    list(_readable(overrides, mistakes))
    return [mistake.line() for mistake in mistakes]


def hydras_words(error: Exception, overrides: Sequence[str]) -> str:
    """Return what Hydra says, about an override if it says so, where the diagnosis finds nothing."""
    return _refused(error, overrides)[0].line()


def apply_overrides(node: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Apply overrides to a typed root that is composed already; return a line for each one that is wrong."""
    mistakes: list[Mistake] = []
    parsed = [OverridesParser.create().parse_override(text) for text in _readable(overrides, mistakes)]
    mistakes += _apply(node, [setting for one in parsed for setting in of_override(one)], set())
    return [mistake.line() for mistake in mistakes]


def _readable(overrides: Sequence[str], mistakes: list[Mistake]) -> Iterator[str]:
    """Yield the overrides that are in Hydra's grammar and have one value."""
    for text in overrides:
        key, _, value = text.partition("=")
        try:
            override = OverridesParser.create().parse_override(text)
        except HydraException:
            what = "cannot be read; quote a value that holds special characters: \"KEY='VALUE'\""
            mistakes.append(Mistake(what, key, value, COMMAND_LINE))
            continue
        if override.is_sweep_override():
            what = "several values; write [A,B] for a list, or add -m to train once for each"
            mistakes.append(Mistake(what, key, value, COMMAND_LINE))
        else:
            yield text


def _open(loader: ConfigLoader, config_name: str, overrides: list[str], mistakes: list[Mistake]) -> Origins | None:
    """Return the origins without the overrides that name no group or choice; None if a YAML is at fault."""
    while True:
        try:
            return read_origins(loader, config_name, overrides)
        except MissingConfigException as error:
            mistake, culprit = _unknown_choice(error, loader, config_name, overrides)
        except YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{shown_path(mark.name)}:{mark.line + 1}" if mark else ""
            mistake, culprit = Mistake(f"{where}: is no YAML: {getattr(error, 'problem', error)}"), None
        except (HydraException, OmegaConfBaseException, ValueError) as error:
            mistake, culprit = _refused(error, overrides)
        mistakes.append(mistake)
        if culprit is None:
            return None
        overrides.remove(culprit)


def _unknown_choice(
    error: MissingConfigException, loader: ConfigLoader, config_name: str, overrides: Sequence[str]
) -> tuple[Mistake, str | None]:
    """Return what is wrong with a choice that is not there, and the override to leave out to go on."""
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    parsed, repository = open_sources(loader, config_name, overrides)
    what = unknown_choice(name, repository.get_group_options(group, ObjectType.CONFIG) if group else [])
    of_groups = {(o.key_or_group, str(o.value())): text for o, text in zip(parsed, overrides, strict=True)}
    if (group, name) in of_groups:
        return Mistake(what, group, name, COMMAND_LINE), of_groups[group, name]
    # One of the chosen YAML files names it.
    for chosen, text in [*of_groups.items(), (("", config_name), None)]:
        if where := _line_naming(repository, "/".join(filter(None, chosen)), name):
            return Mistake(what, group, name, where), text
    return Mistake(what, str(error.missing_cfg_file)), None


def _line_naming(repository: IConfigRepository, config: str, name: str) -> str:
    """Return FILE:LINE of the YAML whose defaults list names a choice; nothing if it does not."""
    result = repository.load_config(config) if repository.config_exists(config) else None
    if result is None or result.path.startswith("structured:"):
        return ""
    file = yaml_file(result, config)
    lines = file.read_text(encoding="utf-8").splitlines()
    numbers = [n for path, n in yaml_lines(file).items() if path[0] == "defaults" and len(path) > 1]
    line = next((n for n in numbers if re.search(rf"\b{re.escape(name)}\b", lines[n - 1])), 0)
    return f"{shown_path(str(file))}:{line}" if line else ""


def _refused(error: Exception, overrides: Sequence[str]) -> tuple[Mistake, str | None]:
    """Return what is wrong with an override of a group, as far as Hydra says."""
    message = str(error)
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        if text in message or re.search(rf"\b{re.escape(key)}\b", message) or value in ("null", "[]"):
            return Mistake(_words(message, key), key, value, COMMAND_LINE), text
    return Mistake(first_line(error)), None


def _words(message: str, key: str) -> str:
    if "No match in the defaults list" in message:
        return unknown_key(key, [*REGISTRIES])
    if "Could not override" in message:
        return "there is no such key"
    if "must be a string or a list" in message:
        return "must be the name of a choice"
    if "already in the defaults list" in message or "Multiple values" in message:
        return f"is chosen already; leave out the +: {key}=NAME"
    return message.strip().split("\n", maxsplit=1)[0].rstrip(".")


def _baseless(origins: Origins) -> Iterator[Mistake]:
    """Yield the groups whose choice is a YAML without a plug-in's dataclass."""
    for kind, registry in REGISTRIES.items():
        chosen = [choice for choice in origins.choices if choice.key == kind]
        if chosen and not chosen[-1].delete and OmegaConf.is_missing(origins.schema, kind):
            yield Mistake(based_on_nothing(registry), kind, chosen[-1].text, chosen[-1].where)


def _apply(node: DictConfig, settings: Sequence[Setting], unclear: set[str]) -> Iterator[Mistake]:
    """Apply each setting to the typed root, and yield what is wrong with it; of unclear groups nothing is known."""
    OmegaConf.set_struct(node, True)
    for setting in settings:
        group = setting.key.split(".", 1)[0]
        if group not in unclear and (what := _set(node, setting)):
            yield Mistake(what, setting.key, setting.text, setting.where)


def _set(node: DictConfig, setting: Setting) -> str:
    """Apply a setting; return what is wrong with it, if anything."""
    key, group = setting.key, setting.key.split(".", 1)[0]
    if group in REGISTRIES and key == f"{group}._name":
        return f"cannot be set: choose the plug-in with {group}={setting.value}"
    if not _exists(node, key):
        return unknown_key(key, list(flatten(node)))
    if setting.delete:
        return "cannot be taken away; set it to another value"
    return _update(node, key, setting.value)


def _update(node: DictConfig, key: str, value: Any) -> str:
    try:
        OmegaConf.update(node, key, value, merge=True)
    except ConfigKeyError as error:
        below = str(getattr(error, "full_key", "") or key)
        return f"there is no such key as {below}"
    except (OmegaConfBaseException, ValueError):
        return wrong_type(node, key, value)
    return ""


def _exists(node: DictConfig, key: str) -> bool:
    """Tell whether a key is a field, or below a mapping."""
    *parents, name = key.split(".")
    for parent in parents:
        below = child_of(node, parent) if parent in node else None
        if below is None:
            return False
        node = below
    return name in set(flatten(node)) or OmegaConf.get_type(node) is dict
