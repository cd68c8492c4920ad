"""Writes what ``fairseq-preprocess`` writes, for tests: dictionaries, and ``.idx`` and ``.bin`` of its format mmap."""

import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
EOS, UNK = 2, 3

LETTERS = {1: "B", 2: "b", 3: "h", 4: "i", 5: "q", 6: "d", 7: "d", 8: "H", 9: "I", 10: "Q"}
"""The struct module's letter for each code of a type."""


def write_bin(prefix: Path, sentences: Iterable[Sequence[int]], code: int = 8) -> None:
    """Write ``<prefix>.bin`` and ``<prefix>.idx``."""
    letter, content, sizes, starts = LETTERS[code], bytearray(), list[int](), list[int]()
    for sentence in sentences:
        sizes.append(len(sentence))
        starts.append(len(content))
        content += struct.pack(f"<{len(sentence)}{letter}", *sentence)
    header = b"MMIDIDX\x00\x00" + struct.pack("<QBQ", 1, code, len(sizes))
    index = header + struct.pack(f"<{len(sizes)}i", *sizes) + struct.pack(f"<{len(starts)}q", *starts)
    prefix.with_name(f"{prefix.name}.bin").write_bytes(content)
    prefix.with_name(f"{prefix.name}.idx").write_bytes(index)


def write_dictionary(file: Path, lines: Iterable[str]) -> list[str]:
    """Write the words of ``lines``, most frequent first, filled up to a multiple of 8; return all symbols."""
    words = [word for line in lines for word in line.split()]
    symbols = sorted(set(words), key=lambda word: (-words.count(word), word))
    symbols += [f"madeupword{number:04d}" for number in range(-(len(symbols) + len(SPECIALS)) % 8)]
    file.write_text("".join(f"{symbol} {words.count(symbol)}\n" for symbol in symbols), encoding="utf-8")
    return [*SPECIALS, *symbols]


def binarize(lines: Iterable[str], symbols: Sequence[str]) -> list[list[int]]:
    """Return the ids of lines, each with its end of sentence."""
    ids = {symbol: id for id, symbol in enumerate(symbols)}
    return [[*(ids.get(word, UNK) for word in line.split()), EOS] for line in lines]


def preprocess(text: Path, data_bin: Path, pair: tuple[str, str], *, joined: bool = False) -> None:
    """Write ``data_bin`` from the plain text files ``<split>.<language>`` of a pair, as ``fairseq-preprocess`` does."""
    data_bin.mkdir(parents=True, exist_ok=True)
    lines = {file.name: file.read_text(encoding="utf-8").splitlines() for file in text.iterdir()}
    for language in pair:
        counted = pair if joined else (language,)
        training = [line for other in counted for line in lines[f"train.{other}"]]
        symbols = write_dictionary(data_bin / f"dict.{language}.txt", training)
        for name, mine in lines.items():
            split, _, suffix = name.rpartition(".")
            if suffix == language:
                write_bin(data_bin / f"{split}.{'-'.join(pair)}.{language}", binarize(mine, symbols))
