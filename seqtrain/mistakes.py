"""What is wrong with a config, each thing on a line: the key, the value, where it was set, and what to do."""

import dataclasses
import difflib
import re
import traceback
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.config import SHARED, PluginConfig, TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.fairseq_flags import hydra_key
from seqtrain.fields import describe_fields, problem_of
from seqtrain.nodes import child_of, extra_keys, flatten, is_mapping, plugins_of, raw
from seqtrain.origins import Origins, show
from seqtrain.registry import REGISTRIES, Registry


class Mistake(NamedTuple):
    """Something wrong with a value; without a key, a contradiction between several, which the words name."""

    what: str
    key: str = ""
    text: str | None = None
    where: str = ""

    def line(self, origins: Origins | None = None) -> str:
        """Return ``key=value (where): what``."""
        if not self.key:
            return self.what + _where_set(self.what, origins)
        setting = None if self.where or origins is None else origins.last(self.key)
        where = self.where or (setting.where if setting else "")
        text = setting.text if setting and setting.key == self.key else self.text
        value = "" if text is None else f"={text}"
        return f"{self.key}{value}{f' ({where})' if where else ''}: {self.what}"


def find_mistakes(node: DictConfig, unclear: Collection[str] = ()) -> list[Mistake]:
    """Return what is wrong with a composed root: unknown keys, missing and wrong values, contradictions.

    Args:
        node: the root.
        unclear: sections of which something wrong is known already; their fields are not held against each other.
    """
    found = [*_wrong_groups(node, unclear), *_replaced_references(node), *_wrong_values(node), *_unscored(node)]
    found += [Mistake(_extra(key, node), key) for key in extra_keys(node)]
    sections = {mistake.key.split(".", 1)[0] for mistake in found}
    return _underived(node, found) + _contradictions(node, sections | set(unclear))


def unknown_key(key: str, keys: Sequence[str]) -> str:
    """Say that there is no such key, and which may have been meant: one of that name elsewhere, or one much like it."""
    if key == "experiment":
        return "is none of the defaults; add it with +experiment=NAME"
    if not_chosen := _not_chosen(key, keys):
        return not_chosen
    if renamed := hydra_key(key):
        return f"there is no such key; fairseq's {key} is {renamed}"
    name = key.rsplit(".", 1)[-1]
    same_name = [k for k in keys if k.rsplit(".", 1)[-1] == name]
    if same_name:
        return f"there is no such key; this key is {same_name[0]}"
    beside = [k for k in keys if k.count(".") == key.count(".")]
    close = difflib.get_close_matches(key, beside, n=1) or [k for k in beside if k.endswith(f"_{key}")]
    return "there is no such key" + (f"; did you mean {close[0]}?" if close else "")


def _not_chosen(key: str, keys: Sequence[str]) -> str:
    """Say that no plug-in is chosen whose key this would be, of a kind that there may be several of."""
    kind, name = [*key.split("."), ""][:2]
    if not name or kind not in REGISTRIES or not REGISTRIES[kind].several or f"{kind}.{name}" in keys:
        return ""
    chosen = [k.partition(".")[2] for k in keys if k.startswith(f"{kind}.") and k.count(".") == 1]
    return f"is not chosen; choose it by {kind}=[{','.join([*chosen, name])}]"


def _extra(key: str, node: DictConfig) -> str:
    if key == "experiment":
        return "the YAML must begin with `# @package _global_`"
    return unknown_key(key, list(flatten(node)))


def wrong_type(node: DictConfig, key: str, value: Any) -> str:
    """Say what a key's value must be instead of one that its field does not take."""
    if key in REGISTRIES:
        return f"is a section; choose it in a defaults list: `- override /{key}: {value}`"
    parent, _, name = key.rpartition(".")
    config_type = OmegaConf.get_type(OmegaConf.select(node, parent) if parent else node)
    kind = describe_fields(config_type)[name].type if dataclasses.is_dataclass(config_type) else "another type"
    choices = kind.partition("one of ")[2].removesuffix(" or null").split(", ")
    wrong = [v for v in (value if isinstance(value, list) else [value]) if str(v) not in choices]
    close = difflib.get_close_matches(str(wrong[0]), choices, n=1) if wrong else []
    return f"must be {kind}" + (f"; did you mean {close[0]}?" if close else "")


