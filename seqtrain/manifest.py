"""The manifest of a directory, written last: the format's version, each file's size and SHA-256."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from seqtrain.documents import DocumentError, build, open_regular, read_json
from seqtrain.errors import CheckpointError
from seqtrain.paths import tree

VERSION = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class FileRecord:
    """What a file was when it was written."""

    bytes: int
    """Its size."""
    sha256: str
    """Its digest, in hexadecimal."""


def write_manifest(directory: Path) -> None:
    """Write the manifest of all files that are in a directory."""
    files = sorted(path for path in tree(directory) if path.is_file())
    records = {file.relative_to(directory).as_posix(): asdict(_record(file)) for file in files}
    text = json.dumps({"version": VERSION, "files": records}, indent=1)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> dict[str, FileRecord]:
    """Return what each file was when it was written, by its path in the directory.

    Raises:
        CheckpointError: the manifest is missing, damaged, or of another version.
    """
    file = directory / MANIFEST
    try:
        manifest = read_json(file)
    except DocumentError as error:
        cause = error.__cause__ or error  # by which callers see that it is the disk that refuses
        raise CheckpointError(f"{file} is missing or damaged ({error}): use another checkpoint") from cause
    if not isinstance(manifest, dict) or "version" not in manifest:
        raise CheckpointError(f"{file} is missing or damaged: use another checkpoint")
    if manifest["version"] != VERSION:
        raise CheckpointError(
            f"{directory} has format version {manifest['version']!s:.20}; this seqtrain reads version {VERSION}: "
            "use the seqtrain that wrote it, or a newer one"
        )
    return _table(manifest.get("files"), file)


def verify(directory: Path) -> None:
    """Check that every file is there, as it was written, and that none was added where it would be read.

    Raises:
        CheckpointError: it is not so.
    """
    if problem := damage(directory):
        raise CheckpointError(f"{problem}: use another checkpoint")


def damage(directory: Path) -> str:
    """Say what is not as it was written; empty if all is.

    Raises:
        CheckpointError: the manifest is missing, damaged, or of another version.
    """
    files = read_manifest(directory)
    problems = (_problem(directory, name, expected) for name, expected in files.items())
    try:
        return next(filter(None, problems), "") or _added(directory, files)
    except OSError as error:
        return f"{directory} cannot be read ({error.strerror or error})"


def _table(files: Any, manifest: Path) -> dict[str, FileRecord]:
    """Return a manifest's files as they were written: paths that stay in the directory, sizes and digests."""
    if not isinstance(files, dict):
        raise CheckpointError(f"{manifest} is damaged: use another checkpoint")
    if strange := [name for name in files if not _stays_inside(name)]:
        raise CheckpointError(f"{manifest} names {strange[0]!r:.200}, which is not in the checkpoint")
    try:
        table = {name: build(FileRecord, entry, name) for name, entry in files.items()}
    except DocumentError as error:
        raise CheckpointError(f"{manifest} is damaged: use another checkpoint") from error
    if any(entry.bytes < 0 or not re.fullmatch("[0-9a-f]{64}", entry.sha256) for entry in table.values()):
        raise CheckpointError(f"{manifest} is damaged: use another checkpoint")
    return table


def _stays_inside(name: str) -> bool:
    """Tell whether a name is that of a file in the directory, spelled in the one way there is."""
    path = PurePosixPath(name)
    strange = path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name
    return name == path.as_posix() and not strange


def _problem(directory: Path, name: str, expected: FileRecord) -> str:
    """Say in which way a file is not what was written; empty if it is."""
    file = directory / name
    try:
        if not file.is_file():
            return f"{file} is missing"
        if file.resolve() != directory.resolve() / name:
            return f"{file} is a link to elsewhere"
        size = file.stat().st_size
        if size == expected.bytes and _record(file) == expected:
            return ""
    except OSError as error:
        return f"{file} cannot be read ({error.strerror or error})"
    was = "cut short" if size < expected.bytes else "damaged"
    return f"{file} is {was} ({size} bytes, {expected.bytes} were written)"


def _added(directory: Path, files: dict[str, FileRecord]) -> str:
    """Name a file in one of the manifest's folders that is not in the manifest; what lies beside them is never read."""
    for folder in sorted({PurePosixPath(name).parts[0] for name in files if "/" in name}):
        for path in tree(directory / folder):
            name = path.relative_to(directory).as_posix()
            if name not in files and (path.is_symlink() or not path.is_dir()):
                return f"{path} was added later (remove it)"
    return ""


def _record(file: Path) -> FileRecord:
    with open_regular(file) as stream:
        digest, size = hashlib.sha256(), 0
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return FileRecord(size, digest.hexdigest())
