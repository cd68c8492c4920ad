from pathlib import Path

import pytest

from benchmarks._rounds import Contestant, Figures, Result, in_turns, read_results, spread, write_results


def test_contestants_run_in_turns_each_in_a_new_directory(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[tuple[str, Path]] = []

    def contestant(name: str, value: float) -> Contestant:
        def run(directory: Path) -> Figures:
            assert not list(directory.iterdir())
            calls.append((name, directory))
            return {"seconds": value * len(calls)}

        return Contestant({"tool": name}, run)

    first, second = in_turns([contestant("a", 1.0), contestant("b", 0.5)], 2)
    assert [name for name, _ in calls] == ["a", "b", "a", "b"]
    assert len({directory for _, directory in calls}) == 4
    assert first == Result({"tool": "a"}, [{"seconds": 1.0}, {"seconds": 3.0}])
    assert second.values("seconds") == [1.0, 2.0]
    assert second.median("seconds") == 1.5
    assert capsys.readouterr().out.splitlines()[3] == "round 2, b: seconds 2"


def test_spread_of_numbers() -> None:
    assert spread([3.0, 1.0, 2.5]) == {"median": 2.5, "min": 1.0, "max": 3.0}


def test_results_that_were_written_are_read(tmp_path: Path) -> None:
    results = [Result({"tool": "a"}, [{"seconds": 1.5}]), Result({"tool": "b"})]
    write_results(tmp_path / "new" / "x.json", {"cpu": "Z80"}, results)
    assert read_results(tmp_path / "new" / "x.json") == ({"cpu": "Z80"}, results)
