import hashlib
from pathlib import Path

import pytest

from seqtrain.data.number_names import MAX_DIGITS, SIZES, english, german, write_corpus

NAMES = {
    0: ("zero", "null"),
    1: ("one", "eins"),
    2: ("two", "zwei"),
    10: ("ten", "zehn"),
    11: ("eleven", "elf"),
    12: ("twelve", "zwölf"),
    13: ("thirteen", "dreizehn"),
    16: ("sixteen", "sechzehn"),
    17: ("seventeen", "siebzehn"),
    20: ("twenty", "zwanzig"),
    21: ("twenty-one", "einundzwanzig"),
    30: ("thirty", "dreißig"),
    66: ("sixty-six", "sechsundsechzig"),
    77: ("seventy-seven", "siebenundsiebzig"),
    99: ("ninety-nine", "neunundneunzig"),
    100: ("one hundred", "hundert"),
    101: ("one hundred and one", "hunderteins"),
    111: ("one hundred and eleven", "hundertelf"),
    121: ("one hundred and twenty-one", "hunderteinundzwanzig"),
    200: ("two hundred", "zweihundert"),
    312: ("three hundred and twelve", "dreihundertzwölf"),
    1000: ("one thousand", "tausend"),
    1001: ("one thousand and one", "tausendeins"),
    1005: ("one thousand and five", "tausendfünf"),
    1100: ("one thousand one hundred", "tausendeinhundert"),
    1101: ("one thousand one hundred and one", "tausendeinhunderteins"),
    2019: ("two thousand and nineteen", "zweitausendneunzehn"),
    10_000: ("ten thousand", "zehntausend"),
    21_000: ("twenty-one thousand", "einundzwanzigtausend"),
    100_000: ("one hundred thousand", "hunderttausend"),
    100_001: ("one hundred thousand and one", "hunderttausendeins"),
    101_000: ("one hundred and one thousand", "hunderteintausend"),
    200_001: ("two hundred thousand and one", "zweihunderttausendeins"),
    999_999: (
        "nine hundred and ninety-nine thousand nine hundred and ninety-nine",
        "neunhundertneunundneunzigtausendneunhundertneunundneunzig",
    ),
}


@pytest.mark.parametrize(("number", "names"), NAMES.items())
def test_names(number: int, names: tuple[str, str]) -> None:
    assert (english(number), german(number)) == names


@pytest.fixture(scope="module")
def numbers() -> dict[str, int]:
    """Every number by its English name."""
    return {english(number): number for number in range(10**MAX_DIGITS)}


def read(directory: Path) -> dict[str, list[str]]:
    return {file.name: file.read_text(encoding="utf-8").splitlines() for file in directory.iterdir()}


def test_no_two_numbers_share_a_name(numbers: dict[str, int]) -> None:
    assert len(numbers) == 10**MAX_DIGITS
    assert len(set(map(german, range(10**MAX_DIGITS)))) == 10**MAX_DIGITS


def test_corpus(tmp_path: Path, numbers: dict[str, int]) -> None:
    write_corpus(tmp_path)
    lines = read(tmp_path)
    assert sorted(lines) == ["test.de", "test.en", "train.de", "train.en", "valid.de", "valid.en"]
    for split, size in SIZES.items():
        assert len(lines[f"{split}.en"]) == size
        assert [german(numbers[name]) for name in lines[f"{split}.en"]] == lines[f"{split}.de"]


def test_splits_are_disjoint_and_hold_all_magnitudes(tmp_path: Path, numbers: dict[str, int]) -> None:
    write_corpus(tmp_path)
    splits = {split: [numbers[name] for name in read(tmp_path)[f"{split}.en"]] for split in SIZES}
    everything = [number for split in splits.values() for number in split]
    assert len(set(everything)) == len(everything) == sum(SIZES.values())
    for split in ("train", "test"):
        assert {len(str(number)) for number in splits[split]} == {1, 2, 3, 4, 5, 6}
    assert sum(number < 100 for number in splits["train"]) >= 80


def test_corpus_is_fixed_by_its_seed(tmp_path: Path) -> None:
    digests = []
    for name, seed in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        write_corpus(tmp_path / name, seed=seed)
        content = b"".join(file.read_bytes() for file in sorted((tmp_path / name).iterdir()))
        digests.append(hashlib.sha256(content).hexdigest())
    assert digests[0] == "734acd75593fab8c35b8924f8f489eddf873a286315d4580ee1c393f2098aeeb"
    assert digests[0] != digests[1]
