import logging
import time

import pytest
import torch
from rich.console import Console
from torch import Tensor

from seqtrain.base import Hypothesis
from seqtrain.commands._speed import Measured, Speed


class Finding:
    """Finds for each sentence two outputs, of which the best has as many tokens as the sentence's number."""

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        lengths = net_input["line_numbers"].tolist()
        return [[Hypothesis(torch.zeros(size), 0.0, torch.zeros(size)) for size in (n, 9)] for n in lengths]


def test_speed_counts_best_outputs_and_the_time_of_searching(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = iter([10.0, 11.5, 100.0, 100.5])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    with Speed(Console(stderr=True), shown=False) as speed:
        search = Measured(Finding(), speed)
        assert len(search.generate({"line_numbers": torch.tensor([1, 2])})) == 2
        search.generate({"line_numbers": torch.tensor([4])})
    with caplog.at_level(logging.INFO):
        speed.say("Translated")
    assert caplog.messages == ["Translated 3 sentences (7 tokens) in 2.0 s (1.50 sentences/s, 3.50 tokens/s)"]


def test_nothing_is_said_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), Speed(Console(stderr=True), shown=False) as speed:
        speed.say("Translated")
    assert caplog.messages == []


def test_a_line_is_shown_on_a_terminal_and_leaves_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    with Speed(Console(stderr=True, force_terminal=True, width=100), shown=True) as speed:
        Measured(Finding(), speed).generate({"line_numbers": torch.tensor([1, 2])})
    shown = capsys.readouterr().err
    assert "2 sentences (3 tokens) in " in shown
    assert shown.endswith("\x1b[2K") or "\x1b[2K" in shown.rpartition("sentences/s")[2]
