from benchmarks._decoding_table import table
from benchmarks._rounds import Result


def test_a_row_for_each_tool() -> None:
    rounds = [{"sentences_per_second": speed, "identical_outputs": 999.0} for speed in (100.0, 104.0, 99.0)]
    *_, row = table([Result({"tool": "CTranslate2"}, [*rounds, {"process_seconds": 3.0}])]).splitlines()
    assert row == "| CTranslate2 | 100.0 (99.0 to 104.0) |  |  |  |  | 3.0 |  |  | 999 |"
