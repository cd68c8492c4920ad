"""The files of a task's dictionaries, held in memory: a cache may be emptied, and another checkpoint may go."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seqtrain.data.cache import OWN_FILES


@dataclass(frozen=True)
class DictionaryFiles:
    """The files by their names."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: Path) -> "DictionaryFiles":
        """Read those of a directory: an entry of the cache, or a checkpoint's ``tokenizer/``."""
        files = sorted(file for file in directory.iterdir() if file.is_file() and file.name not in OWN_FILES)
        return cls({file.name: file.read_bytes() for file in files})

    def write(self, directory: Path) -> None:
        """Write them into a directory."""
        for name, content in self.contents.items():
            (directory / name).write_bytes(content)

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each, in hexadecimal."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.contents.items()}
