from dataclasses import replace

import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, FeatureModel, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.criterions._target_tokens import TargetTokens, target_cross_entropy
from seqtrain.errors import PluginError
from seqtrain.nn.chunked_cross_entropy import Options


class Halved(FeatureModel):
    """Projects to a half, and says so."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.projected: list[tuple[int, ...]] = []

    def extract_features(self, **_: Tensor) -> Tensor:
        return torch.arange(36.0).view(2, 3, 6).cos()

    def project(self, features: Tensor) -> Tensor:
        self.projected.append(tuple(features.shape))
        return features / 2

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        return torch.eye(6) / 2, None


class Squared(Halved):
    """Projects in another way, and has forgotten what it inherits."""

    def project(self, features: Tensor) -> Tensor:
        return super().project(features) ** 2


class Quartered(Squared):
    """Projects in yet another way, and says so."""

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        return torch.eye(6) / 4, None


def loss(model: Halved, batch: Batch) -> float:
    return target_cross_entropy(model, batch, TargetTokens(batch, pad=1), Options()).loss.item()


def plain(logits: Tensor, batch: Batch) -> float:
    flat = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch.target.flatten(), ignore_index=1, reduction="sum"
    )
    return flat.item()


def test_only_tokens_that_count_are_selected(batch: Batch) -> None:
    tokens = TargetTokens(batch, pad=1)
    assert tokens.number == 4
    assert tokens.target.tolist() == [0, 3, 2, 2]
    assert tokens.select(torch.arange(6).view(2, 3)).tolist() == [0, 1, 2, 3]


def test_a_prefix_is_left_out_of_each_sentence(batch: Batch) -> None:
    tokens = TargetTokens(batch, pad=1, ignore_prefix_size=1)
    assert tokens.number == 2
    assert tokens.target.tolist() == [3, 2]


def test_padding_may_stand_anywhere() -> None:
    target = torch.tensor([[1, 5, 2], [1, 1, 2]])
    batch = Batch(torch.arange(2), {}, target, ntokens=3, nsentences=2)
    assert TargetTokens(batch, pad=1).target.tolist() == [5, 2, 2]


def test_an_output_of_another_shape_is_the_models_fault(batch: Batch) -> None:
    with pytest.raises(PluginError, match=r"output has shape \(3, 2, 6\), but .* batch's target, \(2, 3\)"):
        TargetTokens(batch, pad=1).select(torch.zeros(3, 2, 6))


def test_weights_replace_the_projection(batch: Batch, task: TaskInfo) -> None:
    model = Halved(task)
    assert loss(model, batch) == pytest.approx(plain(model.extract_features() / 2, batch), rel=1e-6)
    assert model.projected == []


def test_a_subclass_with_another_projection_is_not_taken_for_linear(batch: Batch, task: TaskInfo) -> None:
    model = Squared(task)
    assert loss(model, batch) == pytest.approx(plain((model.extract_features() / 2) ** 2, batch), rel=1e-6)
    assert model.projected == [(4, 6)]


def test_a_subclass_may_give_its_own_weights(batch: Batch, task: TaskInfo) -> None:
    model = Quartered(task)
    assert loss(model, batch) == pytest.approx(plain(model.extract_features() / 4, batch), rel=1e-6)


def test_nothing_but_padding(batch: Batch, task: TaskInfo) -> None:
    nothing = replace(batch, target=torch.ones_like(batch.target), ntokens=0)
    assert loss(Halved(task), nothing) == 0.0
