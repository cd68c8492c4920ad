"""Tokenizers: text to ids and back. Importing this registers none; see ``plugins.import_builtin``."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

from seqtrain.base import Dictionary
from seqtrain.config import TokenizerConfig
from seqtrain.errors import ConfigError
from seqtrain.registry import Registry, choice_of


class Tokenizer(ABC):
    """How text becomes ids, built as ``T(cfg)``; what it learns from a corpus lies in files."""

    free_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the config on which neither the files of dictionaries depend nor what plain ids mean."""
    extension_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the config that say what :meth:`extend` appends."""

    def __init__(self, cfg: TokenizerConfig) -> None:
        self.cfg = cfg

    def external_files(self, name: str) -> list[Path]:
        """Return the files besides the corpus that the dictionary ``name`` is made from; a cache's key needs them."""
        return []

    def key(self) -> str:
        """Return what of the config the files of the dictionaries depend on; a cache's key needs it."""
        defaults: dict[str, Any] = {f.name: f.default for f in fields(self.cfg) if f.name in self.free_fields}
        return repr(replace(self.cfg, **defaults))

    def words_of(self, lines: Iterable[str], language: str) -> Iterable[str]:
        """Return lines of a language, empty if it is not known, as :meth:`train` is to learn from them."""
        return lines

    @abstractmethod
    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Learn from ``lines`` and write the files of the dictionary ``name`` into ``directory``.

        Raises:
            DataError: nothing can be learned from these lines with this config.
        """

    def extend(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Append to the files of the dictionary ``name`` the symbols of ``lines`` that it lacks; others keep their ids.

        By default there are none to add: the tokenizer knows all text, or nothing but its own symbols.

        Raises:
            DataError: a file is missing or damaged.
        """

    def adopt(self, file: Path, directory: Path, name: str) -> None:
        """Write the files of the dictionary ``name`` whose symbols are those of a ``dict.txt`` of fairseq.

        Raises:
            ConfigError: this tokenizer, with this config, has symbols of its own.
            DataError: the file cannot be used.
        """
        raise ConfigError(
            f"the ids of task.data stand for the symbols of {file}, not for those of {choice_of(self)}: "
            "write tokenizer=whitespace, or let task.data name a directory with text and no .idx files"
        )

    @abstractmethod
    def load(self, directory: Path, name: str) -> Dictionary:
        """Read the dictionary ``name`` that :meth:`train` wrote.

        Raises:
            DataError: its files are missing or damaged.
        """


REGISTRY: Registry[Tokenizer] = Registry("tokenizer", TokenizerConfig, Tokenizer)
register_tokenizer = REGISTRY.register
register_tokenizer_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "Dictionary",
    "Tokenizer",
    "TokenizerConfig",
    "register_tokenizer",
    "register_tokenizer_preset",
]
