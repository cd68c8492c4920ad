"""What to say about a mistake in the overrides or the config: which key, what is wrong, what was probably meant."""

import dataclasses
import difflib
from collections.abc import Iterable, Sequence
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from seqtrain.registry import REGISTRIES, Registry


def describe(error: Exception, overrides: Sequence[str], keys: Sequence[str]) -> str:
    """Return one line for an error of Hydra's or OmegaConf's.

    Args:
        error: what composing raised.
        overrides: what it was composed from.
        keys: the keys that there are, with dots.
    """
    if isinstance(error, MissingConfigException):
        return _unknown_choice(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: cannot be read; quote a value that holds special characters: \"KEY='VALUE'\""
    cause = next((e for e in _chain(error) if isinstance(e, OmegaConfBaseException)), error)
    for registry in REGISTRIES.values():
        if getattr(cause, "object_type", None) is registry.config_base:
            return based_on_nothing(registry)
    key = str(getattr(cause, "full_key", None) or "")
    override = _override_in(str(error), overrides)
    if isinstance(cause, ConfigKeyError) or "Could not override" in str(error):
        return unknown_key(override.split("=")[0].lstrip("+~") or key, keys)
    if "Ambiguous value" in str(error):
        return f"{override}: several values; write [A,B] for a list, or add -m to train once for each"
    subject = override or key
    return f"{subject}: {first_line(cause)}" if subject and subject not in first_line(cause) else first_line(cause)


def based_on_nothing(registry: Registry[Any]) -> str:
    """Say that a YAML of a user's holds values for no plug-in in particular."""
    return (
        f"{registry.kind}: the chosen YAML is based on no registered {registry.kind}; "
        f"begin it with `defaults: [NAME, _self_]`, NAME one of: {', '.join(registry.names())}"
    )


def unknown_key(key: str, keys: Sequence[str]) -> str:
    """Say that there is no such key, and which may have been meant: one of that name elsewhere, or one much like it."""
    if key == "experiment":
        return "experiment: is none of the defaults; add it with +experiment=NAME"
    name = key.rsplit(".", 1)[-1]
    same_name = [k for k in keys if k.rsplit(".", 1)[-1] == name]
    if same_name:
        return f"{key}: there is no such key; this key is {same_name[0]}"
    close = difflib.get_close_matches(key, [k for k in keys if k.count(".") == key.count(".")], n=1)
    return f"{key}: there is no such key" + (f"; did you mean {close[0]}?" if close else "")


def extra_keys(node: DictConfig, prefix: str = "") -> Iterable[str]:
    """Yield the keys that no field of the node's dataclasses stands for, such as ``+`` adds."""
    for key in map(str, node):
        if not _is_field(node, key):
            yield f"{prefix}{key}"
        elif (child := _child(node, key)) is not None:
            yield from extra_keys(child, f"{prefix}{key}.")


def flatten(node: DictConfig, prefix: str = "") -> Iterable[str]:
    """Yield every key of a node that can be set, with dots."""
    for key in map(str, node):
        if not key.startswith("_") and _is_field(node, key):
            yield f"{prefix}{key}"
            if (child := _child(node, key)) is not None:
                yield from flatten(child, f"{prefix}{key}.")


def _is_field(node: DictConfig, key: str) -> bool:
    config_type = OmegaConf.get_type(node)
    return not dataclasses.is_dataclass(config_type) or key in {f.name for f in dataclasses.fields(config_type)}


def _child(node: DictConfig, key: str) -> DictConfig | None:
    """Return the node below a key, unless that is a value or stands elsewhere."""
    if OmegaConf.is_interpolation(node, key) or OmegaConf.is_missing(node, key):
        return None
    child = node[key]
    return child if isinstance(child, DictConfig) else None


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")


def _unknown_choice(error: MissingConfigException) -> str:
    """Say that a group has no such choice, or that there is no such config."""
    wanted, options = str(error.missing_cfg_file), [str(option) for option in error.options or []]
    group, _, name = wanted.rpartition("/")
    if not options:
        return f"{wanted}: there is no such config"
    close: list[str] = difflib.get_close_matches(name, options, n=1)
    meant = f"did you mean {group}={close[0]}? " if close else ""
    return f"{group}={name}: there is no such choice; {meant}there are: {', '.join(options)}"


def _override_in(message: str, overrides: Sequence[str]) -> str:
    """Return the override that Hydra's message is about, or nothing."""
    for override in overrides:
        key = override.lstrip("+~").split("=")[0]
        if override in message or f"'{key}'" in message:
            return override
    return ""


def _chain(error: BaseException | None) -> Iterable[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
