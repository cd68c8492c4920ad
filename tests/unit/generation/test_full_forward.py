from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Model, ModelOutput, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.generation.full_forward import FullForward


class Recorder(Model):
    """Returns logits that say which tokens they saw, and keeps what it was called with."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.calls: list[dict[str, Any]] = []

    def forward(self, **net_input: Tensor) -> ModelOutput | Tensor:
        self.calls.append({name: x.tolist() for name, x in net_input.items()})
        return net_input["prev_output_tokens"].cumsum(1).unsqueeze(-1).float()


def test_sees_all_previous_tokens_again_and_each_source_for_all_its_hypotheses(task: TaskInfo) -> None:
    model = Recorder(task)
    adapter = FullForward(model)
    encoded = adapter.encode(source_tokens=torch.tensor([[4, 2], [5, 2]]), source_lengths=torch.tensor([2, 2]))
    state = adapter.new_state(encoded, rows=4, max_length=3)
    assert adapter.decode_step(torch.tensor([2, 2, 2, 2]), encoded, state).tolist() == [[2.0]] * 4
    logits = adapter.decode_step(torch.tensor([4, 5, 6, 7]), encoded, state)
    assert logits.tolist() == [[6.0], [7.0], [8.0], [9.0]]  # of the last position: 2 + 4, ...
    assert model.calls[1] == {
        "source_tokens": [[4, 2], [4, 2], [5, 2], [5, 2]],
        "source_lengths": [2, 2, 2, 2],
        "prev_output_tokens": [[2, 4], [2, 5], [2, 6], [2, 7]],
    }


def test_reorder_moves_sources_and_previous_tokens(task: TaskInfo) -> None:
    model = Recorder(task)
    adapter = FullForward(model)
    encoded = adapter.encode(source_tokens=torch.tensor([[4, 2], [5, 2]]))
    state = adapter.new_state(encoded, rows=4, max_length=2)
    adapter.decode_step(torch.tensor([4, 5, 6, 7]), encoded, state)
    state.reorder(torch.tensor([3, 3]))
    adapter.decode_step(torch.tensor([8, 9]), encoded.reorder(torch.tensor([1])), state)
    assert model.calls[1] == {"source_tokens": [[5, 2], [5, 2]], "prev_output_tokens": [[7, 8], [7, 9]]}
