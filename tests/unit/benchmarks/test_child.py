import sys
from pathlib import Path

import pytest

from benchmarks._child import environment, run_child


def test_a_program_is_timed_and_its_memory_measured(tmp_path: Path) -> None:
    code = "import sys, time; x = bytearray(10**8); time.sleep(0.2); print('out'); print('err', file=sys.stderr)"
    found = run_child([sys.executable, "-c", code], tmp_path, environment(1))
    assert sorted(found.output.split()) == ["err", "out"]
    assert found.seconds >= 0.2
    assert found.cpu_seconds > 0
    assert 95 < found.peak_mb < 10_000


def test_a_program_that_fails_ends_the_benchmark(tmp_path: Path) -> None:
    failing = [sys.executable, "-c", "print('why'); raise SystemExit(3)"]
    with pytest.raises(SystemExit, match=r"(?s)why.*ended with 3"):
        run_child(failing, tmp_path, environment(1))
    assert run_child(failing, tmp_path, environment(1), exit_code=3).output == "why\n"


def test_malloc_is_set_as_asked_for_and_not_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TOP_PAD_", "7")
    assert not {name for name in environment(2) if name.startswith("MALLOC_")}
    told = environment(2, "retaining", MORE="x")
    assert (told["OMP_NUM_THREADS"], told["MALLOC_TOP_PAD_"], told["MORE"]) == ("2", "268435456", "x")
