"""What every tokenizer guarantees, as checks to run on a plug-in of one's own: ``check_tokenizer(MyConfig())``.

Each check has the tokenizer learn from a few hundred number names, and raises AssertionError if something is wrong.
"""

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqtrain.base import Dictionary
from seqtrain.config import TokenizerConfig
from seqtrain.data.number_names import english, german
from seqtrain.data.tokenizers import REGISTRY
from seqtrain.testing.configs import check_config
from seqtrain.testing.guarantees import Check

LINES = [name(number) for number in range(1, 1_000_000, 9973) for name in (english, german)]
UNKNOWN = "Ωμέγα"
VOCAB_SIZE = 100
"""What a field ``vocab_size`` is cut down to: more symbols cannot be learned from so few lines."""


def check_tokenizer(cfg: TokenizerConfig) -> None:
    """Run all the checks on the tokenizer that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg)


def check_special_symbols(cfg: TokenizerConfig) -> None:
    """The symbols 0 to 3 are bos, pad, eos and unk; no two symbols are the same."""
    with _trained(cfg) as dictionary:
        symbols = [dictionary.symbol(id) for id in range(len(dictionary))]
    assert tuple(symbols[:4]) == Dictionary.specials, f"the first symbols are {symbols[:4]}, not {Dictionary.specials}"
    twice = {symbol for symbol in symbols if symbols.count(symbol) > 1}
    assert not twice, f"symbols are there twice: {sorted(twice)[:5]}"


def check_round_trip(cfg: TokenizerConfig) -> None:
    """Text that it learned from comes back from its ids, which are those of no special symbols."""
    with _trained(cfg) as dictionary:
        for line in (*LINES, ""):
            ids = dictionary.encode(line)
            assert all(4 <= id < len(dictionary) for id in ids), f"{line!r} has the ids {ids}, beside 4 and more"
            found = dictionary.decode(ids)
            assert found == line, f"{line!r} comes back as {found!r}"


def check_lines(cfg: TokenizerConfig) -> None:
    """Many lines are encoded as each one is; of none there is nothing."""
    with _trained(cfg) as dictionary:
        lines = [*LINES, "", UNKNOWN]
        assert dictionary.encode_lines(lines) == [dictionary.encode(line) for line in lines], (
            "encode_lines gives other ids than encode"
        )
        assert dictionary.encode_lines([]) == [], "encode_lines gives ids of no lines"


def check_sampling(cfg: TokenizerConfig) -> None:
    """Text encoded by chance decodes to the same; the same seed gives the same ids, whatever came in between."""
    with _trained(cfg) as dictionary:
        plain = [id for ids in dictionary.encode_lines(LINES) for id in [*ids, dictionary.eos]]
        sampled = dictionary.sample(plain, 1)
        dictionary.sample(plain[:7], 2)
        assert dictionary.sample(plain, 1) == sampled, (
            "sample gives other ids for the same ids and seed the second time"
        )
        assert dictionary.samples or sampled == plain, "sample gives other ids, but the dictionary does not sample"
        ends = [0, *(place + 1 for place, id in enumerate(sampled) if id == dictionary.eos)]
        found = [dictionary.decode(sampled[start:end]) for start, end in pairwise(ends)]
        assert found == LINES, "sampled ids decode to other text, or ends of sentences are made or lost"


def check_decoding(cfg: TokenizerConfig) -> None:
    """Beginning, end and padding leave no trace in decoded text."""
    with _trained(cfg) as dictionary:
        ids = [dictionary.bos, *dictionary.encode(LINES[5]), dictionary.eos, dictionary.pad]
        found = dictionary.decode(ids)
        assert found == LINES[5], f"bos, eos or pad are left in {found!r}"


def check_unknown(cfg: TokenizerConfig) -> None:
    """Any text can be encoded; none makes the symbols of beginning, end or padding."""
    with _trained(cfg) as dictionary:
        for text in (UNKNOWN, "one </s> two<pad>", "<s>", "\t", "a\nb", "\x00", "one " * 5000):
            ids = dictionary.encode(text)
            wrong = [id for id in ids if not Dictionary.unk <= id < len(dictionary)]
            assert not wrong, f"{text[:20]!r} has ids that no text may have: {wrong[:5]}"


def check_unknown_words(cfg: TokenizerConfig) -> str | None:
    """Text has a symbol for each of its ids, unknown ones as it has them; with these its ids give it back."""
    with _trained(cfg) as dictionary:
        for line in (f"{LINES[5]} {UNKNOWN} {LINES[7]}", UNKNOWN, LINES[3], ""):
            ids, symbols = dictionary.encode(line), dictionary.split(line)
            known = [symbol for id, symbol in zip(ids, symbols, strict=True) if id != Dictionary.unk]
            expected = [dictionary.symbol(id) for id in ids if id != Dictionary.unk]
            assert known == expected, f"split gives other symbols for {line!r} than those of its ids: {known}"
            if Dictionary.unk in ids and type(dictionary).decode_with is Dictionary.decode_with:
                return "the dictionary has no decode_with: unknown words are not replaced"
            unknown = [symbol for id, symbol in zip(ids, symbols, strict=True) if id == Dictionary.unk]
            found = dictionary.decode_with([dictionary.bos, *ids, dictionary.eos], unknown)
            assert found == line, f"{line!r} comes back as {found!r} with its unknown symbols"
    return None


def check_training_is_repeatable(cfg: TokenizerConfig) -> None:
    """Learning twice from the same text writes the same bytes: prepared data is found again by its content."""
    contents = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as directory:
            _train(cfg, Path(directory))
            contents.append({file.name: file.read_bytes() for file in Path(directory).iterdir()})
    differing = [name for name in contents[0] if contents[0][name] != contents[1].get(name)]
    assert not differing, f"{', '.join(differing)} has other bytes when trained again"


def check_extension(cfg: TokenizerConfig) -> None:
    """Extended by other text, a dictionary keeps its ids and encodes what it knew as before: fine-tuning needs that."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        before = _train(cfg, directory)
        tokenizer = REGISTRY.build(cfg)
        tokenizer.extend(iter([*LINES, UNKNOWN]), directory, "joined")
        after = tokenizer.load(directory, "joined")
    kept = len(after) >= len(before) and all(after.symbol(id) == before.symbol(id) for id in range(len(before)))
    assert kept, "extend gives ids to other symbols than they had"
    assert after.encode_lines(LINES) == before.encode_lines(LINES), "extended, it encodes text that it knew otherwise"


