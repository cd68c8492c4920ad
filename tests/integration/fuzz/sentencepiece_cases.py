"""Load and use damaged SentencePiece models; run in a process of its own, which a crash ends.

``python sentencepiece_cases.py DIRECTORY FIRST LAST``: prints each seed before it is tried, then ``done``.
"""

import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceTokenizer
from seqtrain.errors import DataError

TEXT = [
    "twenty-one",
    "zweihundertfünf",
    "ﬁne ① Ａ e\u0301 \u3000 x",
    "Ω 日本語 \u200b",
    "",
    "a" * 50,
    "</s> ▁▁",
    "\x00",
]
SECONDS = 30
"""Time after which a case counts as one that hangs, and its process is ended."""

Field = tuple[int, bytes]
PIECE, TRAINER_SPEC, NORMALIZER_SPEC = 1, 2, 3
TABLE = 2
"""Number of the table of characters, precompiled_charsmap, in the normalizer's spec."""


def main(directory: Path, first: int, last: int) -> None:
    """Try the cases from ``first`` to before ``last``."""
    models = [file.read_bytes() for file in sorted(directory.glob("whole-*.model"))]
    tokenizer = SentencePieceTokenizer(SentencePieceConfig())
    for seed in range(first, last):
        print(seed, flush=True)
        rng = random.Random(seed)
        (directory / "case.model").write_bytes(damaged(rng, rng.choice(models)))
        signal.alarm(SECONDS)
        try:
            dictionary = tokenizer.load(directory, "case")
            for text in TEXT:
                dictionary.decode(dictionary.encode(text))
            assert dictionary.encode_lines(TEXT) == [dictionary.encode(text) for text in TEXT]
        except DataError as error:
            assert str(directory / "case.model") in str(error)
    print("done", flush=True)


def damaged(rng: random.Random, model: bytes) -> bytes:
    """Damage a model anywhere, or one of its parts in such a way that the rest is still found."""
    if rng.random() < 0.2:
        return scrambled(rng, model)
    fields = list(parse(model))
    kind = rng.choice([PIECE, TRAINER_SPEC, NORMALIZER_SPEC, NORMALIZER_SPEC])
    at = rng.choice([number for number, (tag, _) in enumerate(fields) if tag >> 3 == kind])
    tag, content = fields[at]
    if kind == NORMALIZER_SPEC and rng.random() < 0.8:
        inner = [(t, table(rng, c) if t >> 3 == TABLE else c) for t, c in parse(content)]
    else:
        inner = [(t, scrambled(rng, c) if rng.random() < 0.4 else c) for t, c in parse(content)]
    fields[at] = (tag, build(inner) if rng.random() < 0.8 else scrambled(rng, content))
    return build(fields)


def table(rng: random.Random, content: bytes) -> bytes:
    """Damage the table of characters: the size of its trie, the trie's units, or the strings behind it."""
    size = int.from_bytes(content[:4], "little")
    sizes = [0, 4, size - 4, size + 1, size // 2, len(content) - 4, len(content), 2**31, 2**32 - 1]
    cases = [
        rng.choice(sizes).to_bytes(4, "little") + content[4:],
        content[:4] + scrambled(rng, content[4:2048]) + content[2048:],
        content[: size + 4] + scrambled(rng, content[size + 4 :]),
        content[: size + 4] + content[size + 4 :].replace(b"\0", b"x", rng.choice([1, 100, -1])),
        (1024).to_bytes(4, "little") + rng.randbytes(1074),
        content[: rng.randrange(len(content))],
        overwritten(rng, content),
    ]
    return rng.choice(cases)


def scrambled(rng: random.Random, content: bytes) -> bytes:
    """Flip, insert or remove some bytes."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 4, 16])):
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.choice([0, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 1, 4]))
    return bytes(data)


def overwritten(rng: random.Random, content: bytes) -> bytes:
    """Overwrite some groups of four bytes, and leave the length."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 8, 512])):
        at = rng.randrange(4, len(data) - 4)
        data[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", bytes(4), rng.randbytes(4)])
    return bytes(data)


def parse(message: bytes) -> Iterator[Field]:
    """Yield tag and content of each field of a serialised protocol buffer."""
    at = 0
    while at < len(message):
        tag, at = number(message, at)
        start, end = at, at + {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 0:
            end = number(message, at)[1]
        elif tag & 7 == 2:
            size, start = number(message, at)
            end = start + size
        yield tag, message[start:end]
        at = end


def build(fields: list[Field]) -> bytes:
    """Return the message that has these fields."""
    sizes = (varint(len(content)) if tag & 7 == 2 else b"" for tag, content in fields)
    return b"".join(varint(tag) + size + content for (tag, content), size in zip(fields, sizes, strict=True))


def number(message: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; return it and where it ends."""
    end = at
    while message[end] >= 0x80:
        end += 1
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(message[at : end + 1])), end + 1


def varint(value: int) -> bytes:
    """Write a number of variable length."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
