import multiprocessing
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtrain import plugins
from seqtrain.base import Alignment, Batch, Hypothesis
from seqtrain.errors import DataError, SeqtrainError
from seqtrain.generation.worker import Found, packed, serve, unpacked
from seqtrain.plugins import forget_user_directory, import_user_directory

BATCH = Batch(torch.tensor([4, 2]), {"source_tokens": torch.tensor([[5, 2], [6, 2]])}, torch.empty(2, 0), 0, 2, seed=7)


def ask(decode: Callable[[Batch], Found] | Exception) -> Any:
    """Return what a worker answers when it is asked for a batch; it ends when nobody asks any more."""
    here, there = multiprocessing.Pipe()

    def set_up(number: int) -> Callable[[Batch], Found]:
        assert number == 3
        if isinstance(decode, Exception):
            warnings.warn("said by the process that asks", stacklevel=1)
            raise decode
        return decode

    worker = threading.Thread(target=serve, args=(there, set_up, 3))
    worker.start()
    here.send_bytes(packed(BATCH))
    answer = unpacked(here.recv_bytes())
    here.close()
    worker.join(30)
    assert not worker.is_alive()
    return answer


def test_what_goes_over_is_the_same_there() -> None:
    alignment = Alignment(torch.rand(3, 2), [(0, 1)])
    found = [[Hypothesis(torch.tensor([5, 6, 2]), -0.5, torch.rand(3), alignment)], []]
    (hypothesis,), nothing = unpacked(packed(found))
    assert nothing == []
    for name in ("tokens", "positional_scores"):
        assert torch.equal(getattr(hypothesis, name), getattr(found[0][0], name))
    assert torch.equal(hypothesis.alignment.attention, alignment.attention)
    assert (hypothesis.score, hypothesis.alignment.links) == (-0.5, [(0, 1)])
    batch = unpacked(packed(BATCH))
    assert torch.equal(batch.net_input["source_tokens"], BATCH.net_input["source_tokens"])
    assert (batch.target.shape, batch.seed, batch.alignments) == ((2, 0), 7, None)


def test_tensors_that_no_array_can_hold_go_over_too() -> None:
    tensors = [torch.ones(2, dtype=torch.bfloat16), torch.nn.Parameter(torch.ones(1))]
    assert [torch.equal(there, here) for there, here in zip(unpacked(packed(tensors)), tensors, strict=True)] == [
        True
    ] * 2


def test_of_a_tensor_that_is_part_of_a_larger_one_only_the_part_goes_over() -> None:
    whole = torch.rand(1000, 1000)
    assert len(packed([Hypothesis(torch.arange(9), -0.5, row[:9]) for row in whole])) < 250_000


def test_a_batch_is_answered_by_what_is_found_of_it() -> None:
    def decode(batch: Batch) -> Found:
        return [[Hypothesis(row, 0.0, row)] for row in batch.net_input["source_tokens"]]

    assert [[hypothesis.tokens.tolist() for hypothesis in found] for found in ask(decode)] == [[[5, 2]], [[6, 2]]]


def failing(error: Exception) -> Callable[[Batch], Found]:
    def decode(batch: Batch) -> Found:
        raise error

    return decode


@pytest.mark.parametrize("where", [failing, lambda error: error], ids=["a batch", "set up"])
def test_what_is_the_users_to_mend_is_told_in_its_words(where: Callable[[Exception], Any]) -> None:
    answer = ask(where(DataError("line 3: wrong")))
    assert type(answer) is SeqtrainError and str(answer) == "line 3: wrong"


def test_what_is_not_is_told_with_where_it_arose() -> None:
    answer = ask(failing(ZeroDivisionError("by nothing")))
    assert type(answer) is RuntimeError
    assert str(answer).startswith("in a process that decodes:\nTraceback ") and "in decode" in str(answer)
    assert str(answer).endswith("ZeroDivisionError: by nothing\n")


@pytest.fixture
def users(tmp_path: Path) -> Any:
    """A module of a user's whose function fails."""
    (tmp_path / "wrong.py").write_text("def decode(batch):\n    return batch.nothing\n")
    import_user_directory(tmp_path)
    yield sys.modules[f"{plugins.user_directories()[tmp_path]}.wrong"]
    forget_user_directory(tmp_path)


def test_an_error_of_users_code_is_told_with_its_line(
    users: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ask(users.decode)
    assert type(answer) is SeqtrainError
    assert str(answer).startswith(f"{tmp_path}/wrong.py:2: AttributeError: ")
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    assert type(ask(users.decode)) is RuntimeError
