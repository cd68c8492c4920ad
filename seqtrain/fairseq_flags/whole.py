"""A whole command of ``fairseq-train``: what its defaults are here, and the command that does the same."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from seqtrain.fairseq_flags.parts import GROUPS
from seqtrain.fairseq_flags.table import FLAGS
from seqtrain.fairseq_flags.unset import missing
from seqtrain.fairseq_flags.values import LONG_NAMES, is_there, override

ONE_NAME = {
    **LONG_NAMES,
    "-s": "--source-lang",
    "-t": "--target-lang",
    "--me": "--max-epoch",
    "--mu": "--max-update",
    "--max-sentences": "--batch-size",
}
"""Of flags that have several names, the one that is looked for."""

FEWEST_FLAGS = 3
"""So many flags, with one that names a model, make a whole command."""


def in_whole(given: Mapping[str, str], bare: Sequence[str], words: Sequence[str], *, known: bool) -> Iterator[str]:
    """Yield what else to write for a whole command, and all of it in one; nothing for a few flags.

    Args:
        given: fairseq's flags, by their names with dashes, and their values.
        bare: directories of data.
        words: the command line; what it sets itself needs no saying.
        known: whether all flags are fairseq's own, so that there is something to write for all.
    """
    named = {ONE_NAME.get(name, name): value for name, value in given.items()}
    if "--arch" not in named or len(named) < FEWEST_FLAGS:
        return
    own = [word for word in words if "=" in word and not word.startswith("-")]
    keys = {word.partition("=")[0] for word in own}
    others = [word for word in missing(named, _languages(bare)) if word.partition("=")[0] not in keys]
    if others:
        yield f"not given, where fairseq's defaults differ: write {' '.join(others)}"
    if known:
        data = [f"task.data={directory} tokenizer=whitespace" for directory in bare]
        yield " ".join(["as a whole: python -m seqtrain", *data, *_written(given), *others, *own])


def _written(given: Mapping[str, str]) -> Iterator[str]:
    """Yield the overrides for flags of training, those that choose parts first."""
    flags = {FLAGS[name]: value for name, value in given.items() if is_there(FLAGS[name], value)}
    texts = [override(flag, value) for flag, value in flags.items()]
    chosen = [text for text in texts if text.partition("=")[0] in GROUPS.values()]
    # What has no dot and chooses nothing is a key of another command.
    yield from (*chosen, *(text for text in texts if "." in text.partition("=")[0]))


def _languages(directories: Sequence[str]) -> tuple[str, str]:
    """Return the languages that the files of a data-bin are named after, or what stands for them."""
    for directory in directories:
        for file in sorted(Path(directory).expanduser().glob("train.*-*.*.idx")):
            source, _, target = file.name.split(".")[1].partition("-")
            return source, target
    return "A", "B"
