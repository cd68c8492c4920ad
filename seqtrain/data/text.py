"""Text files, plain or .gz: find them, read their lines, compare and hash them."""

import codecs
import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from seqtrain.base import Fingerprint
from seqtrain.errors import DataError

MAX_LINE_BYTES = 64 << 20
"""Bytes of a line, its end included, from which a file is no text: a few bytes of .gz can hold any number of them."""


WATCHED = 10_000
"""Lines after which who watches is told how much was read."""
Watch = Callable[[int], object]
"""Is told how many more bytes of files have been read."""


def find_text(directory: Path, prefix: str, language: str) -> Path:
    """Return the file ``<prefix>.<language>`` in ``directory``, or the same with ``.gz``.

    Raises:
        DataError: there is none.
    """
    advice = "check task.source_lang and task.target_lang"
    return _find(directory, prefix, [f"{prefix}.{language}"], advice)


def find_monolingual_text(directory: Path, name: str) -> Path:
    """Return the file ``<name>`` in ``directory``, else ``<name>.txt``, each also with ``.gz``.

    Raises:
        DataError: there is none.
    """
    return _find(directory, name, [name, f"{name}.txt"], "name one of them")


def _find(directory: Path, prefix: str, names: Sequence[str], advice: str) -> Path:
    if files := _existing(directory, names):
        return files[0]
    first, *others = _candidates(directory, names)
    there_is = _what_there_is(directory / prefix, advice)
    raise DataError(f"there is no text file {first} (nor {', '.join(path.name for path in others)}): {there_is}")


def _candidates(directory: Path, names: Sequence[str]) -> list[Path]:
    return [directory / f"{name}{suffix}" for name in names for suffix in ("", ".gz")]


def _existing(directory: Path, names: Sequence[str]) -> list[Path]:
    return [path for path in _candidates(directory, names) if path.is_file()]


def find_parallel(directory: Path, stems: Sequence[str], languages: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the files ``<stem>.<language>``, plain or .gz, of the first stem that has any, with their names.

    Raises:
        DataError: no stem has any, or the first that has any lacks one.
    """
    for stem in stems:
        names = [f"{stem}.{language}" for language in languages]
        files = [path for name in names for path in _existing(directory, [name])[:1]]
        if len(files) == len(names):
            return list(zip(names, files, strict=True))
        if files:
            break
    wanted = ", nor ".join(" and ".join(f"{stem}.{language}" for language in languages) for stem in stems)
    there_is = _what_there_is(directory / stems[-1], "check task.lang_pairs")
    raise DataError(f"in {directory} there is neither {wanted} (plain or .gz): {there_is}")


def _what_there_is(wanted: Path, advice: str) -> str:
    if wanted.parent.is_file():
        return (
            f"{wanted.parent} is a file; name its directory as task.data, and the file without its suffix in task.train"
        )
    if not wanted.parent.is_dir():
        return f"the directory {wanted.parent} does not exist; check task.data"
    start = f"{wanted.name}."
    names = sorted(p.name for p in wanted.parent.iterdir() if p.is_file())
    same_prefix = [name for name in names if name.startswith(start)]
    if same_prefix:
        return f"with this prefix there are {', '.join(same_prefix)}; {advice}"
    return f"no file in {wanted.parent} starts with {start!r}; it holds {', '.join(names[:10]) or 'no files'}"


def read_lines(path: Path, watch: Watch | None = None) -> Iterator[str]:
    r"""Yield the lines of a UTF-8 file without their ends.

    A line ends at ``\n`` or ``\r\n`` and nowhere else, so that line n of one file stays the partner of line n
    of another whatever other separators Unicode knows. A byte order mark at the start is dropped.

    Args:
        path: the file, plain or .gz.
        watch: told now and then how many more bytes of the file have been read.

    Raises:
        DataError: the file cannot be read, is a damaged gzip file or no UTF-8.
    """
    return text_lines(_raw_lines(path, watch), str(path))


def text_lines(raw_lines: Iterable[bytes], name: str) -> Iterator[str]:
    """Yield lines of bytes as text, as :func:`read_lines` does; ``name`` is what an error calls their source.

    Raises:
        DataError: a line is no UTF-8.
    """
    for number, raw in enumerate(raw_lines, start=1):
        line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
        line = line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}:{number}: not UTF-8 (byte 0x{line[error.start]:02x} at position {error.start} of the line); "
                "convert the file, for example with: iconv -f LATIN1 -t UTF-8"
            ) from error
        yield text


def count_lines(path: Path) -> int:
    """Return the number of lines of a file, plain or .gz; the last one may lack its end.

    Raises:
        DataError: the file cannot be read, or is a damaged gzip file.
    """
    count, last = 0, b"\n"
    with _reading(path), _open(path) as file:
        while block := file.read(1 << 20):
            count, last = count + block.count(b"\n"), block[-1:]
    return count + (last != b"\n")


def check_parallel(source: Path, target: Path) -> int:
    """Return the number of lines of two files, in which line n of one is the translation of line n of the other.

    Raises:
        DataError: the files differ in their number of lines, or one cannot be read.
    """
    source_count, target_count = map(count_lines, (source, target))
    if source_count != target_count:
        raise DataError(
            f"{source} has {source_count} lines and {target} has {target_count}: line n of one must be the "
            "translation of line n of the other; find the line from which they are shifted, or take the files "
            "from one source"
        )
    return source_count


@dataclass(frozen=True)
class TextSize:
    """How much text there is; ends of lines are counted apart."""

    lines: int = 0
    characters: int = 0
    bytes: int = 0
    words: int = 0

    @classmethod
    def of(cls, lines: Iterable[str]) -> "TextSize":
        """Measure lines without their ends: characters (code points), bytes of UTF-8, words between whitespace."""
        num_lines = characters = num_bytes = words = 0
        for line in lines:
            num_lines += 1
            characters += len(line)
            num_bytes += len(line.encode())
            words += len(line.split())
        return cls(num_lines, characters, num_bytes, words)


def fingerprint_text(path: Path) -> Fingerprint:
    """Return the fingerprint of a text file by its lines; compressed or not makes no difference.

    Raises:
        DataError: the file cannot be read.
    """
    return Fingerprint.of("lines", _raw_lines(path))


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        DataError: the file cannot be read.
    """
    digest = hashlib.sha256()
    with _reading(path), path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _open(path: Path) -> BinaryIO:
    """Open a file for its bytes, unpacked if it is a .gz."""
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _raw_lines(path: Path, watch: Watch | None = None) -> Iterator[bytes]:
    """Yield the lines with their ends; binary files split at the byte of newline alone."""
    with _reading(path), path.open("rb") as raw, gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw as file:
        number = told = 0
        while line := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(line) > MAX_LINE_BYTES:
                raise DataError(f"{path}:{number}: a line of over {MAX_LINE_BYTES >> 20} MiB; is this a file of text?")
            if watch and number % WATCHED == 0:
                watch(raw.tell() - told)
                told = raw.tell()
            yield line


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: damaged gzip file ({error}); fetch it again, or check it with: gzip -t") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
