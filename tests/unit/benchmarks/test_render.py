import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import render
from benchmarks._plots import bars
from benchmarks._rounds import Result, write_results

ABOUT = {
    **{"date": "2026-01-02", "commit": "abc", "cpu": "Z80", "memory_gb": 4, "threads": 2, "python": "3.11"},
    **{"versions": {"torch": "2.13.0"}, "load": 0.25},
}
DECODED = Result({"tool": "seqtrain"}, [{"sentences_per_second": 250.0, "peak_mb": 400.0}])


@pytest.mark.parametrize(
    ("page", "directory", "made"),
    [(render.PAGE, render.RESULTS, render.block), (render.QUALITY_PAGE, render.RUNS, render.run)],
)
def test_a_page_is_what_its_results_give(page: Path, directory: Path, made: Callable[[str, Path], str]) -> None:
    text = page.read_text(encoding="utf-8")
    assert render.page(text, directory, made) == text


def test_tables_are_made_anew_and_the_rest_stays(tmp_path: Path) -> None:
    write_results(tmp_path / "decoding.json", ABOUT, [DECODED])
    (tmp_path / "data.jsonl").write_text(json.dumps({"name": "encode", "value": 12345.6, "unit": "tokens/s"}) + "\n")
    text = "\n".join(f"above\n<!-- {name} -->\nold\n<!-- end -->\nbelow" for name in ("decoding", "data", "memory"))
    found = render.page(text, tmp_path, render.block)
    assert "old" not in found
    assert found.count("above") == found.count("below") == 3
    assert "Measured 2026-01-02 at abc on Z80, 4 GB, 2 threads, Python 3.11, torch 2.13.0; load before: 0.2." in found
    assert "| seqtrain | 250.0 |" in found
    assert "![decoding: sentences/s](benchmarks/decoding.svg)" in found
    assert "| encode | 1.235e+04 | tokens/s |" in found
    assert "| decoding | seqtrain | 400 |" in found
    assert render.page(found, tmp_path, render.block) == found


def test_what_is_not_measured_is_said_to_be(tmp_path: Path) -> None:
    for name in ("startup", "data", "memory", "decoding-peers-base"):
        assert render.block(name, tmp_path) == "Not measured yet."


def test_a_work_that_was_measured_twice_has_its_highest_peak(tmp_path: Path) -> None:
    for name, peak in (("training", 300.0), ("training-peers", 400.0)):
        result = Result({"work": "tiny", "tool": "seqtrain"}, [{"peak_mb": peak}])
        write_results(tmp_path / f"{name}.json", ABOUT, [result])
    assert render.memory(tmp_path).splitlines()[2:] == ["| tiny | seqtrain | 400 |"]


def test_a_plot_for_each_work() -> None:
    results = [
        Result({"work": "matrix products"}, [{"gflops": 90.0}]),
        Result({"work": "tiny", "tool": "seqtrain", "malloc": "retaining"}, [{"tokens_per_second": 2.0}]),
        Result({"work": "lm", "tool": "seqtrain", "malloc": "default"}, [{"tokens_per_second": 3.0}]),
    ]
    assert list(render.plots("training", results)) == [
        ("training-tiny.svg", "tiny: target tokens/s", {"seqtrain, retaining malloc": [2.0]}),
        ("training-lm.svg", "lm: target tokens/s", {"seqtrain": [3.0]}),
    ]


def test_plots_are_the_same_bytes_for_the_same_figures(tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        bars(tmp_path / name, "tiny", "tokens/s", {"seqtrain": [3.0, 5.0, 4.0], "other": [1.0]})
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert ">seqtrain<" in (tmp_path / "a.svg").read_text(encoding="utf-8")
