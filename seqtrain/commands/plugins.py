"""``plugins``: list or describe plug-ins, presets and experiments, those of users too."""

import argparse
import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra._internal.config_repository import IConfigRepository

from seqtrain.commands._describe import field_lines, presets, summary
from seqtrain.commands._recipes import choice_file, choice_summary, recipe_groups, recipe_lines
from seqtrain.commands._words import read_words
from seqtrain.errors import PluginError
from seqtrain.fields import describe_fields
from seqtrain.mistakes import unknown_choice
from seqtrain.origins import shown_path
from seqtrain.plugins import kinds
from seqtrain.registry import REGISTRIES, Registry
from seqtrain.schema.choices import group_choices


def main(arguments: Sequence[str]) -> None:
    """List all, those of a kind, or describe one."""
    parser = argparse.ArgumentParser(
        "seqtrain plugins", description="List or describe plug-ins, presets and experiments."
    )
    parser.add_argument("what", metavar="KIND[/NAME]", nargs="?", default="", help="such as model or model/transformer")
    parser.add_argument("words", metavar="hydra.searchpath=[DIR,...]", nargs=argparse.REMAINDER, help="directories")
    named = bool(arguments) and "=" not in arguments[0] and (not arguments[0].startswith("-") or "-h" in arguments[0])
    options = parser.parse_args(list(arguments) if named else ["", *arguments])
    print("\n".join(describe(options.what, options.words)))


def describe(what: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield plug-ins, presets and recipes: of all kinds, of one, or everything about one: ``model/transformer``.

    Raises:
        PluginError: there is no such kind or name.
    """
    repository = read_words(arguments, "config").sources()
    kind, slash, name = what.partition("/")
    recipes = recipe_groups(repository)
    known = [*kinds(), *recipes]
    if kind and kind not in known:
        close = difflib.get_close_matches(kind, known, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise PluginError(f"{kind!r} is no kind of plug-in; {meant}Kinds: {', '.join(known)}")
    if slash:
        _check_name(kind, name, repository)
        yield from (_recipe if kind in recipes else _one)(kind, name, repository)
        return
    for group in [kind] if kind else known:
        yield from (_recipes if group in recipes else _of_kind)(group, repository)


def _check_name(kind: str, name: str, repository: IConfigRepository) -> None:
    choices = group_choices(repository, kind)
    if name not in choices:
        raise PluginError(f"{kind}/{name}: {unknown_choice(name, choices)}")


def _recipes(group: str, repository: IConfigRepository) -> Iterator[str]:
    yield f"{group}:"
    for name in group_choices(repository, group):
        file = choice_file(repository, group, name)
        yield f"  {name:30} {shown_path(str(file or ''))}  {choice_summary(file)}"


def _recipe(group: str, name: str, repository: IConfigRepository) -> Iterator[str]:
    yield from recipe_lines(repository, group, name)
    yield f"what it comes to: python -m seqtrain --help +{group}={name}"


def _of_kind(kind: str, repository: IConfigRepository) -> Iterator[str]:
    registry = REGISTRIES[kind]
    yield f"{registry.kind}:"
    for entry in map(registry.entry, registry.names()):
        yield f"  {entry.name:30} {shown_path(entry.where)}  {summary(entry.cls)}"
    for name in presets(repository, registry.kind):
        file = choice_file(repository, kind, name)
        said = ": ".join(filter(None, ["preset", choice_summary(file)]))
        yield f"  {name:30} {_where(registry, name, file)}  {said}"


def _one(kind: str, name: str, repository: IConfigRepository) -> Iterator[str]:
    registry = REGISTRIES[kind]
    if name in presets(repository, registry.kind):
        yield f"{registry.kind}={name} is a preset: {_where(registry, name, choice_file(repository, kind, name))}"
        yield f"its values: python -m seqtrain --help {registry.kind}={name}"
        return
    entry = registry.entry(name)
    yield f"{registry.kind}={name}: {shown_path(entry.where)}"
    yield from (f"  {line.strip()}" for line in (entry.cls.__doc__ or "").strip().split("\n"))
    yield "fields:"
    for field, info in describe_fields(entry.config_type).items():
        yield from field_lines(f"{registry.key(name)}.{field}", info, [])


def _where(registry: Registry[Any], name: str, file: Path | None) -> str:
    """Return the place of a preset: the line that registers it, or its YAML file."""
    if name in registry.presets():
        return shown_path(registry.presets()[name].where)
    return shown_path(str(file or ""))
