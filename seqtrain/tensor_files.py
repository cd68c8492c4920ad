"""Named tensors in safetensors files."""

import errno
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from seqtrain.documents import open_regular
from seqtrain.errors import CheckpointError

MAX_HEADER_BYTES = 16 << 20
"""Names of some 100,000 tensors; a file that says more could make its reader build as many of no size."""


def write_tensors(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, from whatever device.

    Raises:
        OSError: the file system refused.
    """
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(contiguous, file, metadata={"format": "pt"})
    except SafetensorError as error:  # which is what it makes of an OSError: "... (os error 28)"
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, str(error), str(file)) from error


def read_tensors(file: Path) -> dict[str, Tensor]:
    """Return the tensors of a file, on the CPU.

    Raises:
        CheckpointError: it is no such file, or a damaged one.
    """
    try:
        with open_regular(file) as stream:
            header = int.from_bytes(stream.read(8), "little")
        if header > MAX_HEADER_BYTES:
            raise ValueError(f"its header of {header} bytes is over the limit of {MAX_HEADER_BYTES}")
        return safetensors.torch.load_file(file)
    # What safetensors lets through, torch may not: dtypes that it does not have, and shapes.
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{file} cannot be read: {error}; use another checkpoint") from error
