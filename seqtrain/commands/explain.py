"""``explain``: what a key means, what it may be, and what set its value."""

import argparse
from collections.abc import Iterator, Sequence

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqtrain.commands._describe import chosen, section_lines, sections, summary, type_of
from seqtrain.commands._words import Words, read_words
from seqtrain.composition import origins_of
from seqtrain.errors import ConfigError
from seqtrain.fields import describe_fields
from seqtrain.mistakes import first_line, unknown_key
from seqtrain.nodes import flatten
from seqtrain.origins import Origins, Setting, show
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import group_choices


def main(arguments: Sequence[str]) -> None:
    """Explain the key that is the first word, in the config that the others compose."""
    parser = argparse.ArgumentParser("seqtrain explain", description="Say what a key means and what set its value.")
    parser.add_argument("key", metavar="KEY", help="such as optimizer.lr, or a section or group")
    parser.add_argument("words", metavar="OVERRIDE", nargs=argparse.REMAINDER, help="as for training")
    options = parser.parse_args(list(arguments))
    print("\n".join(explain(options.key, options.words)))


def explain(key: str, arguments: Sequence[str]) -> Iterator[str]:
    """Yield what there is to say about a key.

    Raises:
        ConfigError: there is no such key, or the overrides have mistakes.
    """
    words = read_words(arguments, "config")
    node = words.compose()
    origins = origins_of(node)
    if key not in flatten(origins.schema):
        raise ConfigError(f"{key}: {unknown_key(key, list(flatten(origins.schema)))}")
    if key in REGISTRIES:
        yield from _group_lines(key, origins, words)
    elif isinstance(section := OmegaConf.select(origins.schema, key), DictConfig) and type_of(section) is not dict:
        yield from section_lines(key, type_of(section), origins)
    else:
        yield from _field_lines(key, node, origins)


def _field_lines(key: str, node: DictConfig, origins: Origins) -> Iterator[str]:
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(origins.schema, parent)
    info, parts = describe_fields(type_of(section))[name], dict(sections(key, section, name))
    yield f"{key} = {', '.join(path.rpartition('.')[2] for path in parts) or _value(node, key)}"
    yield f"  {info.in_words}"
    yield f"  {info.meaning}"
    yield from _chain_lines(origins.chain(key))
    for path, part_type in parts.items():
        yield from section_lines(path, part_type, origins)


def _group_lines(group: str, origins: Origins, words: Words) -> Iterator[str]:
    entries = list(chosen(origins, group).values())
    choices = [s for s in origins.choices if s.key == group]
    yield f"{group} = {choices[-1].text if choices else ', '.join(entry.name for entry in entries)}"
    yield from (f"  {entry.name}: {summary(entry.cls)} ({entry.where})" for entry in entries)
    yield f"  one of {', '.join(group_choices(words.sources(), group))}"
    yield from _chain_lines(choices)


def _chain_lines(chain: Sequence[Setting]) -> Iterator[str]:
    """Yield what set a value, the last one being what counts."""
    width = max((len(str(setting.text)) for setting in chain), default=0)
    for number, setting in enumerate(chain, start=1):
        counts = "  <- counts" if number == len(chain) > 1 else ""
        yield f"    {setting.text:{width}}  {setting.where}{counts}"


def _value(node: DictConfig, key: str) -> str:
    """Return the value after all references, or why it has none."""
    parent, _, name = key.rpartition(".")
    section = OmegaConf.select(node, parent)
    if OmegaConf.is_missing(section, name):
        return "(no value yet)"
    try:
        value = section[name]
    except OmegaConfBaseException as error:
        return first_line(error)
    return show(OmegaConf.to_container(value) if OmegaConf.is_config(value) else value)
