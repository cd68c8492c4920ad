import pytest
import torch

from seqtrain.errors import CheckpointError
from seqtrain.model_tensors import load_tensors


def test_tensors_that_do_not_fit_are_named() -> None:
    with pytest.raises(
        CheckpointError, match=r"a is missing; b has shape \(2,\), the model wants \(3,\); c is unknown"
    ):
        load_tensors({"a": torch.ones(1), "b": torch.ones(3)}, {"b": torch.ones(2), "c": torch.ones(1)}, "x")


def test_a_tensor_of_another_type_is_not_converted() -> None:
    with pytest.raises(CheckpointError, match=r"a is torch\.float16, the model wants torch\.float32"):
        load_tensors({"a": torch.ones(1)}, {"a": torch.ones(1, dtype=torch.float16)}, "x")
