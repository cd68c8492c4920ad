"""Each check finds the mistake that it is there for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from seqtrain.data.tokenizers import REGISTRY, Dictionary
from seqtrain.data.tokenizers._symbols import SymbolConfig, SymbolDictionary, SymbolTokenizer
from seqtrain.data.tokenizers.sentencepiece import ModelType, SentencePieceConfig
from seqtrain.testing import tokenizers as checks
from seqtrain.testing.guarantees import Check


@dataclass
class FaultyConfig(SymbolConfig):
    """A tokenizer that is sound but for one fault."""

    fault: str = "none"
    """What is wrong."""


class FaultyDictionary(SymbolDictionary):
    fault = "none"
    sampled = 0

    def encode(self, text: str) -> list[int]:
        ids = super().encode(text)
        return [*ids, self.eos] if self.fault == "unknown" and self.unk in ids else ids

    def split(self, text: str) -> list[str]:
        return [symbol.upper() for symbol in super().split(text)] if self.fault == "split" else super().split(text)

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        return super().decode_with(ids, () if self.fault == "unknown words" else unknown)

    def encode_lines(self, lines: Iterable[str]) -> list[list[int]]:
        return [self.encode(line.strip()) for line in lines if line or self.fault != "lines"]

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        FaultyDictionary.sampled += 1
        first = {"sampling": self.sampled, "not sampling": 1}.get(self.fault, 0)
        return [id for id in ids if id != self.eos or self.fault != "ends"][first:]

    @property
    def samples(self) -> bool:
        return self.fault == "ends"

    def decode(self, ids: Iterable[int]) -> str:
        if self.fault == "decoding":
            return "".join(map(self.symbol, ids))
        text = super().decode(ids)
        return text.upper() if self.fault == "round_trip" else text

    def symbol(self, id: int) -> str:
        return super().symbol(max(id, 1) if self.fault == "specials" else id)

    def __getstate__(self) -> dict[str, object]:
        return vars(self) if self.fault != "pickles" else {**vars(self), "_separator": "-"}


class Faulty(SymbolTokenizer):
    cfg: FaultyConfig
    separator = ""
    trained = 0

    def split(self, text: str) -> list[str]:
        return list(text)

    def train(self, lines: Iterable[str], directory: Path, name: str) -> None:
        super().train(lines, directory, name)
        Faulty.trained += 1
        if self.cfg.fault == "repeatable":
            (directory / "time").write_text(str(Faulty.trained))

    def extend(self, lines: Iterable[str], directory: Path, name: str) -> None:
        if self.cfg.fault != "extending":
            super().extend(lines, directory, name)
            return
        file = directory / f"dict.{name}.txt"
        file.write_text(f"@ 1\n{file.read_text()}")

    def load(self, directory: Path, name: str) -> SymbolDictionary:
        dictionary = super().load(directory, name)
        faulty = FaultyDictionary([dictionary.symbol(id) for id in range(4, len(dictionary))], self.split, "")
        faulty.fault = self.cfg.fault
        return faulty


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    FaultyDictionary.sampled = 0
    yield
    REGISTRY.forget({__name__})


def test_a_sound_tokenizer_passes() -> None:
    checks.check_tokenizer(FaultyConfig())


def test_a_vocabulary_for_more_text_is_made_smaller() -> None:
    assert SentencePieceConfig().vocab_size == 10_000
    checks.check_tokenizer(SentencePieceConfig())


def test_a_dictionary_that_replaces_nothing_is_not_concerned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FaultyDictionary, "decode_with", Dictionary.decode_with)
    expected = "the dictionary has no decode_with: unknown words are not replaced"
    assert checks.check_unknown_words(FaultyConfig()) == expected


@pytest.mark.parametrize("model_type", list(ModelType))
def test_a_tokenizer_that_samples_passes(model_type: ModelType) -> None:
    checks.check_tokenizer(SentencePieceConfig(model_type=model_type, sampling_alpha=0.3))


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("specials", checks.check_special_symbols, r"the first symbols are \['<pad>', '<pad>', '</s>', '<unk>'\]"),
        ("round_trip", checks.check_round_trip, "'one' comes back as 'ONE'"),
        ("lines", checks.check_lines, "encode_lines gives other ids than encode"),
        ("sampling", checks.check_sampling, "sample gives other ids for the same ids and seed the second time"),
        ("not sampling", checks.check_sampling, "sample gives other ids, but the dictionary does not sample"),
        ("ends", checks.check_sampling, "or ends of sentences are made or lost"),
        ("decoding", checks.check_decoding, "bos, eos or pad are left in '<s>"),
        ("unknown", checks.check_unknown, r"has ids that no text may have: \[2\]"),
        ("split", checks.check_unknown_words, "split gives other symbols for .* than those of its ids: "),
        ("unknown words", checks.check_unknown_words, "comes back as '.*<unk>.*' with its unknown symbols"),
        ("repeatable", checks.check_training_is_repeatable, "time has other bytes when trained again"),
        ("extending", checks.check_extension, "extend gives ids to other symbols than they had"),
        ("pickles", checks.check_pickles, "the dictionary is another one after pickling"),
    ],
)
def test_a_fault_is_found(fault: str, check: Check, message: str) -> None:
    assert Dictionary.eos == 2
    with pytest.raises(AssertionError, match=message):
        check(FaultyConfig(fault=fault))
