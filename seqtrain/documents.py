"""Small files that anyone may have written, as plain data: JSON and YAML within limits. Nothing is run or resolved.

A reader of one file turns a :class:`DocumentError` into its own error, which says what to do.
"""

import dataclasses
import json
import os
import stat
import types
import typing
from collections.abc import Hashable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, Union

import yaml

from seqtrain.errors import SeqtrainError

MAX_JSON_BYTES = 16 << 20
MAX_YAML_BYTES = 1 << 20
"""YAML is read by Python code, for some 10 s a MiB."""
MAX_DEPTH = 64
"""Most levels of lists and tables in each other; the recursion of readers must not get to its end."""
MAX_SCALAR = 1 << 16
"""Most characters of one value in YAML, where the time to read a number grows with the square of its length."""

T = TypeVar("T")


class DocumentError(SeqtrainError):
    """A file is not what it should be; the message says which and why."""


def open_regular(file: Path) -> BinaryIO:
    """Open a file to read, and nothing that could block or never end, such as a named pipe or a device.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    stream = os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise OSError(f"{file} is no regular file")
    return stream


def read_json(file: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        DocumentError: it cannot be read, is too large or too deep, is no JSON, or has a key twice.
    """
    text = _read_text(file, MAX_JSON_BYTES)
    try:
        data = json.loads(text, object_pairs_hook=_without_twins)
        _check_depth(data)
        return data
    except (ValueError, RecursionError) as error:
        raise DocumentError(f"{file} is no JSON ({short(error)})") from error


def read_yaml(file: Path) -> Any:
    """Return what a YAML file holds: tables by strings or whole numbers, lists, strings, numbers, booleans and null.

    Raises:
        DocumentError: it cannot be read, is too large, is no YAML, or holds something else, such as an alias, a tag or
            an interpolation.
    """
    text = _read_text(file, MAX_YAML_BYTES)
    try:
        _check_events(yaml.parse(text, yaml.SafeLoader))
        data = yaml.load(text, _Loader)  # a safe loader
        _check_plain(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"{file} cannot be used ({short(error)})") from error
    return data


def build(cls: type[T], data: Any, where: object) -> T:
    """Return the dataclass that ``data``, from JSON, has the fields of; ``where`` is what an error calls its source.

    Raises:
        DocumentError: a field is missing, unknown or of another type.
    """
    if not isinstance(data, dict):
        raise DocumentError(f"{where} holds no table for {cls.__name__}")
    hints = typing.get_type_hints(cls)
    names = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]  # T is a dataclass
    problems = [f"{name} is missing" for name in names - data.keys()]
    problems += [f"{name!r} is unknown" for name in data.keys() - names]
    problems += [f"{name} is {short(data[name])}" for name in names & data.keys() if not fits(data[name], hints[name])]
    if problems:
        raise DocumentError(f"{where} does not fit: {'; '.join(sorted(problems)[:5])}")
    return cls(**data)


def fits(value: Any, hint: Any) -> bool:
    """Tell whether a value from JSON is of an annotated type; a whole number is a float too, ``Any`` is anything.

    A choice is the name of a member, as it stands in a config.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is list:
        return isinstance(value, list) and all(fits(item, arguments[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(item, arguments[1]) for item in value.values())
    if isinstance(hint, type) and issubclass(hint, Enum):
        return isinstance(value, str) and value in hint.__members__
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)


def _read_text(file: Path, most: int) -> str:
    try:
        with open_regular(file) as stream:
            content = stream.read(most + 1)
        if len(content) > most:
            raise DocumentError(f"{file} is over {most >> 20} MiB, which no such file is")
        return content.decode("utf-8")
    except OSError as error:
        raise DocumentError(f"{file} cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise DocumentError(f"{file} is no UTF-8 text ({short(error)})") from error


def _without_twins(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} is there twice")
        result[key] = value
    return result


def _check_depth(data: Any, most: int = MAX_DEPTH) -> None:
    if not isinstance(data, (dict, list)):
        return
    if most == 0:
        raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
    for item in data.values() if isinstance(data, dict) else data:
        _check_depth(item, most - 1)


class _Loader(yaml.SafeLoader):
    """Takes no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise ValueError(f"a key is there twice in the table that begins in line {node.start_mark.line + 1}")
        return mapping


def _check_events(events: Iterable[yaml.Event]) -> None:
    """Refuse, before anything is built, what builds more than the text shows, and what is nested too deeply."""
    depth = 0
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise ValueError("it has an anchor, an alias or a tag, and should have plain values only")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise ValueError(f"a value has more than {MAX_SCALAR} characters")


def _check_plain(data: Any) -> None:
    if isinstance(data, dict):
        for item in [*data.keys(), *data.values()]:
            _check_plain(item)
        if not all(type(key) in (str, int) for key in data):
            raise ValueError("a key is no text and no whole number")
    elif isinstance(data, list):
        for item in data:
            _check_plain(item)
    elif isinstance(data, str) and "${" in data:
        raise ValueError("it holds a '${', and should have plain values only")
    elif not isinstance(data, (str, int, float, type(None))):
        raise ValueError(f"it holds a {type(data).__name__}, and should have plain values only")


def short(thing: object) -> str:
    """Return an error's message, or what a value looks like, as one line of some 200 characters at most."""
    text = " ".join((repr(thing) if not isinstance(thing, Exception) else str(thing)).split())
    return text if len(text) <= 200 else f"{text[:200]}..."
