import multiprocessing
import time
from collections.abc import Iterator

import pytest

from seqtrain.errors import SeqtrainError
from seqtrain.generation.workers import Workers
from tests.unit.generation.decoding_processes import batch_of, set_up


@pytest.fixture(scope="module")
def reports() -> list[tuple[int, float]]:
    return []


@pytest.fixture(scope="module")
def workers(reports: list[tuple[int, float]]) -> Iterator[Workers]:
    """Two processes."""
    with Workers(set_up, 2, 1, lambda found, seconds: reports.append((len(found), seconds))) as workers:
        yield workers


def test_batches_are_decoded_in_all_processes_whatever_the_order_of_taking(
    workers: Workers, reports: list[tuple[int, float]]
) -> None:
    reports.clear()
    begun = [workers.begin(batch_of(first, first + 1)) for first in range(0, 400, 2)]
    found = [hypothesis for take in reversed(begun) for (hypothesis,) in take()]
    assert [hypothesis.tokens[0].item() for hypothesis in found[::2]] == [*range(398, -1, -2)]
    assert len({hypothesis.score for hypothesis in found}) == 2  # the processes
    assert [sentences for sentences, _ in reports] == [2] * 200
    assert all(seconds >= 0 for _, seconds in reports)


def test_ctrl_c_does_not_reach_them(workers: Workers) -> None:
    ((hypothesis,),) = workers.begin(batch_of(1))()
    assert hypothesis.tokens.tolist() == [1, True]


def test_time_is_not_counted_in_which_nothing_is_asked(workers: Workers, reports: list[tuple[int, float]]) -> None:
    workers.begin(batch_of(1))()
    time.sleep(0.5)
    reports.clear()
    workers.begin(batch_of(1))()
    assert [sentences for sentences, _ in reports] == [1] and reports[0][1] < 0.4


def test_what_a_batch_fails_with_is_raised_where_it_is_taken_and_others_go_on(workers: Workers) -> None:
    before, wrong, after = (workers.begin(batch_of(number)) for number in (1, -1, 2))
    assert before()[0][0].tokens[0] == 1
    with pytest.raises(SeqtrainError, match=r"^line 7: wrong$"):
        wrong()
    assert after()[0][0].tokens[0] == 2


@pytest.mark.parametrize(
    ("number", "how"), [(-2, "by SIGKILL, for lack of memory maybe: try fewer"), (-3, "with exit code 3")]
)
def test_a_process_that_ends_is_an_error(number: int, how: str) -> None:
    with Workers(set_up, 1, 1, lambda found, seconds: None) as workers:
        before, wrong, after = (workers.begin(batch_of(n)) for n in (1, number, 2))
        assert before()[0][0].tokens[0] == 1
        for take in (wrong, after):
            with pytest.raises(SeqtrainError, match=f"one of the processes that decode was ended {how}"):
                take()


def test_processes_end_with_what_they_are_used_in_whatever_they_do() -> None:
    before = {process.pid for process in multiprocessing.active_children()}
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Workers(set_up, 1, 1, lambda found, seconds: None) as workers:
        workers.begin(batch_of(1))()
        workers.begin(batch_of(-4))
        workers.begin(batch_of(2))
        assert {process.pid for process in multiprocessing.active_children()} != before
        raise KeyboardInterrupt
    assert {process.pid for process in multiprocessing.active_children()} == before
    assert time.monotonic() - start < 300
