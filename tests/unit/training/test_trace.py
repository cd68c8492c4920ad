from pathlib import Path

import pytest

from seqtrain.training.trace import (
    Difference,
    Kind,
    Record,
    difference_of_resumed,
    first_difference,
    read_trace,
    write_record,
)


def record(update: int, kind: Kind, value: str = "1", name: str = "x", micro_batch: int = 0) -> Record:
    return Record(update, micro_batch, kind, name, value)


WHOLE = [
    record(0, Kind.config),
    record(0, Kind.parameter),
    record(1, Kind.output, micro_batch=1),
    record(1, Kind.parameter),
    record(1, Kind.optimizer),
    record(1, Kind.metric),
    record(2, Kind.output, micro_batch=1),
    record(2, Kind.parameter),
    record(2, Kind.file),
]
STOPPED = [*WHOLE[:6], record(1, Kind.file, "of the stop")]
RESUMED = [*WHOLE[3:5], *WHOLE[6:]]


def write(file: Path, records: list[Record]) -> Path:
    file.write_text("".join(map(write_record, records)))
    return file


@pytest.mark.parametrize("kind", Kind)
def test_a_record_is_a_line(tmp_path: Path, kind: Kind) -> None:
    one = Record(3, 2, kind, "model.encoder [1]", 'float32[2, 3] "ü"')
    assert list(read_trace(write(tmp_path / "trace", [one, one]))) == [one, one]


def test_a_place_in_words() -> None:
    output = record(3, Kind.output, name="model.encoder", micro_batch=2)
    assert output.place == "update 3, micro-batch 2, output of model.encoder"
    assert record(3, Kind.parameter).place == "update 3, parameter x"


def test_the_same() -> None:
    assert first_difference(WHOLE, iter(WHOLE)) is None


def test_the_first_of_several_differences() -> None:
    other = [one._replace(value="2") if number > 2 else one for number, one in enumerate(WHOLE)]
    found = first_difference(WHOLE, other)
    assert found == Difference(WHOLE[3], WHOLE[3]._replace(value="2"))
    assert found.is_in_value


def test_another_order() -> None:
    found = first_difference(WHOLE, [WHOLE[0], WHOLE[2], WHOLE[1]])
    assert found == Difference(WHOLE[1], WHOLE[2])
    assert not found.is_in_value


def test_a_trace_that_ends_before() -> None:
    assert first_difference(WHOLE, WHOLE[:3]) == Difference(WHOLE[3], None)
    longer = first_difference(WHOLE[:3], WHOLE)
    assert longer == Difference(None, WHOLE[3])
    assert longer.record == WHOLE[3] and not longer.is_in_value


def resumed(tmp_path: Path, stopped: list[Record], after: list[Record]) -> Difference | None:
    files = {"whole": WHOLE, "before": stopped, "after": after}
    whole, before, rest = (write(tmp_path / name, records) for name, records in files.items())
    return difference_of_resumed(whole, before, rest, update=1)


def test_resumed_to_the_same(tmp_path: Path) -> None:
    assert resumed(tmp_path, STOPPED, RESUMED) is None


def test_different_before_the_stop(tmp_path: Path) -> None:
    stopped = [*STOPPED[:2], STOPPED[2]._replace(value="2"), *STOPPED[3:]]
    after = [one._replace(value="3") for one in RESUMED]
    assert resumed(tmp_path, stopped, after) == Difference(WHOLE[2], stopped[2])


def test_other_state_is_loaded_than_was_there(tmp_path: Path) -> None:
    after = [RESUMED[0], RESUMED[1]._replace(value="2"), *RESUMED[2:]]
    assert resumed(tmp_path, STOPPED, after) == Difference(WHOLE[4], after[1], after_resume=True)


@pytest.mark.parametrize("number", [2, 3, 4])
def test_different_after_the_resume(tmp_path: Path, number: int) -> None:
    after = [one._replace(value="2") if place == number else one for place, one in enumerate(RESUMED)]
    assert resumed(tmp_path, STOPPED, after) == Difference(WHOLE[number + 4], after[number], after_resume=True)


def test_a_resume_that_ends_before(tmp_path: Path) -> None:
    assert resumed(tmp_path, STOPPED, RESUMED[:-1]) == Difference(WHOLE[-1], None, after_resume=True)
