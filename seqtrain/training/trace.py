"""A trace: what a run computed, in the order in which it did, each tensor as a short hash; a JSON line for each.

Of two runs that should be the same, the first line in which their traces differ says where they part.
"""

import json
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple


class Kind(str, Enum):
    """What a record holds, and how a message calls it."""

    config = "config value"
    parameter = "parameter"
    optimizer = "optimizer state"
    lr_scheduler = "lr_scheduler state"
    batch = "batch"
    input = "input of"
    output = "output of"
    loss = "result of the criterion"
    gradient = "gradient of"
    update = "result of the update"
    metric = "metric"
    file = "file of the last checkpoint"


STATE = (Kind.config, Kind.parameter, Kind.optimizer, Kind.lr_scheduler)
"""What stands at the beginning of a trace and after each update: all that the next update starts from."""


class Record(NamedTuple):
    """One tensor or number."""

    update: int
    """Update that it belongs to; what was there before the first one belongs to 0."""
    micro_batch: int
    """Number of the micro-batch in its update, from 1; 0 for what belongs to none."""
    kind: Kind
    """What it is."""
    name: str
    """Name of the parameter, the module, the key, ..."""
    value: str
    """Type, shape and hash of a tensor; a number as it is."""

    @property
    def place(self) -> str:
        """Where it is, in words."""
        micro_batch = f", micro-batch {self.micro_batch}" if self.micro_batch else ""
        return f"update {self.update}{micro_batch}, {self.kind.value} {self.name}"


class Difference(NamedTuple):
    """Where two traces part: what the one has and the other has instead; None for a trace that has ended."""

    first: Record | None
    second: Record | None
    after_resume: bool = False
    """Whether they are the same up to a resume."""

    @property
    def record(self) -> Record:
        """What the first has there, or else the second."""
        found = self.first or self.second
        assert found is not None
        return found

    @property
    def is_in_value(self) -> bool:
        """Whether both have the same thing there, with another value."""
        return self.first is not None and self.second is not None and self.first[:-1] == self.second[:-1]


def write_record(record: Record) -> str:
    """Return a record as a line."""
    return json.dumps(record._asdict() | {"kind": record.kind.name}) + "\n"


def read_trace(file: Path) -> Iterator[Record]:
    """Yield the records of a file, one after the other: traces are long."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield Record(**record | {"kind": Kind[record["kind"]]})


def first_difference(first: Iterable[Record], second: Iterable[Record]) -> Difference | None:
    """Return where two traces part, or None if they are the same."""
    for one, other in zip_longest(first, second):
        if one != other:
            return Difference(one, other)
    return None


def difference_of_resumed(whole: Path, before: Path, after: Path, update: int) -> Difference | None:
    """Return where a run that was resumed parts from one that was not.

    Args:
        whole: trace of the run that was not resumed.
        before: trace up to the stop.
        after: trace from the resume on; begins with the state that was loaded.
        update: the last update before the stop.
    """
    past = (record for record in read_trace(whole) if record.update <= update)
    # What the stop itself saved is no part of a run that goes on.
    stopped = (record for record in read_trace(before) if record.kind is not Kind.file)
    saved = (record for record in read_trace(whole) if record.update == update and record.kind in STATE)
    loaded = (record for record in read_trace(after) if record.update == update)
    future = (record for record in read_trace(whole) if record.update > update)
    rest = (record for record in read_trace(after) if record.update > update)
    if found := first_difference(past, stopped):
        return found
    found = first_difference(saved, loaded) or first_difference(future, rest)
    return found and found._replace(after_resume=True)
