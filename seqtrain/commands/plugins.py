"""``plugins``: list or describe plug-ins and presets, those of users too."""

import argparse
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from hydra._internal.config_repository import IConfigRepository

from seqtrain.commands._describe import field_lines, presets, summary
from seqtrain.commands._words import read_words
from seqtrain.errors import PluginError
from seqtrain.fields import describe_fields
from seqtrain.mistakes import unknown_choice
from seqtrain.origins import shown_path
from seqtrain.plugins import kinds
from seqtrain.registry import REGISTRIES, Registry
from seqtrain.schema.choices import group_choices
from seqtrain.yaml_files import yaml_file


def main(arguments: Sequence[str]) -> None:
    """List all, those of a kind, or describe one."""
    parser = argparse.ArgumentParser("seqtrain plugins", description="List or describe plug-ins and presets.")
    parser.add_argument("what", metavar="KIND[/NAME]", nargs="?", default="", help="such as model or model/transformer")
    parser.add_argument("words", metavar="hydra.searchpath=[DIR,...]", nargs=argparse.REMAINDER, help="directories")
    named = bool(arguments) and "=" not in arguments[0] and (not arguments[0].startswith("-") or "-h" in arguments[0])
    options = parser.parse_args(list(arguments) if named else ["", *arguments])
    print("\n".join(describe(options.what, options.words)))


def describe(what: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield the plug-ins and presets of all kinds, of one, or everything about one: ``model/transformer``.

    Raises:
        PluginError: there is no such kind or name.
    """
    repository = read_words(arguments, "config").sources()
    kind, slash, name = what.partition("/")
    if kind and kind not in REGISTRIES:
        close = difflib.get_close_matches(kind, REGISTRIES, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise PluginError(f"{kind!r} is no kind of plug-in; {meant}Kinds: {', '.join(kinds())}")
    if slash:
        yield from _one(REGISTRIES[kind], name, repository)
        return
    for group in [kind] if kind else kinds():
        yield from _of_kind(REGISTRIES[group], repository)


def _of_kind(registry: Registry[Any], repository: IConfigRepository) -> Iterator[str]:
    yield f"{registry.kind}:"
    for entry in map(registry.entry, registry.names()):
        yield f"  {entry.name:30} {shown_path(entry.where)}  {summary(entry.cls)}"
    for name in presets(repository, registry.kind):
        yield f"  {name:30} {_where(registry, name, repository)}  preset"


def _one(registry: Registry[Any], name: str, repository: IConfigRepository) -> Iterator[str]:
    if name in presets(repository, registry.kind):
        yield f"{registry.kind}={name} is a preset: {_where(registry, name, repository)}"
        yield f"its values: python -m seqtrain --help {registry.kind}={name}"
        return
    if name not in registry.names():
        raise PluginError(f"{registry.kind}/{name}: {unknown_choice(name, group_choices(repository, registry.kind))}")
    entry = registry.entry(name)
    yield f"{registry.kind}={name}: {shown_path(entry.where)}"
    yield from (f"  {line.strip()}" for line in (entry.cls.__doc__ or "").strip().split("\n"))
    yield "fields:"
    for field, info in describe_fields(entry.config_type).items():
        yield from field_lines(f"{registry.kind}.{field}", info, [])


def _where(registry: Registry[Any], name: str, repository: IConfigRepository) -> str:
    """Return the place of a preset: the line that registers it, or its YAML file."""
    if name in registry.presets():
        return shown_path(registry.presets()[name].where)
    path = f"{registry.kind}/{name}"
    result = repository.load_config(path)
    return "" if result is None else shown_path(str(yaml_file(result, path)))
