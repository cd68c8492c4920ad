"""Whether a run goes on with the data that it began with."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from seqtrain.base import Fingerprint, differences
from seqtrain.checkpoint import STATE, Checkpoint
from seqtrain.documents import DocumentError, build
from seqtrain.errors import CheckpointError

log = logging.getLogger(__name__)


def describe_data(data: Mapping[str, Fingerprint]) -> dict[str, Any]:
    """Return what a checkpoint says of the data, as JSON can hold it."""
    return {name: dataclasses.asdict(fingerprint) for name, fingerprint in data.items()}


def data_changes(data: Mapping[str, Fingerprint], saved: Checkpoint, described: Any) -> list[str]:
    """Return a line for each difference between the data and what a checkpoint says of it.

    Raises:
        CheckpointError: the checkpoint does not say that.
    """
    return differences(recorded_data(saved, described), data)


def check_data(data: Mapping[str, Fingerprint], saved: Checkpoint, described: Any, *, forced: bool) -> None:
    """Compare the data with what a checkpoint says of it; a difference that is forced is a warning.

    Raises:
        CheckpointError: they differ, and that is not forced.
    """
    lines = data_changes(data, saved, described)
    if not lines:
        return
    listed = "\n".join([f"the data is not that of {saved.path}:", *(f"  {line}" for line in lines)])
    if not forced:
        raise CheckpointError(
            f"{listed}\nput back the files, and the versions of packages, that it was; or go on with the data as it is "
            "by resume_force=true; or start a new run"
        )
    log.warning("%s\ngoing on with it, as resume_force=true says", listed)


def recorded_data(saved: Checkpoint, described: Any) -> dict[str, Fingerprint]:
    """Return what a checkpoint says of its data.

    Raises:
        CheckpointError: it does not say that.
    """
    try:
        found = {name: build(Fingerprint, fields, name) for name, fields in described.items()}
        if any(fingerprint.block < 1 for fingerprint in found.values()):
            raise DocumentError("a block of no parts")
    except (AttributeError, DocumentError) as error:
        raise CheckpointError(
            f"{saved.path / STATE} does not say what the data was: use another checkpoint, or start a new run"
        ) from error
    return found
