"""What the words of ``rerun`` ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from seqtrain.commands._words import (
    ALLOWED_IN_RERUN,
    PATH_KEYS,
    PLUGINS,
    SEARCHPATH,
    plugins_choice,
    read_words,
    value_of,
)
from seqtrain.config import Plugins
from seqtrain.errors import ConfigError

CHECKPOINT, DIRECTORY = "checkpoint=", "hydra.run.dir="


@dataclass(frozen=True)
class Request:
    """What is asked for; paths are absolute."""

    checkpoint: Path
    directory: Path
    overrides: Sequence[str]
    searchpath: Sequence[str]
    plugins: Plugins


def parse(words: Sequence[str]) -> Request:
    """Read the words of the command.

    Raises:
        ConfigError: one is missing, or is none that a repetition takes.
    """
    named = {key: value_of(words, key) for key in (CHECKPOINT, DIRECTORY)}
    if not named[CHECKPOINT]:
        raise ConfigError(f"rerun repeats the run of a checkpoint: name it with {CHECKPOINT}RUN")
    rest = [_absolute(word) for word in words if not word.startswith(tuple(named))]
    read = read_words(rest, "config")
    own = [word for word in read.overrides if not word.startswith((SEARCHPATH, PLUGINS))]
    refused = [
        *(w for w in read.as_typed if w.startswith("-")),
        *(w for w in own if not w.startswith(ALLOWED_IN_RERUN)),
    ]
    if refused:
        raise ConfigError(
            f"rerun repeats a run with the config of its checkpoint: leave out {', '.join(refused)}, "
            "or start another run with train"
        )
    directory = named[DIRECTORY] or f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S-%f}_rerun"
    return Request(
        checkpoint=Path(named[CHECKPOINT]).expanduser().absolute(),
        directory=Path(directory).expanduser().absolute(),
        overrides=own,
        searchpath=[word for word in read.overrides if word.startswith(SEARCHPATH)],
        plugins=plugins_choice(read.overrides),
    )


def _absolute(word: str) -> str:
    """Return an override with the paths in it, ``a`` or ``a:b``, absolute: they are read from another directory."""
    key, _, value = word.partition("=")
    paths = [value] if Path(value).exists() else value.split(":")
    are_there = key in PATH_KEYS and all(Path(path).exists() for path in paths)
    return f"{key}={':'.join(str(Path(path).absolute()) for path in paths)}" if are_there else word
