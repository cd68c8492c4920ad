import json
from pathlib import Path

from benchmarks._machine import ROOT, about, commit
from seqtrain.processor import cpu_name


def test_what_is_recorded_is_there_and_json_can_hold_it() -> None:
    found = json.loads(json.dumps(about(3)))
    assert found["threads"] == 3
    assert found["memory_gb"] > 0
    assert found["cpu"].startswith(cpu_name())
    assert set(found["versions"]) == {"torch", "numpy", "sentencepiece"}


def test_a_directory_without_git_has_no_commit(tmp_path: Path) -> None:
    assert commit(tmp_path) == ""
    if (ROOT / ".git").exists():
        assert len(commit().removesuffix("+")) >= 7
