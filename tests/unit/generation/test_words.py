from collections.abc import Iterable

import pytest

from seqtrain.base import Dictionary
from seqtrain.data.tokenizers._symbols import SymbolDictionary
from seqtrain.data.tokenizers.byte import ByteDictionary
from seqtrain.generation.words import CONTEXT, ScoredLine, Word, words_of

CHARACTERS = SymbolDictionary(list("ab -"), list, "")
WORDS = SymbolDictionary(["a", "ab"], str.split, " ")


@pytest.mark.parametrize(
    ("dictionary", "text", "expected"),
    [
        (CHARACTERS, "a-b ab", [("a-b", 6), ("ab", 15)]),
        (CHARACTERS, " a  b ", [("a", 3), ("b", 12), ("", 6)]),
        (CHARACTERS, "", []),
        (WORDS, "ab a ab", [("ab", 1), ("a", 2), ("ab", 3)]),
        (ByteDictionary(), "é aé €b", [("é", 3), ("aé", 18), ("€b", 45)]),  # characters of 2 and 3 tokens
    ],
)
def test_words_of_a_line_by_where_its_tokens_put_spaces(
    dictionary: Dictionary, text: str, expected: list[tuple[str, int]]
) -> None:
    # Token n has the log-probability -n; spaces belong to the word behind them.
    ids = [*dictionary.encode(text), dictionary.eos]
    line = ScoredLine(ids, [-float(number) for number in range(1, len(ids) + 1)])
    *words, end = words_of(line, dictionary)
    assert words == [Word(word, -float(log_prob)) for word, log_prob in expected]
    assert end == Word("</s>", -float(len(ids)))


class Few(SymbolDictionary):
    """Characters; refuses to decode more of them at a time than are needed."""

    def decode(self, ids: Iterable[int]) -> str:
        seen = list(ids)
        assert len(seen) <= CONTEXT
        return super().decode(seen)


def test_a_long_line_is_not_decoded_again_and_again() -> None:
    dictionary = Few(list("ab "), list, "")
    text = f"{'ab' * CONTEXT} {' '.join(['a', 'ba'] * CONTEXT)}"
    ids = [*dictionary.encode(text), dictionary.eos]
    words = words_of(ScoredLine(ids, [-1.0] * len(ids)), dictionary)
    assert [word.text for word in words] == [*text.split(), "</s>"]
    assert sum(word.log_prob for word in words) == -len(ids)
