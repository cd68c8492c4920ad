"""What runs in a process that decodes batches, and how batches and what is found go from one process to another."""

import io
import logging
import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Batch, Hypothesis
from seqtrain.errors import SeqtrainError
from seqtrain.plugins import in_users_code

Found = list[list[Hypothesis]]
"""The hypotheses of each sentence of a batch, best first."""
SetUp = Callable[[int], Callable[[Batch], Found]]
"""Given the number of a worker, returns what decodes batches there."""
AS_ARRAYS = (torch.int64, torch.float32)
"""Formats of the tensors that there are many of."""


def serve(connection: "Connection[bytes, bytes]", set_up: SetUp, number: int) -> None:
    """Decode batches as they come, until nobody sends more; what is wrong is what is found."""
    logging.basicConfig(format="warning: %(message)s", level=logging.WARNING)
    decode = _decoding(set_up, number)
    try:
        while True:
            connection.send_bytes(packed(decode(connection.recv_bytes())))
    except (EOFError, OSError):  # whoever asked is gone
        return


def _decoding(set_up: SetUp, number: int) -> Callable[[bytes], Found | Exception]:
    """Return what decodes a batch, or says why it cannot; what loading says the process that asks has said."""
    try:
        logging.disable()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            decode = set_up(number)
    except Exception as error:
        failed = _told(error)
        return lambda _: failed
    finally:
        logging.disable(logging.NOTSET)
    return lambda batch: _decoded(decode, batch)


def _decoded(decode: Callable[[Batch], Found], batch: bytes) -> Found | Exception:
    try:
        return decode(unpacked(batch))
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> Exception:
    """Return an error as one that another process can show: in one message where it is the user's to mend."""
    message = str(error) if isinstance(error, SeqtrainError) else in_users_code(error)
    if message and os.environ.get("HYDRA_FULL_ERROR") != "1":
        return SeqtrainError(message)
    return RuntimeError("in a process that decodes:\n" + "".join(traceback.format_exception(error)))


def packed(value: object) -> bytes:
    """Return a value as bytes."""
    file = io.BytesIO()
    _Pickler(file, pickle.HIGHEST_PROTOCOL).dump(value)
    return file.getvalue()


def unpacked(data: bytes) -> Any:
    """Return the value that :func:`packed` made bytes of in a process of this program's."""
    return pickle.loads(data)


class _Pickler(pickle.Pickler):
    """Sends tensors as arrays where it can, which takes a tenth of the time."""

    def reducer_override(self, value: object) -> Any:
        """Return what makes a tensor again."""
        if type(value) is not Tensor or value.dtype not in AS_ARRAYS or value.requires_grad:
            return NotImplemented
        return torch.from_numpy, (value.numpy(force=True),)
