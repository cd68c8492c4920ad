import pytest
import torch
from torch import Tensor

from seqtrain.base import DecoderModel, Model, ModelOutput, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.generation import token_scores
from seqtrain.generation.token_scores import next_log_probs, token_log_probs


class Embedded(DecoderModel):
    """Logits by the token alone; notes how many are computed at a time."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        torch.manual_seed(1)
        self.table = torch.randn(7, 7)
        self.sizes: list[int] = []

    def extract_features(self, source_tokens: Tensor) -> Tensor:
        return self.table[source_tokens]

    def project(self, features: Tensor) -> Tensor:
        self.sizes.append(len(features))
        return features * 2


class Logits(Model):
    """The same without features."""

    def __init__(self, model: Embedded, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.model = model

    def forward(self, source_tokens: Tensor) -> ModelOutput:
        return ModelOutput(self.model.table[source_tokens] * 2, {})


def test_log_probs_in_chunks_and_at_once(task: TaskInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_scores, "CHUNK_LOGITS", 21)
    model = Embedded(task)
    tokens, target = torch.tensor([[2, 4, 5], [2, 6, 4]]), torch.tensor([[4, 5, 2], [6, 4, 2]])
    expected = torch.log_softmax(model.table[tokens] * 2, -1).gather(2, target[..., None])[..., 0]
    for found in (model, Logits(model, task)):
        torch.testing.assert_close(token_log_probs(found, {"source_tokens": tokens}, target), expected)
    assert model.sizes == [1, 3, 3]


def test_logits_are_overwritten_where_nothing_else_needs_them() -> None:
    kept = torch.randn(2, 9)
    expected = torch.log_softmax(kept, -1)
    with torch.inference_mode():
        made = kept * 1
        assert next_log_probs(made, 1.0).data_ptr() == made.data_ptr()
        torch.testing.assert_close(made, expected)
        parts = (kept * 1)[:, :5]
        for logits in (kept, kept[:1], parts, parts.double(), parts.bfloat16()):
            before = logits.clone()
            found = next_log_probs(logits, 1.0)
            torch.testing.assert_close(found, torch.log_softmax(before.float(), -1))
            assert torch.equal(logits, before)


def test_a_temperature_divides_logits() -> None:
    logits = torch.tensor([[1.0, 3.0]])
    torch.testing.assert_close(next_log_probs(logits, 2.0), torch.tensor([[-1.313262, -0.313262]]))
