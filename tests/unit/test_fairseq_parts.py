"""What is answered to the flags that choose fairseq's parts, and the page that says the same."""

from pathlib import Path

import pytest

from seqtrain.fairseq_flags import answer
from seqtrain.fairseq_flags.parts import GROUPS, PARTS, PHRASES, ROWS, Part
from seqtrain.fairseq_flags.parts_page import markdown
from seqtrain.fairseq_flags.table import FLAGS

ROOT = Path(__file__).parents[2]
BEGINNINGS = ("not needed: ", "not there: ", "not there yet: ")


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--arch", "transformer_iwslt_de_en", "write model=transformer_iwslt_de_en"),
        ("-a", "transformer", "write model=transformer"),
        ("-a", "fconv", "not there yet: convolutional models"),
        ("--arch", "transformer_lm_baevski_wiki103", "write model=transformer_lm_wiki103"),
        ("--task", "translation_lev", "not there: iterative decoding"),
        ("--criterion", "nat_loss", "not there: iterative decoding"),
        ("--optimizer", "adagrad", "write optimizer=adagrad"),
        ("--lr-scheduler", "pass_through", "write lr_scheduler=pass_through (with optimizer=composite)"),
        ("--bpe", "gpt2", "write tokenizer=gpt2_bpe"),
        ("--bpe", "bert", "not there: WordPiece"),
        ("--tokenizer", "space", "write tokenizer=whitespace"),
    ],
)
def test_an_answer(flag: str, value: str, expected: str) -> None:
    assert answer([flag, value]) == [f"{flag} {value}: {expected}"]


@pytest.mark.parametrize("flag", GROUPS)
def test_a_part_that_fairseq_has_not(flag: str) -> None:
    (line,) = answer([flag, "my_part"])
    plugins = f"python -m seqtrain plugins {GROUPS[flag]}"
    assert line.endswith(f"write {GROUPS[flag]}=my_part if `{plugins}` lists it, such as a plug-in of yours")


@pytest.mark.parametrize("flag", GROUPS)
def test_the_flags_choose_from_the_groups(flag: str) -> None:
    assert FLAGS[flag].answer == GROUPS[flag]
    assert PARTS[flag]


def parts() -> list[Part]:
    return [part for named in PARTS.values() for part in named.values()]


def test_every_part_has_a_name_or_a_sentence() -> None:
    assert [part for part in parts() if not part.is_there and not part.here.startswith(BEGINNINGS)] == []
    assert [part for part in parts() if part.is_there and not part.here.replace("_", "a").isalnum()] == []
    assert [part for part in parts() if not part.is_there and (part.note or part.defect)] == []


def test_no_part_stands_twice() -> None:
    rows = [line for rows in ROWS.values() for line in rows.strip().splitlines()]
    assert sum(len(row.split("|")[0].split()) for row in rows) == len(parts())


def test_phrases_are_spelt_out() -> None:
    assert [phrase for phrase in PHRASES if phrase in markdown()] == []


def test_the_page_is_made_from_the_table() -> None:
    """``python -m seqtrain.fairseq_flags.parts_page > docs/fairseq-parts.md`` writes it."""
    assert (ROOT / "docs/fairseq-parts.md").read_text(encoding="utf-8") == markdown()


def test_the_page_shows_what_is_printed() -> None:
    shown = [line.strip() for line in markdown().splitlines() if line.startswith("    ")]
    assert shown[1:] == [
        "seqtrain: 2 mistakes:",
        *answer(["--arch", "transformer_lm_baevski_gbw", "--criterion", "nat_loss"]),
    ]


def test_the_page_has_every_part() -> None:
    page = markdown()
    assert [part.name for part in parts() if f"`{part.name}`" not in page] == []
