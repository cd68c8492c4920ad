import json
import os
import struct
from pathlib import Path

import pytest
import torch

from seqtrain.errors import CheckpointError
from seqtrain.tensor_files import MAX_HEADER_BYTES, read_tensors, write_tensors


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "a.safetensors", {"w": torch.tensor([[1.0, float("nan")]]).T, "n": torch.tensor(3)})
    return tmp_path / "a.safetensors"


def rewrite(file: Path, header: bytes, size: int | None = None) -> None:
    file.write_bytes(struct.pack("<Q", len(header) if size is None else size) + header + bytes(64))


def test_round_trip(file: Path) -> None:
    tensors = read_tensors(file)
    torch.testing.assert_close(tensors["w"], torch.tensor([[1.0], [float("nan")]]), rtol=0, atol=0, equal_nan=True)
    assert tensors["n"] == 3 and tensors["n"].dtype == torch.int64


def entry(dtype: str = "F32", shape: object = (2,), offsets: object = (0, 8)) -> bytes:
    return json.dumps({"w": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}).encode()


@pytest.mark.parametrize(
    "header",
    [
        entry(dtype="F4"),
        entry(dtype="O"),
        entry(shape=[3]),
        entry(shape=[-2]),
        entry(shape=[2**62, 2**62]),
        entry(shape="2"),
        entry(offsets=[0, 2**63]),
        entry(offsets=[8, 0]),
        entry(offsets=[56, 72]),
        b"[]",
        b"[" * 10_000,
        b"\xff\xff",
    ],
)
def test_headers_that_lie(file: Path, header: bytes) -> None:
    rewrite(file, header)
    with pytest.raises(CheckpointError, match=r"a\.safetensors cannot be read: .*; use another checkpoint"):
        read_tensors(file)


@pytest.mark.parametrize("size", [MAX_HEADER_BYTES + 1, 2**64 - 1])
def test_a_header_of_any_size_is_not_read(file: Path, size: int) -> None:
    rewrite(file, entry(), size)
    with pytest.raises(CheckpointError, match=f"its header of {size} bytes is over the limit"):
        read_tensors(file)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="cannot be read"):
            read_tensors(path)
