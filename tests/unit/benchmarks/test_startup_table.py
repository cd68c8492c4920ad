from benchmarks._rounds import Result
from benchmarks._startup_table import tables


def test_programs_and_phases() -> None:
    python = Result({"program": "Python"}, [{"seconds": 0.01, "cpu_seconds": 0.01, "peak_mb": 9.0}])
    rounds = [{"seconds": s, "import": s / 4, "train": 3 * s / 4, "peak_mb": 10 * s} for s in (2.0, 4.0, 8.0)]
    assert tables([python, Result({"program": "update"}, rounds)]).splitlines() == [
        "| program | seconds | peak, MB |",
        "| --- | --- | --- |",
        "| Python | 0.01 | 9 |",
        "| update | 4.00 (2.00 to 8.00) | 80 |",
        "",
        "| phase | update: s | share |",
        "| --- | --- | --- |",
        "| import | 1.00 | 25% |",
        "| train | 3.00 | 75% |",
    ]