def based_on_nothing(registry: Registry[Any]) -> str:
    """Say that a YAML of a user's holds values for no plug-in in particular."""
    return (
        f"the chosen YAML is based on no registered {registry.kind}; "
        f"begin it with `defaults: [NAME, _self_]`, NAME one of: {', '.join(registry.names())}"
    )


def unknown_choice(name: str, options: Sequence[str]) -> str:
    """Say that a group has no such choice."""
    if not options:
        return "there is no such config"
    close = difflib.get_close_matches(name, options, n=1)
    if close:
        return f"there is no such choice; did you mean {close[0]}? Choices: {', '.join(options)}"
    yours = "if it is yours, name its directory: hydra.searchpath=[DIR]"
    return f"there is no such choice; {yours}. Choices: {', '.join(options)}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return str(error).strip().split("\n", maxsplit=1)[0].rstrip(".")


def _wrong_groups(node: DictConfig, unclear: Collection[str]) -> Iterator[Mistake]:
    """Yield the groups, and plug-ins in others, whose config is not a registered plug-in's, under its own name."""
    for kind, registry in REGISTRIES.items():
        if kind in unclear or kind not in node or OmegaConf.is_missing(node, kind):
            continue
        for key, plugin in plugins_of(node, kind).items():
            if registry.entry_of_type(OmegaConf.get_type(plugin)) is None:
                yield Mistake(based_on_nothing(registry), key)
            elif not OmegaConf.is_interpolation(node, kind):
                yield from _wrong_names(plugin, key)


def _wrong_names(node: DictConfig, key: str) -> Iterator[Mistake]:
    """Yield what is wrong with the choice of a plug-in and of those in it."""
    config_type = OmegaConf.get_type(node)
    if isinstance(config_type, type) and issubclass(config_type, PluginConfig):
        registry = next(registry for registry in REGISTRIES.values() if issubclass(config_type, registry.config_base))
        entry, name = registry.entry_of_type(config_type), node.get("_name")
        if entry is None:
            yield Mistake(nothing_chosen(key), key)
        elif name != entry.name:
            yield Mistake(name_is_set(key, name), f"{key}._name")
    for below in map(str, node):
        if (child := child_of(node, below)) is not None and not is_mapping(child):
            yield from _wrong_names(child, f"{key}.{below}")


def nothing_chosen(key: str) -> str:
    """Say that no plug-in is chosen where there is to be one, in the root or in another plug-in."""
    return f"nothing is chosen; add {'+' if '.' in key else ''}{_choice(key)}=NAME"


def name_is_set(key: str, name: Any) -> str:
    """Say that the plug-in at a key is not another one by being called so."""
    return f"cannot be set: choose the plug-in with {_choice(key)}={name}"


def _choice(key: str) -> str:
    """Return how Hydra calls what is chosen at a key: ``model``, or ``optimizer@optimizer.parts.a.optimizer``."""
    above, _, kind = key.rpartition(".")
    kind = above if above in REGISTRIES and REGISTRIES[above].several else kind
    return key if kind == key else f"{kind}@{key}"


def _replaced_references(node: DictConfig) -> Iterator[Mistake]:
    """Yield sections that stand for something else, and fields of a task that should but have a value of their own."""
    for field in dataclasses.fields(OmegaConf.get_type(node) or TrainConfig):
        if dataclasses.is_dataclass(field.type) and OmegaConf.is_interpolation(node, field.name):
            yield Mistake("is a section; set its keys one by one", field.name, show(raw(node)[field.name]))
    task = child_of(node, "task") if "task" in node else None
    for name, reference in SHARED.items():
        if task is not None and not OmegaConf.is_interpolation(task, name):
            yield Mistake(f"stands for what is set elsewhere: set {reference}", f"task.{name}")


