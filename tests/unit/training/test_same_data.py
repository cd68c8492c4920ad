import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from seqtrain.base import Fingerprint
from seqtrain.checkpoint import Checkpoint
from seqtrain.errors import CheckpointError
from seqtrain.training.same_data import check_data, describe_data

SAVED = Checkpoint(Path("run/checkpoints/update-00000005"))
FINGERPRINT = Fingerprint.of("lines", [b"one\n", b"two\n"])


def data(*parts: bytes) -> dict[str, Fingerprint]:
    return {"train.en": Fingerprint.of("lines", parts)}


DESCRIBED = {"train.en": dataclasses.asdict(FINGERPRINT)}


def test_the_same_data(caplog: pytest.LogCaptureFixture) -> None:
    assert describe_data(data(b"one\n", b"two\n")) == DESCRIBED
    check_data(data(b"one\n", b"two\n"), SAVED, DESCRIBED, forced=False)
    assert not caplog.records


def test_other_data_is_refused() -> None:
    with pytest.raises(CheckpointError) as error:
        check_data(data(b"one\n"), SAVED, DESCRIBED, forced=False)
    assert str(error.value).splitlines()[:2] == [
        "the data is not that of run/checkpoints/update-00000005:",
        "  train.en has 1 lines and had 2, differs first in lines 1 to 2 of 2",
    ]
    assert "resume_force=true" in str(error.value)


def test_other_data_that_is_forced_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    check_data(data(b"one\n"), SAVED, DESCRIBED, forced=True)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "  train.en has 1 lines and had 2" in record.getMessage()


@pytest.mark.parametrize(
    "described",
    [
        *(None, "0" * 64, 3, ["train.en"], {"train.en": "0" * 64}, {"train.en": None}, {"train.en": {}}),
        {"train.en": {**DESCRIBED["train.en"], "more": 1}},
        {"train.en": {**DESCRIBED["train.en"], "size": "2"}},
        {"train.en": {**DESCRIBED["train.en"], "sha256": "0", "blocks": 3}},
        {"train.en": {**DESCRIBED["train.en"], "sha256": "0", "blocks": [3]}},
        {"train.en": {**DESCRIBED["train.en"], "sha256": "0", "block": 0}},
    ],
)
def test_a_checkpoint_that_does_not_say_it(described: Any) -> None:
    with pytest.raises(CheckpointError, match=r"state\.json does not say what the data was"):
        check_data(data(b"one\n", b"two\n"), SAVED, described, forced=False)
