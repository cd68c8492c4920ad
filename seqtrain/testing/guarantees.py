"""Guarantees: what a check establishes of a plug-in, and what came out of it."""

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqtrain.errors import SeqtrainError
from seqtrain.user_code import frames_in

Check = Callable[..., str | None]
"""Takes a config, and for some kinds a task; returns why it does not concern the plug-in, if it does not.

Its name and the first line of its docstring name the guarantee.

Raises:
    AssertionError: the guarantee does not hold.
"""


class Verdict(str, Enum):
    """What came out of a check."""

    holds = "holds"
    broken = "broken"
    not_concerned = "not concerned"
    not_run = "not run"


class Result(NamedTuple):
    """The verdict on a guarantee of a plug-in, and the reason where it does not hold."""

    guarantee: str
    meaning: str
    verdict: Verdict
    reason: str = ""


def name_of(check: Check) -> str:
    """Return the name of what a check guarantees: ``incremental decoding`` of ``check_incremental_decoding``."""
    return check.__name__.removeprefix("check_").replace("_", " ")


def result_of(check: Check, verdict: Verdict, reason: str = "") -> Result:
    """Return the result of a check with this verdict."""
    return Result(name_of(check), (inspect.getdoc(check) or "").partition("\n")[0], verdict, reason)


def judge(check: Check, arguments: tuple[Any, ...], directory: Path) -> Result:
    """Run a check, whatever it raises; a fault is located in the user's ``directory`` where it arose there."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            reason = check(*arguments)
    except Exception as error:
        return result_of(check, Verdict.broken, explain(error, directory))
    return result_of(check, Verdict.not_concerned if reason else Verdict.holds, reason or "")


def explain(error: Exception, directory: Path) -> str:
    """Say in a line what is wrong, and in which FILE:LINE of ``directory`` if it arose there."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else ""
    if not (text and isinstance(error, AssertionError | SeqtrainError)):
        text = f"{type(error).__name__}: {text}".rstrip(": ")
    frames = [frame for one in _chain(error) for frame in frames_in(one, directory)]
    return f"{text} ({frames[-1].filename}:{frames[-1].lineno})" if frames else text


def assert_close(actual: Tensor, expected: Tensor, what: str, tolerance: float = 1e-4) -> None:
    """Compare floating-point tensors, up to ``tolerance`` times the largest expected value.

    Raises:
        AssertionError: they differ; it says ``what`` that means, and by how much.
    """
    assert actual.shape == expected.shape, f"{what}: the shape is {(*actual.shape,)} instead of {(*expected.shape,)}"
    if not expected.numel():
        return
    difference = (actual.detach().double() - expected.detach().double()).abs().max().item()
    largest = expected.detach().double().abs().max().item()
    assert difference <= tolerance * largest, f"{what}: by up to {difference:.2g}, with values of up to {largest:.2g}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, the latter first."""
    if error is not None:
        yield from _chain(error.__cause__ or error.__context__)
        yield error
