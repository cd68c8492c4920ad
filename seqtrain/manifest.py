"""The manifest of a checkpoint, written last: the format's version, each file's size and SHA-256."""

import hashlib
import json
from pathlib import Path
from typing import Any

from seqtrain.errors import CheckpointError

VERSION = 1
MANIFEST = "manifest.json"


def write_manifest(directory: Path) -> None:
    """Write the manifest of all files that are in a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    fingerprints = {file.relative_to(directory).as_posix(): _fingerprint(file) for file in files}
    text = json.dumps({"version": VERSION, "files": fingerprints}, indent=1)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(directory: Path) -> dict[str, dict[str, Any]]:
    """Return ``{file: {"bytes": ..., "sha256": ...}}`` as it was written.

    Raises:
        CheckpointError: the manifest is missing, damaged, or of another version.
    """
    try:
        manifest = json.loads((directory / MANIFEST).read_text(encoding="utf-8"))
        version, files = manifest["version"], manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{directory / MANIFEST} is missing or damaged: use another checkpoint") from error
    if version != VERSION:
        raise CheckpointError(
            f"{directory} has format version {version}; this seqtrain reads version {VERSION}: "
            "use the seqtrain that wrote it, or a newer one"
        )
    if not _is_table(files):
        raise CheckpointError(f"{directory / MANIFEST} is damaged: use another checkpoint")
    strange = [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]
    if strange:
        raise CheckpointError(f"{directory / MANIFEST} names {strange[0]}, which is not in the checkpoint")
    return dict(files)


def verify(directory: Path) -> None:
    """Check that every file is there, as it was written.

    Raises:
        CheckpointError: one is not.
    """
    for name, expected in read_manifest(directory).items():
        file = directory / name
        if not file.is_file():
            raise CheckpointError(f"{file} is missing: use another checkpoint")
        if _fingerprint(file) != expected:
            size = file.stat().st_size
            was = "cut short" if size < expected["bytes"] else "damaged"
            raise CheckpointError(
                f"{file} is {was} ({size} bytes, {expected['bytes']} were written): use another checkpoint"
            )


def _is_table(files: Any) -> bool:
    """Tell whether a manifest's files are what was written: the size and the digest of each."""
    entries = files.values() if isinstance(files, dict) else [files]
    return all(isinstance(entry, dict) and isinstance(entry.get("bytes"), int) for entry in entries)


def _fingerprint(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return {"bytes": file.stat().st_size, "sha256": digest.hexdigest()}
