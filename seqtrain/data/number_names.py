"""The corpus of the embedded job: English number names and the German ones, 0 to 999,999.

English is British: "three hundred and twelve", "one thousand and five". German is one word, as the Duden spells
it; of its two forms of 100 and 1,000 the shorter stands at the start of the word, and the longer inside of it:
"hundert", "tausend", "tausendeinhundert". With that rule no two numbers share a name.
"""

import random
from collections.abc import Iterator
from pathlib import Path

BUILTIN = "builtin:number_names"
"""What ``task.data`` is for this corpus."""
VERSION = 1
"""Changes with the corpus that the same seed gives."""
SIZES = {"train": 20_000, "valid": 500, "test": 1_000}
"""Sentence pairs of each split; no number is in two of them, or twice in one."""
MAX_DIGITS = 6

# fmt: off
_ENGLISH_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_ENGLISH_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GERMAN_UNITS = (
    "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwölf",
    "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
)
_GERMAN_TENS = ("zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig")
# fmt: on


def english(number: int) -> str:
    """Return the English name of a number from 0 to 999,999."""
    thousands, rest = divmod(number, 1000)
    if not thousands:
        return _english_below_1000(rest)
    name = f"{_english_below_1000(thousands)} thousand"
    if not rest:
        return name
    return f"{name} {'and ' if rest < 100 else ''}{_english_below_1000(rest)}"


def german(number: int) -> str:
    """Return the German name of a number from 0 to 999,999."""
    thousands, rest = divmod(number, 1000)
    name = _german_below_1000(thousands) + "tausend" if thousands else ""
    if rest or not thousands:
        name += _german_below_1000(rest)
    if name.startswith(("einhundert", "eintausend")):
        name = name.removeprefix("ein")
    return name + "s" if number % 100 == 1 else name


def write_corpus(directory: Path, seed: int = 1) -> None:
    """Write ``train.en``, ``train.de``, ``valid.*`` and ``test.*``: the same bytes for the same seed everywhere."""
    numbers = _numbers(sum(SIZES.values()), seed)
    for split, size in SIZES.items():
        chosen = [next(numbers) for _ in range(size)]
        for language, name in (("en", english), ("de", german)):
            text = "".join(f"{name(number)}\n" for number in chosen)
            (directory / f"{split}.{language}").write_text(text, encoding="utf-8", newline="\n")


def _numbers(count: int, seed: int) -> Iterator[int]:
    """Return different numbers in random order, as many of each number of digits as there are."""
    # Of Python's generator only random() gives the same numbers in every version.
    generator = random.Random(seed)
    chosen: set[int] = set()
    while len(chosen) < count:
        digits = 1 + int(generator.random() * MAX_DIGITS)
        low = 10 ** (digits - 1) if digits > 1 else 0
        chosen.add(low + int(generator.random() * (10**digits - low)))
    return iter(sorted(sorted(chosen), key=lambda _: generator.random()))


def _english_below_1000(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _english_below_100(rest)
    name = f"{_ENGLISH_UNITS[hundreds]} hundred"
    return f"{name} and {_english_below_100(rest)}" if rest else name


def _english_below_100(number: int) -> str:
    if number < 20:
        return _ENGLISH_UNITS[number]
    tens, unit = divmod(number, 10)
    return _ENGLISH_TENS[tens - 2] + (f"-{_ENGLISH_UNITS[unit]}" if unit else "")


def _german_below_1000(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _german_below_100(rest)
    return f"{_GERMAN_UNITS[hundreds]}hundert{_german_below_100(rest) if rest else ''}"


def _german_below_100(number: int) -> str:
    """Return the name as it stands before another part of the word: 1 is "ein"."""
    if number < 20:
        return _GERMAN_UNITS[number]
    tens, unit = divmod(number, 10)
    return (f"{_GERMAN_UNITS[unit]}und" if unit else "") + _GERMAN_TENS[tens - 2]
