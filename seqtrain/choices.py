"""Open a defaults list in which some choices may be wrong: these are noted, put aside, and the rest is opened."""

import re
from collections.abc import Sequence

from hydra._internal.config_repository import IConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from seqtrain.mistakes import Mistake, first_line, unknown_choice, unknown_key
from seqtrain.origins import COMMAND_LINE, Origins, open_sources, read_origins, shown_path
from seqtrain.registry import REGISTRIES
from seqtrain.yaml_files import yaml_file, yaml_lines

REFUSALS = (
    HydraException,
    OmegaConfBaseException,
    YAMLError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
"""What Hydra and OmegaConf raise for what they cannot compose, some of it unintended by them."""


def open_choices(
    loader: ConfigLoader, config_name: str, overrides: Sequence[str], mistakes: list[Mistake]
) -> Origins | None:
    """Return the origins of a composition, each wrong choice noted and put aside; None if that cannot be done.

    A group whose choice is wrong gets another one so that all else can be opened; what is in it means nothing then.
    """
    tried: list[list[str]] = []
    rest: list[str] | None = list(overrides)
    while rest is not None and rest not in tried:
        tried.append(rest)
        try:
            rest = _with_names(loader, config_name, rest, mistakes)
            return read_origins(loader, config_name, rest)
        except MissingConfigException as error:
            mistake, rest = _unknown_choice(error, loader, config_name, rest)
        except REFUSALS as error:
            mistake, rest = _refused(error, rest)
        mistakes.append(mistake)
    return None


def hydras_words(error: Exception, overrides: Sequence[str]) -> str:
    """Return what Hydra says, about an override if it says so, where nothing else is found."""
    return _refused(error, overrides)[0].line()


def _with_names(loader: ConfigLoader, config_name: str, overrides: list[str], mistakes: list[Mistake]) -> list[str]:
    """Return the overrides without those that set a group to something that is no name."""
    parsed, repository = open_sources(loader, config_name, overrides)
    wrong = [text for text, o in zip(overrides, parsed, strict=True) if _is_no_name(o, repository)]
    for text in wrong:
        key, _, value = text.lstrip("+").partition("=")
        mistakes.append(Mistake("must be the name of a choice", key, value, COMMAND_LINE))
    return [text for text in overrides if text not in wrong]


def _is_no_name(override: Override, repository: IConfigRepository) -> bool:
    if override.is_delete() or not repository.group_exists(override.key_or_group):
        return False
    value = override.value()
    registry = REGISTRIES.get(override.key_or_group)
    may_be_none = registry is not None and registry.several
    names = value if isinstance(value, list) and (value or may_be_none) else [value]
    return not isinstance(value, dict) and not all(isinstance(name, str) for name in names)


def _unknown_choice(
    error: MissingConfigException, loader: ConfigLoader, config_name: str, overrides: list[str]
) -> tuple[Mistake, list[str] | None]:
    """Return what is wrong with a choice that is not there, and the overrides to go on with."""
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    parsed, repository = open_sources(loader, config_name, overrides)
    what = unknown_choice(name, repository.get_group_options(group, ObjectType.CONFIG) if group else [])
    of_groups = {text: (o.key_or_group, str(o.value())) for o, text in zip(parsed, overrides, strict=True)}
    without = [kept for o, text in zip(parsed, overrides, strict=True) for kept in _without(o, text, group, name)]
    if without != list(overrides):
        return Mistake(what, group, name, COMMAND_LINE), without
    # One of the chosen YAML files names it.
    places = (
        _line_naming(repository, "/".join(filter(None, c)), name) for c in [*of_groups.values(), ("", config_name)]
    )
    where = next(filter(None, places), "")
    if group not in REGISTRIES or not where:
        return Mistake(what, group or name, name if group else None, where), None
    others = [text for text, (key, _) in of_groups.items() if key != group]
    return Mistake(what, group, name, where), [*others, f"{group}={REGISTRIES[group].names()[0]}"]


def _without(override: Override, text: str, group: str, name: str) -> list[str]:
    """Return an override without a choice of a group: nothing, or a shorter list."""
    value = override.value()
    if override.key_or_group != group or name not in (value if isinstance(value, list) else [value]):
        return [text]
    others = [other for other in value if other != name] if isinstance(value, list) else []
    return [f"{text.partition('=')[0]}=[{','.join(others)}]"] if others else []


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


def _refused(error: Exception, overrides: Sequence[str]) -> tuple[Mistake, list[str] | None]:
    """Return what Hydra refuses, and the overrides to go on with if it is one of them."""
    message = str(error)
    if slip := _slip(error, message, overrides):
        return Mistake(slip), None
    for text in overrides:
        key, _, value = text.lstrip("+~").partition("=")
        if text in message or re.search(rf"(^|['\s]){re.escape(key)}(['.=\s]|$)", message):
            return Mistake(_words(message, key), key, value, COMMAND_LINE), [o for o in overrides if o != text]
    return Mistake(_informative(error)), None


def _slip(error: Exception, message: str, overrides: Sequence[str]) -> str:
    """Say what is wrong with a YAML file, if it is something that people often get wrong."""
    if isinstance(error, YAMLError):
        mark = getattr(error, "problem_mark", None)
        where = f"{shown_path(mark.name)}:{mark.line + 1}: " if mark else ""
        return f"{where}is no YAML: {getattr(error, 'problem', error)}"
    if isinstance(error, RecursionError):
        chosen = [text for text in overrides if text.lstrip("+").partition("=")[0] in (*REGISTRIES, "experiment")]
        where = ", ".join(chosen) or "the config"
        return f"a defaults list leads back to itself: name another base in the YAML of {where}"
    if "@experiment" in message:
        return f"the YAML must begin with `# @package _global_`: {message.splitlines()[0]}"
    if found := re.match(r"In '([^']+)': Could not override '[^']*?([^/']+)@", message):
        return f"{found[1]}: write `override /{found[2]}` in the defaults list, with a slash"
    found = re.match(r"Multiple values for (\w+)", message)
    if found and f"+{found[1]}=" not in " ".join(overrides):
        return f"{found[1]}: write `override /{found[1]}` in the defaults list, with `override`"
    return ""


def _words(message: str, key: str) -> str:
    if "Could not delete" in message:
        return "is not what is chosen"
    if "No match in the defaults list" in message:
        there = "is chosen by the checkpoint, not here" if key in REGISTRIES else ""
        return there or unknown_key(key, [*REGISTRIES])
    if "Could not override" in message:
        return "there is no such key"
    if "already in the defaults list" in message or "Multiple values" in message:
        return f"is chosen already; leave out the +: {key}=NAME"
    return message.strip().split("\n", maxsplit=1)[0].rstrip(".")


def _informative(error: BaseException) -> str:
    """Return the first line of an error, and that of what it comes from if that says more."""
    cause = error.__cause__ or error.__context__
    lines = [first_line(error), *([first_line(cause)] if cause is not None else [])]
    return ": ".join(dict.fromkeys(filter(None, lines))) or type(error).__name__
