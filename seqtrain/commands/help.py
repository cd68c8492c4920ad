"""``--help``: commands and choices; of what is chosen, as in ``--help model=transformer``, the fields, or a recipe."""

import dataclasses
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from hydra._internal.config_repository import IConfigRepository

from seqtrain.commands import COMMANDS
from seqtrain.commands._describe import chosen, groups, presets, section_lines, summary
from seqtrain.commands._recipes import recipe_groups, recipe_lines
from seqtrain.commands._words import Words, read_words
from seqtrain.composition import origins_of
from seqtrain.config import ROOTS, TrainConfig
from seqtrain.origins import shown_path
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import group_choices

USAGE = """\
seqtrain trains sequence models in which every part is a plug-in with a typed config.

  python -m seqtrain [OVERRIDE ...]          train; without overrides, number names from English to German
  python -m seqtrain COMMAND [OVERRIDE ...]
  python -m seqtrain resume=RUN              go on with a run, exactly
  python -m seqtrain -m KEY=VALUE,VALUE      train once for each combination
  python -m seqtrain --cfg job               print the config and do nothing

Examples:
  python -m seqtrain model=transformer_tiny training.max_update=300
  python -m seqtrain +experiment=multi30k_en_de task.data=DIR optimizer.lr=1e-3
  python -m seqtrain hydra.searchpath=[my-module] model=my_transformer
"""

MORE = """\
What the fields mean:
  python -m seqtrain --help model=transformer optimizer=adam     those of plug-ins
  python -m seqtrain explain training                            those of a section
  python -m seqtrain explain optimizer.lr [OVERRIDE ...]         one, and what set its value"""

WIDTH = 110


def help_text(command: str, arguments: Sequence[str] = ()) -> str:
    """Return the help of a command, or that of the plug-ins, else of the recipes, that the arguments choose."""
    words = read_words(arguments, COMMANDS[command].config_name)
    if COMMANDS[command].config_name != "config":
        return "\n".join(_command_lines(command, words))
    if words.overrides:
        words.compose()  # or a mistake would pass for a wish to read all
    repository = words.sources()
    values = {key.lstrip("+"): value for key, _, value in (override.partition("=") for override in words.overrides)}
    if asked := [group for group in values if group in REGISTRIES]:
        return "\n".join(_plugin_lines(asked, words))
    if recipes := {group: values[group] for group in recipe_groups(repository) if group in values}:
        return "\n".join(_recipe_help(recipes, words))
    return "\n".join(_overview(repository))


def _overview(repository: IConfigRepository) -> Iterator[str]:
    yield USAGE
    yield "Commands:"
    for name, command in COMMANDS.items():
        yield f"  {name:10} {command.what}"
    yield "\nGroups, chosen with GROUP=NAME (plug-ins; their presets):"
    for group in groups(repository):
        yield from _group_lines(repository, group)
    yield "\nSections, set with KEY=VALUE:"
    for field in dataclasses.fields(TrainConfig):
        if field.name not in REGISTRIES and isinstance(field.type, type):
            yield f"  {field.name + '.*':14} {summary(field.type)}"
    yield f"\n{MORE}"


def _group_lines(repository: IConfigRepository, group: str) -> Iterator[str]:
    of_plugins = ", ".join(n for n in group_choices(repository, group) if n not in presets(repository, group))
    parts = "; ".join(filter(None, [of_plugins, ", ".join(presets(repository, group))]))
    label = f"  {group if group in REGISTRIES else '+' + group}: "
    yield from textwrap.wrap(parts, WIDTH, initial_indent=label, subsequent_indent="      ", break_long_words=False)


def _plugin_lines(groups: Sequence[str], words: Words) -> Iterator[str]:
    origins = origins_of(words.compose())
    for group in groups:
        for key, entry in chosen(origins, group).items():
            yield f"{group}={entry.name}: {summary(entry.cls)} ({shown_path(entry.where)})"
            yield from section_lines(key, entry.config_type, origins)


def _recipe_help(recipes: Mapping[str, str], words: Words) -> Iterator[str]:
    for group, name in recipes.items():
        yield from recipe_lines(words.sources(), group, name)
    yield "\nWhat it comes to:"
    origins = origins_of(words.compose())
    for group in (group for group in REGISTRIES if group in origins.schema):
        entries = chosen(origins, group).values()
        said = [s.text for s in origins.choices if s.key == group] or [entry.name for entry in entries]
        for entry in entries:
            what = summary(entry.cls) if said[-1] == entry.name else f"{entry.name}: {summary(entry.cls)}"
            yield f"  {f'{group}={said[-1]}':50} {what}"
    typed = " ".join(f"+{group}={name}" for group, name in recipes.items())
    yield f"\nThe whole config:        python -m seqtrain {typed} --cfg job"
    yield f"A part, and what set it: python -m seqtrain explain model {typed}"


def _command_lines(command: str, words: Words) -> Iterator[str]:
    yield f"{COMMANDS[command].what}\n\nFields, set with KEY=VALUE:"
    origins = origins_of(words.compose())
    yield from section_lines("", ROOTS[command], origins)
