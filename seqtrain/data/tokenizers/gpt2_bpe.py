"""GPT-2's byte-level BPE (Radford et al., 2019) from its two files, through tiktoken."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omegaconf import MISSING

from seqtrain.data.symbol_file import read_symbols, read_text
from seqtrain.data.tokenizers import Dictionary, Tokenizer, TokenizerConfig, register_tokenizer
from seqtrain.data.tokenizers._symbols import dictionary_file
from seqtrain.data.tokenizers._word_lists import named_file
from seqtrain.documents import DocumentError, read_json
from seqtrain.errors import ConfigError, DataError

if TYPE_CHECKING:
    import tiktoken

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""What GPT-2 splits text into before it merges: no token crosses such a word."""
END_OF_TEXT = "<|endoftext|>"
"""GPT-2's symbol between documents; here that is eos."""


@dataclass
class GPT2BPEConfig(TokenizerConfig):
    """Config of the tokenizer ``gpt2_bpe``."""

    encoder_json: str = MISSING
    """File of tokens and their numbers: GPT-2's ``encoder.json``, or ``vocab.json`` of others; ``{name}`` in it stands
    for the language, or ``joined``."""
    vocab_bpe: str = MISSING
    """File of merges: GPT-2's ``vocab.bpe``, or ``merges.txt`` of others; ``{name}`` as above."""
    dictionary: str = ""
    """fairseq's ``dict.txt`` over GPT-2's numbers, for data or models that were made with it; ``{name}`` as above."""


@register_tokenizer("gpt2_bpe", GPT2BPEConfig)
class GPT2BPETokenizer(Tokenizer):
    """Any text becomes tokens of bytes, and comes back as it was: no character is unknown.

    The files lie in ``<name>.encoder.json``, ``<name>.vocab.bpe`` and, if there is one, ``dict.<name>.txt``.
    """

    cfg: GPT2BPEConfig

    def external_files(self, name: str) -> list[Path]:
        """Return the files that are configured."""
        cfg = self.cfg
        return [file for path in (cfg.encoder_json, cfg.vocab_bpe, cfg.dictionary) for file in named_file(path, name)]

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Copy the files; ``lines`` are not read, since there is nothing to learn from them.

        Raises:
            DataError: a file is missing or not in its format.
        """
        files = dict(zip(_files(directory, name), self.external_files(name), strict=False))
        GPT2BPEDictionary.read(*files.values())
        for copy, file in files.items():
            copy.write_bytes(file.read_bytes())

    def adopt(self, file: Path, directory: Path, name: str) -> None:
        """Copy the files that are configured, among them the dictionary.

        Raises:
            ConfigError: the config has no dictionary.
            DataError: a file is missing or not in its format.
        """
        if not self.cfg.dictionary:
            raise ConfigError(
                f"the ids of task.data stand for the symbols of {file}: write tokenizer.dictionary={file}"
            )
        self.train([], directory, name)

    def load(self, directory: Path, name: str) -> "GPT2BPEDictionary":
        """Read the files.

        Raises:
            DataError: a file is missing or not in its format.
        """
        return GPT2BPEDictionary.read(*_files(directory, name)[: 3 if self.cfg.dictionary else 2])


class GPT2BPEDictionary(Dictionary):
    """The special symbols, then GPT-2's tokens in the order of their numbers, or those of fairseq's ``dict.txt``.

    Args:
        tokens: the bytes of each token, in the order in which merges make them: first those of one byte.
        symbols: the symbol of each id, special ones left out.
        symbol_of: the symbol of each token.
    """

    def __init__(self, tokens: Sequence[bytes], symbols: Sequence[str], symbol_of: Sequence[str]) -> None:
        self._arguments = (tokens, symbols, symbol_of)
        self._encoding = _encoding(tokens)
        self._symbols = [*self.specials, *symbols]
        ids = {symbol: id for id, symbol in enumerate(symbols, start=len(self.specials))}
        self._ids = [ids.get(symbol, self.unk) for symbol in symbol_of]
        self._bytes = dict(zip(self._ids, tokens, strict=True)) | {self.unk: b"<unk>"}

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), self._arguments

    @classmethod
    def read(cls, encoder_json: Path, vocab_bpe: Path, dictionary: Path | None = None) -> "GPT2BPEDictionary":
        """Read the files.

        Raises:
            DataError: one is missing or not in its format, or they do not belong together.
        """
        numbers, tokens = _read_numbers(encoder_json), _read_tokens(vocab_bpe)
        if missing := next((token for token in tokens if token not in numbers), None):
            raise DataError(
                f"{encoder_json} has no token {missing!r}, which {vocab_bpe} makes: take the two of one model"
            )
        as_bytes = [bytes(map(BYTE_OF.__getitem__, token)) for token in tokens]
        if dictionary is not None:
            return cls(as_bytes, read_symbols(dictionary), [str(numbers[token]) for token in tokens])
        left_out = {*cls.specials, END_OF_TEXT}
        return cls(
            as_bytes, [token for token in sorted(numbers, key=numbers.__getitem__) if token not in left_out], tokens
        )

    def __len__(self) -> int:
        return len(self._symbols)

    @property
    def fingerprint(self) -> str:
        """Hash of what determines the ids: symbols, and tokens in the order of merges."""
        tokens = " ".join(token.hex() for token in self._arguments[0])
        return hashlib.sha256(f"{super().fingerprint} {tokens}".encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without beginning or end of sentence."""
        return [self._ids[token] for token in self._encoding.encode_ordinary(text)]

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode many lines, in several threads."""
        return [[self._ids[token] for token in tokens] for tokens in self._encoding.encode_ordinary_batch(list(lines))]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bos, pad and eos are left out, and what is no UTF-8 becomes U+FFFD."""
        return b"".join(self._bytes.get(id, b"") for id in ids).decode(errors="replace")

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return self._symbols[id]