def check_pickles(cfg: TokenizerConfig) -> None:
    """Its dictionary can be sent to another process."""
    with _trained(cfg) as dictionary:
        copy = pickle.loads(pickle.dumps(dictionary))
        same = [copy.encode(line) for line in LINES] == [dictionary.encode(line) for line in LINES]
        assert same and copy.fingerprint == dictionary.fingerprint, "the dictionary is another one after pickling"


CHECKS: tuple[Check, ...] = (
    check_config,
    check_special_symbols,
    check_round_trip,
    check_lines,
    check_sampling,
    check_decoding,
    check_unknown,
    check_unknown_words,
    check_training_is_repeatable,
    check_extension,
    check_pickles,
)


@contextmanager
def _trained(cfg: TokenizerConfig) -> Iterator[Dictionary]:
    """Yield the dictionary that was learned, read back from its files."""
    with tempfile.TemporaryDirectory() as directory:
        yield _train(cfg, Path(directory))


def _train(cfg: TokenizerConfig, directory: Path) -> Dictionary:
    smaller: dict[str, Any] = {"vocab_size": VOCAB_SIZE}
    if vars(cfg).get("vocab_size", 0) > VOCAB_SIZE:
        cfg = replace(cfg, **smaller)
    tokenizer = REGISTRY.build(cfg)
    tokenizer.train(iter(LINES), directory, "joined")
    return tokenizer.load(directory, "joined")
