"""Subwords by SentencePiece (Kudo and Richardson, 2018): raw text in, raw text out."""

import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from pathlib import Path

import sentencepiece as spm

from seqtrain.data.tokenizers import Dictionary, Tokenizer, TokenizerConfig, register_tokenizer
from seqtrain.data.tokenizers._model_file import (
    NORMALIZER_SPEC,
    TRAINER_SPEC,
    PieceType,
    read_fields,
    read_model,
    with_symbols,
)
from seqtrain.data.tokenizers._sampling import SubwordSampler, bpe_dropout, unigram_sampling
from seqtrain.data.tokenizers._training_lines import PIECE_OF_LINE, TrainingLines, drawn
from seqtrain.documents import open_regular
from seqtrain.errors import ConfigError, DataError
from seqtrain.fields import bounded

TRAINING_THREADS = 4
"""A constant: the bytes of a unigram model depend on it."""
ENCODING_THREADS = min(8, os.cpu_count() or 1)


class ModelType(str, Enum):
    """How subwords are found."""

    bpe = "bpe"
    unigram = "unigram"


@dataclass
class SentencePieceConfig(TokenizerConfig):
    """Config of the tokenizer ``sentencepiece``."""

    model_type: ModelType = ModelType.bpe
    """How subwords are found: by merging pairs (bpe), or by a unigram language model."""
    vocab_size: int = bounded(10_000, above=4)
    """Symbols of the dictionary, the four special ones included."""
    character_coverage: float = bounded(1.0, above=0, at_most=1)
    """Share of the characters of the text that get a symbol; 0.9995 suits Chinese and Japanese."""
    input_sentence_size: int = bounded(0, at_least=0)
    """Most lines to train on, drawn by chance; 0: all, which SentencePiece holds in memory many times over."""
    random_seed: int = bounded(1, at_least=0)
    """Seed of that draw."""
    model_file: str = ""
    """Existing SentencePiece model to use instead of training; ``{name}`` in it stands for the language, or
    ``joined``."""
    user_defined_symbols: list[str] = field(default_factory=list)
    """Symbols such as ``<sep>`` that are one token wherever text has them; ``saving.extend_vocabulary`` appends new
    ones to the model of the run that it starts from."""
    sampling_alpha: float = bounded(0.0, at_least=0, at_most=1)
    """Subword sampling in training; 0 is off. With bpe the probability to leave a merge out (BPE-dropout; 0.1 is
    usual), with unigram the exponent of a segmentation's probability (0.2 is usual; less is more random). An epoch
    begins with it: about 10,000 lines of 12 words a second."""


