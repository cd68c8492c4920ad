import pytest
import torch
from torch import Tensor

from seqtrain.base import FeatureModel, Model, ModelOutput, with_attention
from seqtrain.config import ModelConfig
from seqtrain.testing.toy import toy_task

ATTENTION = torch.ones(1, 2, 3) / 3


class Logits(Model):
    """Gives what it is built with."""

    def __init__(self, output: ModelOutput | Tensor) -> None:
        super().__init__(ModelConfig(), toy_task())
        self.output = output

    def forward(self, **_: Tensor) -> ModelOutput | Tensor:
        return self.output


class Features(FeatureModel):
    """Does not tell its attention."""

    def extract_features(self, **_: Tensor) -> Tensor:
        return torch.zeros(1, 2, 4)

    def project(self, features: Tensor) -> Tensor:
        return features


class Attending(Features):
    """Tells its attention, if it is built with any."""

    attention: Tensor | None = ATTENTION

    def extract_with_attention(self, **_: Tensor) -> tuple[Tensor, Tensor] | None:
        return None if self.attention is None else (self.extract_features(), self.attention)


class Deaf(Attending):
    """Is built without."""

    attention = None


def test_attention_is_told_beside_features_or_logits() -> None:
    logits = torch.ones(1, 2, 5)
    for model, expected in (
        (Attending(ModelConfig(), toy_task()), torch.zeros(1, 2, 4)),
        (Logits(ModelOutput(logits, {"attention": ATTENTION})), logits),
    ):
        found = with_attention(model, {})
        assert found is not None and torch.equal(found[0], expected) and found[1] is ATTENTION


@pytest.mark.parametrize(
    "model",
    [
        Logits(torch.ones(1, 2, 5)),
        Logits(ModelOutput(torch.ones(1, 2, 5), {"other": ATTENTION})),
        Features(ModelConfig(), toy_task()),
        Deaf(ModelConfig(), toy_task()),
    ],
    ids=["logits", "other extras", "features", "built without"],
)
def test_it_is_not_told(model: Model) -> None:
    assert with_attention(model, {}) is None
