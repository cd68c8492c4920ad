"""Other ways to search, by command, with a trained model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "one", "", "seventy-seven", "one hundred and ninety-nine", "one"]
SAMPLING = ["generation.sampling=true", "generation.nbest=6", "generation.temperature=3"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.en"
    file.write_text("".join(f"{line}\n" for line in LINES))
    return file


def test_samples_do_not_depend_on_batches(generate: Call, source: Path) -> None:
    result = generate(f"input={source}", *SAMPLING)
    assert (result.code, result.err) == (0, "")
    lines = result.out.split("\n")[:-1]
    assert len(lines) == 6 * len(LINES)
    assert set(lines[12:18]) == {""}
    assert len(set(lines[6:12])) > 1
    assert sorted(lines[6:12]) != sorted(lines[30:36])  # one, twice: what is drawn is another line's
    assert generate(f"input={source}", *SAMPLING, "generation.max_sentences=1").out == result.out
    assert generate(f"input={source}", *SAMPLING, "generation.seed=2").out != result.out


@pytest.mark.parametrize("options", [["diverse_beam_groups=4"], ["diversity_rate=0.5"], ["constraints=unordered"]])
def test_as_many_outputs_as_are_asked_for(generate: Call, source: Path, options: list[str]) -> None:
    words = ["generation.beam=4", "generation.nbest=4", *(f"generation.{option}" for option in options)]
    lines = generate(f"input={source}", *words).out.split("\n")[:-1]
    assert len(lines) == 4 * len(LINES)
    assert all(lines[i] for i in range(4 * len(LINES)) if i // 4 != 2)


def test_two_ways_to_search_at_once(generate: Call, source: Path) -> None:
    words = ["generation.sampling=true", "generation.diversity_rate=1", "generation.nbest=9"]
    message = generate(f"input={source}", *words).refused()
    expected = "generation.sampling and generation.diversity_rate are different ways to search: choose one ("
    assert message.startswith(expected)
