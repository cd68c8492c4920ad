from benchmarks._rounds import Result
from benchmarks._training_table import table


def trained(tool: str, speeds: list[float]) -> Result:
    rounds = [
        {"tokens_per_second": speed, "seconds_per_update": 0.5, "tokens_per_update": 3000.0, "peak_mb": 700.4}
        for speed in speeds
    ]
    return Result({"work": "lm", "malloc": "default", "tool": tool}, rounds)


def test_a_row_for_each_tool() -> None:
    matrices = Result({"work": "matrix products"}, [{"gflops": 100.0}, {"gflops": 200.0}])
    eole = Result(
        {"work": "base", "malloc": "default", "tool": "eole 0.6.4"},
        [{"tokens_per_second": speed * 429 / 891} for speed in (494, 990)],
    )
    rows = table([matrices, trained("seqtrain", [300, 900]), trained("other", [200, 300]), eole]).splitlines()
    ours, other, fairseq = (row for row in rows if row.startswith("| lm"))
    # 6 * (6 * (4 * 512**2 + 2 * 512 * 2048) + 512 * 5096) = 128,901,120 operations for a token
    assert ours == (
        "| lm | default | seqtrain | 600 (300 to 900) |  | 48% (39% to 58%) | 0.5 (0.5 to 0.5) | 3,000 | 700 |"
    )
    assert other == (
        "| lm | default | other | 250 (200 to 300) | 2.25 (1.50 to 3.00) | 23% (19% to 26%) | "
        "0.5 (0.5 to 0.5) | 3,000 | 700 |"
    )
    assert fairseq == (
        "| lm | default | fairseq 0.12.2 (converted) | 742 (494 to 990) | 0.76 (0.61 to 0.91) | "
        "64% (64% to 64%) |  |  |  |"
    )
