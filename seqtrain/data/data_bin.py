"""Directories that ``fairseq-preprocess`` wrote: which files of ids they hold, and which dictionaries.

Ids of translation lie in ``<prefix>.<source>-<target>.<language>.bin``, with ``dict.<language>.txt``; ids of one
language in ``<prefix>.bin``, with ``dict.txt``. What belongs to ``train`` may lie in ``train1``, ``train2``, ... too.
Of several directories, ``a:b:c``, each holds the training data of an epoch, in turns.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import count, takewhile, zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data.cache import cached
from seqtrain.data.corpus import Corpus, Side
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.data.fairseq_bin import FairseqBin
from seqtrain.data.store import Tokens
from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.text import find_text, hash_file
from seqtrain.data.tokenizers import Tokenizer
from seqtrain.errors import ConfigError, DataError


class _Part(NamedTuple):
    """A file of ids, and the number of the directory that it is from."""

    file: Path
    turn: int

    @property
    def name(self) -> str:
        """What messages call it; a directory may be moved."""
        return self.call(self.file.stem)

    def call(self, name: str) -> str:
        """Return what messages call a file with a name in its directory."""
        return f"{name} in directory {self.turn + 1}" if self.turn else name


class DataBin(Corpus):
    """One directory, or several with training data for an epoch each; all else is taken from the first."""

    def __init__(self, shards: Sequence[Path], training: Sequence[str]) -> None:
        self.shards = shards
        self.num_turns = len(shards)
        self._training = training
        self._opened: dict[Path, FairseqBin] = {}

    @classmethod
    def find(cls, data: str, training: Sequence[str]) -> "DataBin | None":
        """Return what ``task.data`` names, if there are ids in it.

        Args:
            data: a directory, or several with colons between.
            training: prefixes of files that further parts may belong to.

        Raises:
            DataError: there are several directories, and only some of them hold ids, or one is named twice.
        """
        whole = Path(data).expanduser()
        shards = [whole] if whole.is_dir() else [Path(part).expanduser() for part in data.split(":")]
        if not any(map(_holds_ids, shards)):
            return None
        if len(set(shards)) < len(shards):
            raise DataError(f"task.data={data} names a directory twice: they take turns, each once; name it once")
        for shard in shards:
            if not _holds_ids(shard):
                raise DataError(f"task.data={data}: {shard} holds no .idx beside a .bin, as the others do")
        return cls(shards, training)

    @cached_property
    def held_out(self) -> "DataBin":
        """The first directory, in which no file has further parts."""
        return DataBin(self.shards[:1], [])

    def find_files(self, prefix: str, languages: Sequence[str] = ()) -> list[tuple[str, Path]]:
        """Return name and ``.bin`` of the files with a prefix: of source and target, or of one side.

        Raises:
            DataError: there are none.
        """
        directory, choices = self.shards[0], _file_names(prefix, languages)
        for names in choices:
            if _is_there(directory / f"{names[0]}.bin"):
                return [(name, directory / f"{name}.bin") for name in names]
        wanted = " nor ".join(f"{names[0]}.idx" for names in choices)
        there = ", ".join(sorted(file.name for file in directory.glob("*.idx"))[:10])
        keys = ", task.source_lang, task.target_lang" if languages else ""
        raise DataError(
            f"there is no {wanted} in {directory}, which holds {there}; check task.train, valid, test{keys}"
        )

    def find_alignments(self, prefix: str, languages: Sequence[str]) -> list[tuple[str, Path]]:
        """Return name and text file of the word alignments of each part: ``<part>.align.<source>-<target>`` beside it.

        Raises:
            DataError: one is not there.
        """
        source, pair = self.find_files(prefix, languages)[0][1], "-".join(languages)
        aligned = [(part, f"{part.file.stem.removesuffix(_side(source)[0])}.align") for part in self._parts(source)]
        return [(part.call(f"{name}.{pair}"), find_text(part.file.parent, name, pair)) for part, name in aligned]

    def turns(self, files: Sequence[Path]) -> npt.NDArray[np.int32]:
        """Return the number of the directory that each sentence is from, (N,)."""
        parts = [part for file in files for part in self._parts(file)]
        turns = np.array([part.turn for part in parts], dtype=np.int32)
        return np.repeat(turns, [len(self._open(part.file)) for part in parts])

    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Take over the dictionaries of the first directory."""
        found = {name: self._dictionary([file for _, files in text for file in files]) for name, text in texts.items()}
        key = {"tokenizer": tokenizer.key(), "data-bin": {name: hash_file(file) for name, file in found.items()}}

        def make(directory: Path) -> None:
            for name, file in found.items():
                tokenizer.adopt(file, directory, name)

        return cached(cache_dir, "dictionary", key, make)

    def extend(
        self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], known: DictionaryFiles, cache_dir: Path
    ) -> Path:
        """Take over the dictionaries of the first directory: they go on from those known, or the ids do not fit."""
        return self.learn(tokenizer, texts, cache_dir)

    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids where they lie."""
        parts = [part.file for file in files for part in self._parts(file)]
        vocab_size = min(_compare(file, dictionary) for file in self._dictionaries(parts))
        return Tokens.join([self._open(part).tokens(vocab_size) for part in parts])

    def sizes(self, file: Path) -> list[tuple[Path, int]]:
        """Return the number of sentences of each part."""
        return [(part.file, len(self._open(part.file))) for part in self._parts(file)]

    def check_parallel(self, source: Path, target: Path) -> list[tuple[Path, int]]:
        """Compare the numbers of sentences, part by part."""
        sizes, others = self.sizes(source), self.sizes(target)
        if len(sizes) != len(others):
            raise DataError(f"of {source.name} there are {len(sizes)} parts, and of {target.name} {len(others)}")
        for (file, size), (other, other_size) in zip(sizes, others, strict=True):
            if size != other_size:
                raise DataError(
                    f"{file} has {size} sentences and {other} has {other_size}: sentence n of one must be the "
                    "translation of sentence n of the other; take both from one run of fairseq-preprocess"
                )
        return sizes

    def describe(self, name: str, file: Path) -> dict[str, Fingerprint]:
        """Return the fingerprint of each part: of all lengths, and of the ids or of samples of them."""
        parts = self._parts(file)
        return {name if part.file == file else part.name: self._open(part.file).fingerprint for part in parts}

    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield what the ids stand for; what is unknown becomes ``<<unk>>``, which no decoded text has."""
        tokens, unknown = self.index(files, dictionary, Path()), dictionary.symbol(dictionary.unk)
        for number in range(len(tokens)):
            yield dictionary.decode(tokens[number].tolist()).replace(unknown, f"<{unknown}>")

    def _parts(self, file: Path) -> list[_Part]:
        """Return the files with what belongs to one: if it is of training data, further parts in all directories."""
        rest = f"{_side(file)[0]}.bin"
        prefix = next((name for name in self._training if self.shards[0] / f"{name}{rest}" == file), None)
        if prefix is None:
            return [_Part(file, 0)]
        numbered = ((self._numbered(shard, prefix, rest), turn) for turn, shard in enumerate(self.shards))
        return [_Part(part, turn) for parts, turn in numbered for part in parts]

    def _numbered(self, shard: Path, prefix: str, rest: str) -> Iterator[Path]:
        """Yield ``train``, and ``train1``, ``train2``, ... as far as these are there and not named themselves."""
        yield shard / f"{prefix}{rest}"
        names = takewhile(lambda name: _is_there(shard / f"{name}{rest}"), (f"{prefix}{n}" for n in count(1)))
        yield from (shard / f"{name}{rest}" for name in names if name not in self._training)

    def _open(self, file: Path) -> FairseqBin:
        if file not in self._opened:
            self._opened[file] = FairseqBin(file)
        return self._opened[file]

    def _dictionaries(self, files: Sequence[Path]) -> list[Path]:
        """Return the dictionaries of files: those beside them, else those of the first directory."""
        beside = {file.with_name(_dictionary_name(file)) for file in files}
        return sorted({file if file.is_file() else self.shards[0] / file.name for file in beside})

    def _dictionary(self, files: Sequence[Path]) -> Path:
        """Return the one dictionary of files that share one."""
        first, *others = self._dictionaries(files)
        if not first.is_file():
            raise DataError(
                f"there is no {first}, which says what the ids of {files[0].name} stand for: copy it from where "
                "fairseq-preprocess wrote both"
            )
        for other in others:
            if hash_file(other) != hash_file(first):
                raise ConfigError(
                    f"{first} and {other} are not the same, and the task has one dictionary for both: run "
                    "fairseq-preprocess with one, or let task=translation have two, task.joined_dictionary=false"
                )
        return first


