"""``schema``: JSON Schema of the YAML files, and the line by which editors find it."""

import argparse
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from hydra._internal.config_repository import IConfigRepository

from seqtrain.composition import discover
from seqtrain.errors import ConfigError
from seqtrain.origins import shown_path
from seqtrain.paths import atomic_file, writable
from seqtrain.plugins import conf_directory
from seqtrain.schema.choices import Choices, read_choices
from seqtrain.schema.editor import MARK, add_line, find_files
from seqtrain.schema.files import schemas
from seqtrain.schema.types import Schema

PLACE = Path(".seqtrain", "schema")
"""Where the schemas lie: in each user directory, or in the current one."""


def main(arguments: Sequence[str]) -> None:
    """Write the schemas, print one, or say what there is."""
    parser = argparse.ArgumentParser("seqtrain schema", description="JSON Schema of the YAML files, for editors.")
    parser.add_argument("--write", action="store_true", help="write all, and the editor line into users' YAML files")
    parser.add_argument("--dir", type=Path, help=f"where to write; {PLACE} in each user directory if it is not set")
    parser.add_argument("--config-dir", type=Path, help="directory with primary configs of your own")
    parser.add_argument("words", metavar="KIND | hydra.searchpath=[DIR,...]", nargs="*", help="a kind to print")
    words = parser.parse_args(list(arguments))
    kinds = [word for word in words.words if "=" not in word]
    overrides = [word for word in words.words if "=" in word]
    if any(not override.startswith("hydra.searchpath=") for override in overrides):
        parser.error("the only override is hydra.searchpath=[DIR,...]")
    if len(kinds) > 1 or (kinds and words.write):
        parser.error("name one KIND to print, or --write all")
    repository = _open(overrides, words.config_dir)
    choices = read_choices(repository)
    documents = schemas(choices)
    if kinds:
        print(_text(_one(kinds[0], documents)), end="")
    elif words.write:
        print("\n".join(_write(documents, choices, _directories(repository), words.dir)))
    else:
        print("\n".join(_overview(documents, choices, _directories(repository))))


def _open(overrides: Sequence[str], config_dir: Path | None) -> IConfigRepository:
    """Return Hydra's sources, with the plug-ins of the user directories registered."""
    return discover(overrides, config_dir=config_dir and config_dir.expanduser())


def _directories(repository: IConfigRepository) -> list[Path]:
    """Return the directories of the user's own, without what is installed."""
    own = ("hydra.searchpath", "command-line")
    sources = [source for source in repository.get_sources() if source.scheme() == "file"]
    found = [Path(source.path).expanduser().resolve() for source in sources if source.provider.startswith(own)]
    return [directory for directory in dict.fromkeys(found) if directory != conf_directory().resolve()]


def _one(kind: str, documents: Mapping[str, Schema]) -> Schema:
    if kind not in documents:
        close = difflib.get_close_matches(kind, documents, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"{kind!r} is no kind of YAML file; {meant}Kinds: {', '.join(documents)}")
    return documents[kind]


def _write(
    documents: Mapping[str, Schema], choices: Choices, directories: Sequence[Path], place: Path | None
) -> Iterator[str]:
    """Write the schemas and the editor lines; yield what was done."""
    places = {directory: place or directory / PLACE for directory in directories}
    for target in dict.fromkeys(places.values()) or [place or PLACE]:
        for kind, schema in documents.items():
            with writable(target):
                target.mkdir(parents=True, exist_ok=True)
            with atomic_file(target / f"{kind}.json") as opened:
                opened.write(_text(schema))
        yield f"schemas of {', '.join(documents)}: {shown_path(str(target.absolute()))}"
    for directory, target in places.items():
        for file, kind in find_files(directory, choices):
            if add_line(file, target.absolute() / f"{kind}.json", documents):
                yield f"editor line: {shown_path(str(file))}"
    if not places:
        yield "To add the editor line to the YAML files of a user directory: schema --write hydra.searchpath=[DIR]"
        yield f"Elsewhere it is for you to add, with the path from the file: {MARK}PATH/{place or PLACE}/model.json"


def _overview(documents: Mapping[str, Schema], choices: Choices, directories: Sequence[Path]) -> Iterator[str]:
    """Yield the kinds of files, and of which kind each of the user's is."""
    for kind, schema in documents.items():
        yield f"{kind:14} {schema['title'].removeprefix('seqtrain: ')}"
    for directory in directories:
        for file, kind in find_files(directory, choices):
            yield f"{shown_path(str(file))}: {kind}"
    yield "`seqtrain schema KIND` prints the JSON Schema of a kind; `seqtrain schema --write` writes all."


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
