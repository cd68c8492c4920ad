import os

import pytest
import torch

from seqtrain.commands._processes import number_there, set_up, windows_ahead
from seqtrain.config import Device, GenerateConfig


@pytest.mark.parametrize(("device", "gpus", "number"), [("auto", 4, 4), ("cuda", 2, 2), ("cpu", 4, 3), ("auto", 0, 3)])
def test_there_is_a_process_for_each_gpu_or_core(
    monkeypatch: pytest.MonkeyPatch, device: str, gpus: int, number: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert number_there(Device[device]) == number


class SetUpEnded(Exception):
    """Raised where a worker would load its model."""


@pytest.mark.parametrize(("device", "expected"), [(Device.auto, [1]), (Device.cpu, [])])
def test_processes_share_the_gpus(monkeypatch: pytest.MonkeyPatch, device: Device, expected: list[int]) -> None:
    chosen: list[int] = []

    def load(*_: object, **__: object) -> None:
        raise SetUpEnded

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    monkeypatch.setattr("seqtrain.commands._processes.load", load)
    with pytest.raises(SetUpEnded):
        set_up(GenerateConfig(checkpoint="run", device=device), [], torch.get_num_threads(), 3)
    assert chosen == expected


@pytest.mark.parametrize(
    ("words", "count", "windows"), [({"input": "x"}, 2, 2), ({"input": "x"}, 64, 6), ({"buffer_size": 9}, 64, 1)]
)
def test_no_more_lines_are_read_ahead_than_is_said(words: dict[str, object], count: int, windows: int) -> None:
    cfg = GenerateConfig(checkpoint="run", **words)  # type: ignore[arg-type]  # of several fields
    assert windows_ahead(cfg, count) == windows


@pytest.mark.parametrize(("device", "number"), [("auto", 1), ("mps", 1), ("cpu", 3)])
def test_a_mac_has_one_gpu(monkeypatch: pytest.MonkeyPatch, device: str, number: int) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 7}, raising=False)
    assert number_there(Device[device]) == number