def _holds_ids(directory: Path) -> bool:
    return any(file.with_suffix(".bin").is_file() for file in directory.glob("*.idx"))


def _file_names(name: str, languages: Sequence[str]) -> list[list[str]]:
    """Return what the files of all sides may be called, without ``.bin``: a list for each possibility."""
    if not languages:
        return [[name]]
    pairs = "-".join(languages), "-".join(reversed(languages))
    return [[f"{name}.{pair}.{language}" for language in languages] for pair in pairs]


def _is_there(file: Path) -> bool:
    return file.is_file() or file.with_suffix(".idx").is_file()


def _side(file: Path) -> tuple[str, str]:
    """Return what follows the prefix in the name of a ``.bin``, ``.de-en.de``, and the language; both may be empty."""
    _, pair, language = f"..{file.stem}".rsplit(".", 2)
    is_named = pair.startswith(f"{language}-") or pair.endswith(f"-{language}")
    return (f".{pair}.{language}", language) if is_named else ("", "")


def _dictionary_name(file: Path) -> str:
    language = _side(file)[1]
    return f"dict.{language}.txt" if language else "dict.txt"


def _compare(file: Path, dictionary: Dictionary) -> int:
    """Check that a file of symbols is that of a dictionary, which may go on with tags; return how many there are."""
    symbols = [*Dictionary.specials, *read_symbols(file)]
    for id, (symbol, other) in enumerate(zip_longest(symbols, map(dictionary.symbol, range(len(dictionary))))):
        if symbol not in (None, other):
            raise DataError(
                f"{file} is not the dictionary of the model: id {id} is {symbol!r} in the one and {other!r} in the "
                "other; data that was made with the model's dictionary is needed, or text"
            )
    return len(symbols)