@register_tokenizer("sentencepiece", SentencePieceConfig)
class SentencePieceTokenizer(Tokenizer):
    """Trains a SentencePiece model, or takes an existing one; it lies in ``<name>.model``."""

    cfg: SentencePieceConfig
    free_fields = ("sampling_alpha",)
    extension_fields = ("user_defined_symbols",)

    def external_files(self, name: str) -> list[Path]:
        """Return the existing model, if one is configured."""
        path = self.cfg.model_file.replace("{name}", name)
        return [Path(path).expanduser()] if path else []

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Train the model, or copy the existing one.

        Raises:
            DataError: the text does not allow a vocabulary of this size, or the existing model cannot be used.
        """
        files = self.external_files(name)
        model = with_symbols(_read(files[0]), self.cfg.user_defined_symbols) if files else self._train(lines)
        (directory / f"{name}.model").write_bytes(model)

    def extend(self, lines: Iterable[str], directory: Path, name: str) -> None:
        """Append those of ``user_defined_symbols`` that the model lacks; nothing is learned from ``lines``.

        Raises:
            DataError: the model is missing or damaged.
        """
        file = directory / f"{name}.model"
        file.write_bytes(with_symbols(_read(file), self.cfg.user_defined_symbols))

    def load(self, directory: Path, name: str) -> "SentencePieceDictionary":
        """Read ``<name>.model``.

        Raises:
            DataError: it is missing or damaged.
        """
        return SentencePieceDictionary(_read(directory / f"{name}.model"), self.cfg.sampling_alpha)

    def _train(self, lines: Iterable[str]) -> bytes:
        model = io.BytesIO()
        size = self.cfg.input_sentence_size
        pieces = TrainingLines(drawn(lines, size, self.cfg.random_seed) if size else lines)
        try:
            spm.SentencePieceTrainer.train(
                sentence_iterator=iter(pieces),
                model_writer=model,
                model_type=self.cfg.model_type.value,
                vocab_size=self.cfg.vocab_size,
                character_coverage=self.cfg.character_coverage,
                num_threads=TRAINING_THREADS,
                max_sentence_length=4 * PIECE_OF_LINE,  # bytes
                user_defined_symbols=self.cfg.user_defined_symbols,
                minloglevel=3,
                bos_id=Dictionary.bos,
                pad_id=Dictionary.pad,
                eos_id=Dictionary.eos,
                unk_id=Dictionary.unk,
            )
        except RuntimeError as error:
            raise pieces.error or self._explained(str(error)) from error
        return model.getvalue()

    def _explained(self, message: str) -> DataError:
        """Say in terms of the config why training failed."""
        wanted = f"tokenizer.vocab_size={self.cfg.vocab_size}"
        if most := re.search(r"value <= (\d+)", message):
            return DataError(f"{wanted} is too large for this training text; set {most[1]} or less")
        if least := re.search(r"required_chars. \d+ vs (\d+)", message):
            return DataError(
                f"{wanted} is too small for the characters of this training text; set {least[1]} or more, "
                "or leave out rare characters with tokenizer.character_coverage=0.9995"
            )
        if "sentences_.empty()" in message:
            return DataError("SentencePiece found no text to train on: the training text is empty; check task.train")
        return DataError(f"SentencePiece cannot train on this text: {message}")


class SentencePieceDictionary(Dictionary):
    """A SentencePiece model, its ids renumbered: bos, pad, eos, unk, then its other pieces in order.

    Models that were trained here have that numbering; others may lack some of the special symbols.
    """

    def __init__(self, model: bytes, sampling_alpha: float = 0.0) -> None:
        self._model = model
        self._sampling_alpha = sampling_alpha
        self._processor = spm.SentencePieceProcessor(model_proto=model)
        special = [self._processor.bos_id(), self._processor.pad_id(), self._processor.eos_id()]
        special.append(self._processor.unk_id())
        others = [piece for piece in range(len(self._processor)) if piece not in special]
        self._pieces = [*special, *others]
        self._ids = {piece: id for id, piece in enumerate(self._pieces)}
        self._is_numbered_so = self._pieces == list(range(len(self._pieces)))

    def __len__(self) -> int:
        return len(self._pieces)

    def check(self) -> None:
        """Check what SentencePiece takes as it is, until it is asked for.

        Raises:
            ValueError: a piece is no text, or the model is built in a way that SentencePiece builds none.
            IndexError: a special symbol is none of the pieces.
        """
        for id in range(len(self)):
            self.symbol(id)
        self.decode(range(len(self)))
        read_model(self._model)

    def __reduce__(self) -> tuple[type["SentencePieceDictionary"], tuple[bytes, float]]:
        return type(self), (self._model, self._sampling_alpha)

    @property
    def fingerprint(self) -> str:
        """Hash of the model: scores and normalisation determine the ids too, not its symbols alone."""
        return hashlib.sha256(self._model).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``, without beginning or end of sentence."""
        return [self._ids[piece] for piece in self._processor.encode(text, out_type=int)]

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode many lines, in several threads."""
        if not lines:  # SentencePiece would start threads, for each sentence that is decoded without constraints
            return []
        encoded: list[list[int]] = self._processor.encode(
            list(lines), out_type=int, num_threads=min(ENCODING_THREADS, len(lines))
        )
        if self._is_numbered_so:
            return encoded
        return [[self._ids[piece] for piece in pieces] for pieces in encoded]

    @property
    def samples(self) -> bool:
        """Whether ``sampling_alpha`` is above 0."""
        return self._sampling_alpha > 0

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Return other subwords of the same text.

        Raises:
            ConfigError: the model knows no subwords, but characters or words.
        """
        return self._sampler.sample(ids, seed) if self.samples else list(ids)

    @cached_property
    def _sampler(self) -> SubwordSampler:
        model, alpha = read_model(self._model), self._sampling_alpha
        if not (model.is_bpe or model.is_unigram):
            raise ConfigError(
                f"tokenizer.sampling_alpha={alpha}: the SentencePiece model knows no subwords; set it to 0"
            )
        scores = {piece.text: piece.score for piece in model.pieces if piece.type == PieceType.normal}
        texts = [self._processor.id_to_piece(piece) if piece >= 0 else "" for piece in self._pieces]
        segment = bpe_dropout(scores, alpha) if model.is_bpe else unigram_sampling(scores, alpha)
        return SubwordSampler([text if text in scores else None for text in texts], segment)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; bos, pad and eos are left out."""
        text: str = self._processor.decode([self._pieces[id] for id in ids if id not in (self.bos, self.pad, self.eos)])
        return text

    def split(self, text: str) -> list[str]:
        """Return the pieces of ``text``, unknown ones as they are written."""
        pieces: list[str] = self._processor.encode(text, out_type=str)
        return pieces

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        """Return the text of ``ids``, the next of ``unknown`` for each unk."""
        text: str = self._processor.decode([*self.symbols_of(ids, unknown)])
        return text

    def symbol(self, id: int) -> str:
        """Return the piece with this id."""
        return self.specials[id] if id < len(self.specials) else self._processor.id_to_piece(self._pieces[id])


def _read(path: Path) -> bytes:
    """Return the bytes of a model that is there and whole."""
    try:
        with open_regular(path) as file:
            model = file.read()
    except OSError as error:
        raise DataError(f"cannot read the SentencePiece model {path}: {error.strerror or error}") from error
    try:
        # A model that was cut between two of its pieces would load; the two specs stand behind them.
        if not {TRAINER_SPEC, NORMALIZER_SPEC} <= {number for number, _ in read_fields(model)}:
            raise ValueError("it is cut short")
        SentencePieceDictionary(model).check()
    except (ValueError, RuntimeError, IndexError) as error:
        raise DataError(f"{path} is no SentencePiece model, or a damaged one: restore it or remove it") from error
    return model
