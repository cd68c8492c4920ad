"""What is measured of a run, and what the page of results says of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quality, render
from benchmarks._plots import curves
from benchmarks._quality_table import curve_table, lines
from tests.integration.conftest import Call


def test_what_a_run_has_reached(trained: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "seqtrain", lambda *words: call(*words).out)
    file = tmp_path / "tiny.json"
    quality.main([str(trained), "--last", "2", "--json", str(file), "generation.beam=1", "generation.max_len_b=3"])
    found = json.loads(file.read_text(encoding="utf-8"))
    names = ["best checkpoint", "average of the last 2"]
    assert [(x["checkpoint"], x["split"]) for x in found["scores"]] == [
        (name, split) for name in names for split in ("valid", "test")
    ]
    assert {x["generation"]["beam"] for x in found["scores"]} == {1}
    # The best checkpoint is the one of the lowest loss, and its loss is that of its validation.
    best = min(found["curve"], key=lambda x: x["valid/loss"])
    assert found["scores"][0]["loss"] == pytest.approx(best["valid/loss"], rel=1e-5)
    shown = render.run("tiny", tmp_path)
    assert f"| best checkpoint | valid | {found['scores'][0]['bleu']:.2f} | {best['valid/loss']:.4g} |" in shown
    assert f"| {best['epoch']} (best) | {best['num_updates']} |" in shown
    assert "SacreBLEU: `nrefs:1|case:mixed|eff:no|tok:13a|" in shown


def points(count: int) -> list[dict[str, Any]]:
    """Validations of a run whose last but one is the best."""
    losses = [*range(count, 1, -1), 3]
    return [
        {"epoch": n, "num_updates": 100 * n, "valid/loss": x, "valid/nll_loss": x, "valid/ppl": x, "seconds": 60 * n}
        for n, x in enumerate(losses, start=1)
    ]


def test_of_a_long_curve_some_is_shown_with_the_best_and_the_last() -> None:
    rows = curve_table(points(59)).splitlines()[2:]
    assert [row.split()[1] for row in rows] == [*map(str, range(4, 57, 4)), "58", "59"]
    assert rows[-2] == "| 58 (best) | 5,800 | 2.000 | 2.000 | 2.000 | 58.0 |"


def test_a_curve_is_drawn(tmp_path: Path) -> None:
    curves(tmp_path / "curve.svg", "a run", ("epoch", "nats"), lines(points(5)))
    drawn = (tmp_path / "curve.svg").read_text(encoding="utf-8")
    assert all(f">{word}<" in drawn for word in ("a run", "epoch", "nats", "seqtrain, loss"))
