import io
from typing import Any

import pytest
from rich.console import Console

from seqtrain.commands import generate
from seqtrain.config import GenerateConfig


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("words", "terminals", "shown"),
    [
        ({"input": "FILE"}, "err", True),
        ({"input": "FILE"}, "in err", True),
        ({"input": "FILE"}, "in out err", False),  # outputs are what is shown
        ({"input": "FILE", "output": "FILE"}, "in out err", True),
        ({"input": "FILE", "output": "FILE"}, "in out", False),
        ({"output": "FILE"}, "in out err", False),  # somebody types
        ({"output": "FILE"}, "err", True),
        ({"split": "test", "output": "FILE"}, "in out err", True),
        ({"split": "test"}, "in out err", False),
    ],
)
def test_progress_is_shown_where_nothing_else_is(
    monkeypatch: pytest.MonkeyPatch, words: dict[str, Any], terminals: str, shown: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Stream("in" in terminals.split()))
    monkeypatch.setattr("sys.stdout", Stream("out" in terminals.split()))
    console = Console(file=io.StringIO(), force_terminal="err" in terminals.split())
    assert generate._is_progress_shown(GenerateConfig(checkpoint="run", **words), console) is shown
