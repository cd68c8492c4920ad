"""A task of a few words, for tests of models and criterions."""

from collections.abc import Iterable, Sequence

from seqtrain.base import Dictionary, TaskInfo

SOURCE_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TARGET_WORDS = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf")


class ToyDictionary(Dictionary):
    """The special symbols and a few words; text is split at whitespace."""

    def __init__(self, words: Sequence[str]) -> None:
        self._symbols = [*self.specials, *words]
        self._ids = {symbol: id for id, symbol in enumerate(self._symbols)}

    def __len__(self) -> int:
        return len(self._symbols)

    def encode(self, text: str) -> list[int]:
        """Return the ids of the words of ``text``, without beginning or end of sentence."""
        return [self._ids.get(word, self.unk) for word in text.split()]

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words of ``ids``; bos, pad and eos are left out."""
        return " ".join(self.symbol(id) for id in ids if id not in (self.bos, self.pad, self.eos))

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return self._symbols[id]


def toy_task(*, joint: bool = False, max_positions: tuple[int, int] = (16, 16)) -> TaskInfo:
    """Return a task from English digits to German ones, with 14 and 16 symbols, or one dictionary of 26 if joint."""
    if joint:
        dictionary = ToyDictionary(SOURCE_WORDS + TARGET_WORDS)
        return TaskInfo(dictionary, dictionary, max_positions)
    return TaskInfo(ToyDictionary(SOURCE_WORDS), ToyDictionary(TARGET_WORDS), max_positions)
