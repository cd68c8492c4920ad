"""Directories that ``fairseq-preprocess`` wrote: which files of ids they hold, and which dictionaries.

Ids of translation lie in ``<prefix>.<source>-<target>.<language>.bin``, with ``dict.<language>.txt``; ids of one
language in ``<prefix>.bin``, with ``dict.txt``. What belongs to ``train`` may lie in ``train1``, ``train2``, ... too.
Of several directories, ``a:b:c``, each holds the training data of an epoch, in turns.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, zip_longest
from pathlib import Path

from seqtrain.base import Dictionary, Fingerprint
from seqtrain.data.cache import cached
from seqtrain.data.corpus import Corpus, Side
from seqtrain.data.fairseq_bin import FairseqBin, join
from seqtrain.data.store import Tokens
from seqtrain.data.symbol_file import read_symbols
from seqtrain.data.text import hash_file
from seqtrain.data.tokenizers import Tokenizer
from seqtrain.errors import ConfigError, DataError

SHARD = "@"
"""Between a prefix and the number of the directory that its files are in, from 2 on."""


class DataBin(Corpus):
    """One directory, or several with training data for an epoch each; all else is taken from the first."""

    def __init__(self, shards: Sequence[Path]) -> None:
        self.shards = shards
        self._opened: dict[Path, FairseqBin] = {}

    @classmethod
    def find(cls, data: str) -> "DataBin | None":
        """Return what ``task.data`` names, if there are ids in it.

        Raises:
            DataError: it names several directories, and only some of them hold ids.
        """
        whole = Path(data).expanduser()
        shards = [whole] if whole.is_dir() else [Path(part).expanduser() for part in data.split(":")]
        if not any(map(_holds_ids, shards)):
            return None
        for shard in shards:
            if not _holds_ids(shard):
                raise DataError(f"task.data={data}: {shard} holds no .idx beside a .bin, as the others do")
        return cls(shards)

    def find_files(self, prefix: str, languages: Sequence[str] = ()) -> list[tuple[str, Path]]:
        """Return name and ``.bin`` of the files with a prefix: of source and target, or of one side.

        Raises:
            DataError: there are none.
        """
        name, number = prefix, 1
        for other in range(2, len(self.shards) + 1):
            if prefix.endswith(f"{SHARD}{other}"):
                name, number = prefix.removesuffix(f"{SHARD}{other}"), other
        choices, shard = _file_names(name, languages), self.shards[number - 1]
        for names in choices:
            if any((shard / f"{names[0]}{suffix}").is_file() for suffix in (".idx", ".bin")):
                where = f" in directory {number}" if number > 1 else ""
                return [(f"{name}{where}", shard / f"{name}.bin") for name in names]
        raise _missing(choices, shard)

    def training_sets(self, prefixes: Sequence[str], find: Callable[[str], object]) -> list[list[str]]:
        """Return for each directory the prefixes, each with those of its further parts, ``train1``, ``train2``, ..."""
        shards = ["", *(f"{SHARD}{number}" for number in range(2, len(self.shards) + 1))]
        parts = ([part for prefix in prefixes for part in _parts(prefix, shard, find)] for shard in shards)
        return [list(dict.fromkeys(names)) for names in parts]

    def learn(self, tokenizer: Tokenizer, texts: Mapping[str, Sequence[Side]], cache_dir: Path) -> Path:
        """Take over the dictionaries of the first directory."""
        found = {name: self._dictionary([file for _, files in text for file in files]) for name, text in texts.items()}
        key = {"tokenizer": tokenizer.key(), "data-bin": {name: hash_file(file) for name, file in found.items()}}

        def make(directory: Path) -> None:
            for name, file in found.items():
                tokenizer.adopt(file, directory, name)

        return cached(cache_dir, "dictionary", key, make)

    def index(self, files: Sequence[Path], dictionary: Dictionary, cache_dir: Path) -> Tokens:
        """Return the ids where they lie."""
        for file in self._dictionaries(files):
            _compare(file, dictionary)
        return join([self._open(file).tokens(len(dictionary)) for file in files])

    def count(self, file: Path) -> int:
        """Return the number of sentences."""
        return len(self._open(file))

    def check_parallel(self, source: Path, target: Path) -> int:
        """Compare the numbers of sentences."""
        if self.count(source) != self.count(target):
            raise DataError(
                f"{source} has {self.count(source)} sentences and {target} has {self.count(target)}: "
                "sentence n of one must be the translation of sentence n of the other; take both from one source"
            )
        return self.count(source)

    def describe(self, file: Path) -> Fingerprint:
        """Return the fingerprint of all lengths, and of the ids or of samples of them."""
        return self._open(file).fingerprint

    def lines(self, files: Sequence[Path], dictionary: Dictionary) -> Iterator[str]:
        """Yield what the ids stand for; what is unknown becomes ``<<unk>>``, which no decoded text has."""
        tokens, unknown = self.index(files, dictionary, Path()), dictionary.symbol(dictionary.unk)
        for number in range(len(tokens)):
            yield dictionary.decode(tokens[number].tolist()).replace(unknown, f"<{unknown}>")

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
        for other in others:
            if hash_file(other) != hash_file(first):
                raise ConfigError(f"{first} and {other} are not the same: write task.joined_dictionary=false")
        return first


def _holds_ids(directory: Path) -> bool:
    return any(file.with_suffix(".bin").is_file() for file in directory.glob("*.idx"))


def _file_names(name: str, languages: Sequence[str]) -> list[list[str]]:
    """Return what the files of all sides may be called, without ``.bin``: a list for each possibility."""
    if not languages:
        return [[name]]
    pairs = "-".join(languages), "-".join(reversed(languages))
    return [[f"{name}.{pair}.{language}" for language in languages] for pair in pairs]


def _missing(choices: Sequence[Sequence[str]], shard: Path) -> DataError:
    wanted = " nor ".join(f"{names[0]}.idx" for names in choices)
    there = ", ".join(sorted(file.name for file in shard.glob("*.idx"))[:10])
    keys = ", task.source_lang, task.target_lang" if len(choices) > 1 else ""
    return DataError(f"there is no {wanted} in {shard}, which holds {there}; check task.train, valid, test{keys}")


def _dictionary_name(file: Path) -> str:
    """Return what the dictionary of a ``.bin`` is called."""
    _, pair, language = f"..{file.stem}".rsplit(".", 2)
    is_named = pair.startswith(f"{language}-") or pair.endswith(f"-{language}")
    return f"dict.{language}.txt" if is_named else "dict.txt"


def _parts(prefix: str, shard: str, find: Callable[[str], object]) -> Iterator[str]:
    """Yield a prefix, and those that are called like it with 1, 2, ... as long as there are files."""
    yield f"{prefix}{shard}"
    for number in count(1):
        part = f"{prefix}{number}{shard}"
        try:
            find(part)
        except DataError:
            return
        yield part


def _compare(file: Path, dictionary: Dictionary) -> None:
    """Check that a file of symbols is that of a dictionary."""
    pairs = zip_longest([*Dictionary.specials, *read_symbols(file)], map(dictionary.symbol, range(len(dictionary))))
    for id, (symbol, other) in enumerate(pairs):
        if symbol != other:
            raise DataError(
                f"{file} is not the dictionary of the model: id {id} is {symbol!r} in the one and {other!r} in the "
                "other; data that was made with the model's dictionary is needed, or text"
            )
