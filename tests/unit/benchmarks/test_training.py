import json
from pathlib import Path

import pytest

from benchmarks._works import Sizes, Work
from benchmarks.training import Bench, Program, parse, prepare, programs, speed, train

SMALL = (
    "tokenizer=char",
    "model=transformer_tiny",
    "optimizer=adam_transformer",
    "lr_scheduler=fixed",
    "dataset.max_tokens=64",
)


def test_the_speed_is_that_of_the_updates_behind_the_warm_up(tmp_path: Path) -> None:
    reports = [
        {"num_updates": 10, "seconds": 9.0, "train/tokens_per_second": 1.0, "train/loss": 9.0},
        {"num_updates": 20, "seconds": 11.0, "train/tokens_per_second": 100.0, "train/loss": 8.0},
        {"num_updates": 30, "seconds": 17.0, "train/tokens_per_second": 300.0, "train/loss": 7.0},
        {"num_updates": 30, "seconds": 17.0, "valid/loss": 6.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(report)}\n" for report in reports))
    assert speed(tmp_path / "metrics.jsonl") == {
        "tokens_per_second": 250.0,  # (2 * 100 + 6 * 300) / 8
        "seconds_per_update": 0.4,
        "tokens_per_update": 100.0,
        "loss": 7.0,
    }


def test_the_program_itself_is_measured(tmp_path: Path) -> None:
    data = tmp_path / "the data"
    data.mkdir()
    for language, line in (("en", "abc"), ("de", "cbad")):
        (data / f"train.{language}").write_text(f"{line}\n" * 48)
        (data / f"valid.{language}").write_text(f"{line}\n")
    bench = Bench(data, tmp_path / "cache", threads=1)
    work = Work(SMALL, Sizes(1, 1, 8, 8, 8), warmup=2, intervals=2)
    prepare(bench, Program(), work)
    found = train(bench, Program(overrides=("dataset.max_tokens=20",)), work, "retaining", tmp_path)
    # Four sentences of four characters and an end; metrics give milliseconds, of which such updates take few.
    assert found["tokens_per_update"] == pytest.approx(20, rel=0.5)
    assert found["tokens_per_second"] == pytest.approx(found["tokens_per_update"] / found["seconds_per_update"])
    assert found["peak_mb"] > 50
    assert (tmp_path / "run/metrics.jsonl").read_text().count("tokens_per_second") == 3


def test_programs_that_the_command_line_names() -> None:
    options = parse(["--data", "x", "--checkout", "before=/there", "--overrides", "half=a=1 b=2"])
    assert programs(options) == {
        "seqtrain": Program(),
        "before": Program(Path("/there")),
        "half": Program(overrides=("a=1", "b=2")),
    }
