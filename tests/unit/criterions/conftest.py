"""Two sentences over six symbols, and models that predict them in each way in which a model can.

Probabilities in sixteenths, the target's in brackets:

    sentence 1:  [8]  4   1   1   1   1  |  1   1   1  [2]  1  10  |  4   2  [2]  2   2   4
    sentence 2:   1   1  [8]  1   4   1  |  (padding)              |  (padding)
"""

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Batch, Dictionary, FeatureModel, Model, ModelOutput, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.testing.toy import ToyDictionary

PAD = Dictionary.pad

SIXTEENTHS = [
    [[8, 4, 1, 1, 1, 1], [1, 1, 1, 2, 1, 10], [4, 2, 2, 2, 2, 4]],
    [[1, 1, 8, 1, 4, 1], [9, 1, 1, 1, 3, 1], [1, 9, 1, 1, 1, 3]],
]


class Table(Model):
    """Gives the logits that it holds."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.logits = nn.Parameter(torch.tensor(SIXTEENTHS).log())

    def forward(self, **_: Tensor) -> ModelOutput | Tensor:
        return self.logits


class TableWithExtra(Table):
    """Gives something else too."""

    def forward(self, **_: Tensor) -> ModelOutput:
        return ModelOutput(self.logits, {"attention": self.logits})


class Features(Table, FeatureModel):
    """Has the logits as features."""

    def extract_features(self, **_: Tensor) -> Tensor:
        return self.logits

    def project(self, features: Tensor) -> Tensor:
        return features + 0.0


class Linear(Features):
    """Says that its projection is linear."""

    def project(self, features: Tensor) -> Tensor:
        raise AssertionError("the weights are enough")

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        return torch.eye(6), None


@pytest.fixture
def task() -> TaskInfo:
    dictionary = ToyDictionary(["a", "b"])
    return TaskInfo(dictionary, dictionary)


@pytest.fixture
def batch() -> Batch:
    target = torch.tensor([[0, 3, 2], [2, PAD, PAD]])
    return Batch(torch.arange(2), {"prev_output_tokens": target}, target, ntokens=4, nsentences=2)


@pytest.fixture(params=[Table, TableWithExtra, Features, Linear])
def model(request: pytest.FixtureRequest, task: TaskInfo) -> Model:
    """Each way in which a model can give its logits."""
    built: Model = request.param(task)
    return built
