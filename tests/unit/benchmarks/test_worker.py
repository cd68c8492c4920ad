import os
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks._worker import ROOT, Worker, by_length

DOUBLING = """
import numpy as np
from benchmarks._worker import serve

class Doubling:
    versions = {"doubling": "1"}

    def decode(self, sources):
        print("talk")
        return [[2 * id for id in source] for source in sources]

    def greedy(self, sources):
        return sources, np.full((2, 3), len(sources), dtype=np.float32)

serve(Doubling())
"""


def started(code: str) -> Worker:
    return Worker("doubling", [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(ROOT)})


def test_a_worker_answers_until_it_is_closed(tmp_path: Path) -> None:
    worker = started(DOUBLING)
    assert worker.versions == {"doubling": "1"}
    answer = worker.decode([[1, 2], [3]])
    assert answer["outputs"] == [[2, 4], [6]]
    assert answer["seconds"] > 0 and answer["peak_mb"] > 10
    assert worker.decode([[7]], tmp_path / "logits.npy")["outputs"] == [[7]]
    assert np.load(tmp_path / "logits.npy").tolist() == [[1, 1, 1], [1, 1, 1]]
    assert all(seconds > 0 for seconds in worker.decode_singly([[1], [2]]))
    assert worker.close() == 0


def test_a_worker_that_fails_ends_the_program() -> None:
    with pytest.raises(SystemExit, match="the process of doubling ended with 3"):
        started("raise SystemExit(3)")


def test_batches_hold_the_longest_first() -> None:
    assert by_length([[5], [5, 5, 5], [5, 5]], 2) == [[1, 2], [0]]
