import pytest

from benchmarks._published import FAIRSEQ, converted
from benchmarks._rounds import Result


def test_fairseq_by_the_ratios_that_were_measured() -> None:
    tiny = Result({"work": "tiny", "tool": "eole 0.6.4", "malloc": "default"}, [{"tokens_per_second": 6470.0}])
    other = Result({"work": "tiny", "tool": "other", "malloc": "default"}, [{"tokens_per_second": 1.0}])
    matrices = Result({"work": "matrix products"}, [{"gflops": 90.0}])
    lm = Result({"work": "lm", "tool": "seqtrain", "malloc": "default"}, [{"tokens_per_second": 1.0}])
    (found,) = converted([matrices, tiny, other])
    assert found.labels == {"work": "tiny", "tool": FAIRSEQ, "malloc": "default"}
    assert found.values("tokens_per_second") == [pytest.approx(2 * 3490)]
    assert converted([matrices, lm]) == []
    base = Result({"work": "base", "tool": "eole 0.6.4", "malloc": "default"}, [{"tokens_per_second": 858.0}])
    rows = {row.labels["work"]: row.values("tokens_per_second") for row in converted([matrices, base, lm])}
    assert rows == {"base": [pytest.approx(2 * 431)], "lm": [pytest.approx(2 * 891)]}
