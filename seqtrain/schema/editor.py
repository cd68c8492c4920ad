"""The line of a YAML file by which editors find its schema, as the YAML language server has it."""

import codecs
import os
import re
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path, PurePosixPath

from seqtrain.paths import atomic_file
from seqtrain.schema.choices import Choices

MARK = "# yaml-language-server: $schema="

PATTERNS = ("*.yaml", "*/*.yaml", "*/*/*.yaml")
"""Where YAML lies in a user directory: primary configs, groups, groups in groups."""

_HEADER = re.compile(r"\s*#\s*@|\s*$")
_PACKAGE = re.compile(r"\s*#\s*@package\s+(\S+)")


def find_files(directory: Path, choices: Choices) -> Iterator[tuple[Path, str]]:
    """Yield the YAML files of a user directory that Hydra composes from, and the kind of each."""
    for pattern in PATTERNS:
        for file in sorted(directory.glob(pattern)):
            below = file.relative_to(directory)
            if not any(part.startswith(".") for part in below.parts) and (kind := _kind(below, _read(file), choices)):
                yield file, kind


def add_line(file: Path, schema: Path, kinds: Collection[str]) -> bool:
    """Let a YAML file name its schema, by the path from its own directory; tell whether it had to be changed."""
    text = _read(file)
    path = Path(os.path.relpath(schema, file.parent)).as_posix()
    changed = with_line(text, path, kinds)
    if changed == text:
        return False
    mark = "\ufeff" if file.read_bytes().startswith(codecs.BOM_UTF8) else ""
    with atomic_file(file.resolve()) as written:
        written.write(mark + changed)
    return True


def with_line(text: str, schema: str, kinds: Collection[str]) -> str:
    """Return a YAML's text with the line: below Hydra's header ``# @package``, or on top.

    A line that is there already is brought up to date; one that names a schema of somebody else's stays.
    """
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(MARK):
            named = PurePosixPath(line.removeprefix(MARK).strip())
            if named.suffix == ".json" and named.stem in kinds:
                lines[number] = f"{MARK}{schema}{_newline(line)}"
            return "".join(lines)
    header = list(takewhile(_HEADER.match, lines))
    while header and not header[-1].strip():
        header.pop()
    lines.insert(len(header), f"{MARK}{schema}{_newline(text)}")
    return "".join(lines)


def _kind(file: Path, text: str, choices: Choices) -> str:
    """Return the kind of a file by its place in the user directory and its header; nothing if it is another's."""
    if str(file.parent) == "." and file.stem in choices.primaries:
        return "config"
    header = takewhile(_HEADER.match, text.splitlines())
    packages = [match.group(1) for line in header if (match := _PACKAGE.match(line))]
    group = file.parent.as_posix()
    package = packages[0] if packages and not packages[0].startswith(f"{group}.") else group
    return "experiment" if package == "_global_" else package if package in choices.plugins else ""


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _read(file: Path) -> str:
    """Return a file's text with its own ends of lines, without a byte order mark; nothing if it is no text."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            return opened.read()
    except UnicodeDecodeError:
        return ""
