import platform
from pathlib import Path

import pytest

from seqtrain import processor

AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC\n\nprocessor\t: 1\nvendor_id\t: AuthenticAMD\n"
INTEL = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Common KVM processor\n"
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\n"


@pytest.mark.parametrize(
    ("told", "name", "intel"),
    [(AMD, "AMD EPYC", False), (INTEL, "Common KVM processor", True), (ARM, "aarch64", False)],
)
def test_on_linux(told: str, name: str, intel: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(told)
    monkeypatch.setattr(processor, "Path", lambda _: file)
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert processor.cpu_name() == name
    assert processor.is_intel() is intel


@pytest.mark.parametrize(
    ("told", "intel"),
    [("Intel64 Family 6 Model 143 Stepping 8, GenuineIntel", True), ("AMD64 Family 25, AuthenticAMD", False)],
)
def test_elsewhere(told: str, intel: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "Path", lambda _: tmp_path / "nothing")
    monkeypatch.setattr(platform, "processor", lambda: told)
    assert processor.cpu_name() == told
    assert processor.is_intel() is intel