def _encoding(tokens: Iterable[bytes]) -> "tiktoken.Encoding":
    """Return what splits text into tokens.

    Raises:
        ConfigError: tiktoken is not installed.
    """
    try:
        import tiktoken
    except ImportError as error:
        raise ConfigError("tokenizer=gpt2_bpe needs the package tiktoken: pip install 'seqtrain[gpt2]'") from error
    ranks = {token: rank for rank, token in enumerate(tokens)}
    return tiktoken.Encoding("gpt2_bpe", pat_str=WORDS, mergeable_ranks=ranks, special_tokens={})


def _files(directory: Path, name: str) -> tuple[Path, Path, Path]:
    return directory / f"{name}.encoder.json", directory / f"{name}.vocab.bpe", dictionary_file(directory, name)


def _bytes_of_characters() -> dict[str, int]:
    """Return the byte that each of 256 characters stands for in the files: printable ones for themselves."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


BYTE_OF = _bytes_of_characters()


def _read_numbers(path: Path) -> Mapping[str, int]:
    """Return the number of each token.

    Raises:
        DataError: the file is missing, or no JSON of that kind.
    """
    try:
        numbers = read_json(path)
    except (OSError, DocumentError) as error:
        raise DataError(f"cannot read the tokens {path}: {error}") from error
    if not isinstance(numbers, dict) or not _are_all_from_0(numbers.values()):
        raise DataError(f"{path}: expected tokens and their numbers, 0 to one less than there are")
    return numbers


def _are_all_from_0(numbers: Collection[object]) -> bool:
    """Tell whether they are the whole numbers from 0 to one less than there are, in any order."""
    return all(type(number) is int for number in numbers) and set(numbers) == set(range(len(numbers)))


def _read_tokens(path: Path) -> list[str]:
    """Return the tokens, in characters that stand for bytes, in the order in which merges make them.

    Raises:
        DataError: the file is missing or not in the format, or merges what is not there yet.
    """
    tokens = dict.fromkeys(BYTE_OF)
    for number, line in enumerate(read_text(path, "the merges").removesuffix("\n").split("\n"), start=1):
        if number == 1 and line.startswith("#version:"):
            continue
        pair = line.rstrip("\r ").split(" ")
        if len(pair) != 2 or not all(part in tokens for part in pair):
            raise DataError(f"{path}:{number}: expected '<left> <right>', two tokens from above, found {line!r:.80}")
        tokens.setdefault("".join(pair))
    return list(tokens)
