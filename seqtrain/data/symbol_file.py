"""Files in the format of fairseq's ``dict.txt``: one ``<symbol> <count>`` a line, split at the last space."""

from pathlib import Path

from seqtrain.base import Dictionary
from seqtrain.errors import DataError

OVERWRITE = "#fairseq:overwrite"
"""Flag after the count: the symbol is there already, and this line takes its place."""
GZIP = b"\x1f\x8b"
"""What compressed files begin with."""


def read_symbols(path: Path) -> list[str]:
    """Return the symbols of a file, in order.

    Raises:
        DataError: the file is missing or not in the format, or a symbol is there twice without the flag.
    """
    symbols: list[str] = []
    seen = set(Dictionary.specials)
    for number, line in enumerate(read_text(path, "the dictionary").removesuffix("\n").split("\n"), start=1):
        symbol, overwrite = _parse(line, f"{path}:{number}")
        if symbol in seen and not overwrite:
            raise DataError(
                f"{path}:{number}: the symbol {symbol!r} is in the dictionary already; remove this line, "
                f"or end it with {OVERWRITE} to make it the one that counts"
            )
        seen.add(symbol)
        symbols.append(symbol)
    return symbols


def read_text(path: Path, what: str) -> str:
    """Return the text of a file; ``what`` is what an error calls it.

    Raises:
        DataError: it cannot be read, is compressed, or is no UTF-8.
    """
    try:
        content = path.read_bytes()
        if content.startswith(GZIP):
            raise DataError(f"{what} {path} is compressed; unpack it, for example with gunzip")
        return content.decode("utf-8")
    except OSError as error:
        raise DataError(f"cannot read {what} {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{what} {path} is not UTF-8; convert it, for example with iconv") from error


def _parse(line: str, where: str) -> tuple[str, bool]:
    """Return the symbol of a line and whether it is flagged."""
    entry = line.rstrip()
    overwrite = entry.endswith(f" {OVERWRITE}")
    symbol, space, count = entry.removesuffix(f" {OVERWRITE}").rpartition(" ")
    if not (symbol and space and count.isdecimal()):
        raise DataError(f"{where}: expected '<symbol> <count>', found {line!r:.80}")
    return symbol, overwrite