def _wrong_values(node: DictConfig) -> Iterator[Mistake]:
    """Yield values that are missing or refer to nothing, and numbers that are out of range."""
    for key in flatten(node):
        parent, _, name = key.rpartition(".")
        section = OmegaConf.select(node, parent) if parent else node
        try:
            missing = OmegaConf.is_missing(section, name)
            value = None if missing else section[name]
            whole = isinstance(value, ListConfig) or is_mapping(value)
            plain = OmegaConf.to_container(value, resolve=True) if whole else value
        except OmegaConfBaseException as error:  # it refers to nothing
            yield Mistake(first_line(error), key, show(raw(section)[name]))
            continue
        if missing:
            yield Mistake(nothing_chosen(key) if name in REGISTRIES else "has no value, and needs one", key)
        yield from _out_of_range(section, key, name, plain)
        if isinstance(value, ListConfig):
            parts = [(n, item) for n, item in enumerate(value) if isinstance(item, DictConfig)]
            yield from (m._replace(key=f"{key}[{n}].{m.key}") for n, item in parts for m in _wrong_values(item))


def _unscored(node: DictConfig) -> Iterator[Mistake]:
    """Yield the metric that says which checkpoint is best if it is the score of a scorer that is not chosen."""
    metric = str(OmegaConf.select(node, "saving.metric", throw_on_resolution_failure=False) or "")
    name, chosen = metric.rpartition("/")[2], child_of(node, "scorer") if "scorer" in node else None
    known = REGISTRIES["scorer"].names() if "scorer" in REGISTRIES else ()
    if chosen is not None and name not in chosen and name in known:
        yield Mistake(f"needs scorer=[{','.join([*map(str, chosen), name])}]", "saving.metric", metric)


def _out_of_range(section: DictConfig, key: str, name: str, value: Any) -> Iterator[Mistake]:
    config_type = OmegaConf.get_type(section)
    if dataclasses.is_dataclass(config_type) and (what := problem_of(config_type, name, value)):
        yield Mistake(what, key, show(raw(section)[name]))


def _underived(node: DictConfig, mistakes: Sequence[Mistake]) -> list[Mistake]:
    """Return the mistakes without those of fields that stand for one with a mistake of its own."""
    wrong = {mistake.key for mistake in mistakes}

    def referred(key: str) -> str:
        parent, _, name = key.rpartition(".")
        section = OmegaConf.select(node, parent, throw_on_resolution_failure=False) if parent else node
        value = str(raw(section).get(name)) if isinstance(section, DictConfig) else ""
        return value.strip("${}") if re.fullmatch(r"\$\{[\w.]+\}", value) else ""

    return [mistake for mistake in mistakes if referred(mistake.key) not in wrong or not mistake.key]


def _contradictions(node: DictConfig, unclear: Collection[str]) -> list[Mistake]:
    """Return what is wrong between fields: of each section by itself, then of the whole if all is clear."""
    held = [key for key in map(str, node) if key not in unclear and not (key == "task" and unclear)]
    parts = [part for key in held if (part := child_of(node, key)) is not None]
    found = [line for part in parts for line in _objections(part)]
    if not found and not unclear:
        found = _objections(node)
    return [Mistake(line) for line in dict.fromkeys(found)]


def _objections(node: DictConfig) -> list[str]:
    """Return what a config says when it is made of its node."""
    try:
        OmegaConf.to_object(node)
    except ConfigError as error:
        return str(error).split("\n")
    except Exception as error:  # of a user's own check
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return [f"{frame.filename}:{frame.lineno}: {type(error).__name__}: {error}"]
    return []


def _where_set(words: str, origins: Origins | None) -> str:
    """Return where the keys in some words were set, in brackets; nothing if nobody set them."""
    keys = dict.fromkeys(re.findall(r"[a-z_]+(?:\.[a-z_]\w*)+", words))
    set_in = {key: setting.where for key in keys if origins and (setting := origins.last(key))}
    return f" ({'; '.join(f'{key}: {where}' for key, where in set_in.items())})" if set_in else ""
