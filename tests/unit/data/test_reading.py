from pathlib import Path

import pytest
from rich.progress import Progress

from seqtrain.data.reading import reading


def test_a_terminal_has_a_bar_of_all_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    files = [tmp_path / "train.en", tmp_path / "train.de"]
    for file, size in zip(files, (30, 12), strict=True):
        file.write_bytes(bytes(size))
    bars: list[Progress] = []
    stop = Progress.stop

    def noted(self: Progress) -> None:
        bars.append(self)
        stop(self)

    monkeypatch.setattr(Progress, "stop", noted)
    with reading(files) as watch:
        assert watch is not None
        watch(10)
        watch(5)
    (bar,) = bars[0].tasks
    assert (bar.description, bar.completed, bar.total) == ("encoding train.en, train.de", 15, 42)


def test_elsewhere_nothing_is_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with reading([tmp_path / "not there"]) as watch:
        assert watch is None
    assert capfd.readouterr() == ("", "")
