"""Each check finds the mistake that it is there for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from seqtrain.base import EncoderOutput
from seqtrain.models import REGISTRY, EncoderDecoderModel, ModelConfig, ModelOutput, TaskInfo
from seqtrain.nn.decoder import DecoderState
from seqtrain.testing import models as checks
from seqtrain.testing.toy import toy_task


@dataclass
class FaultyConfig(ModelConfig):
    """A model that is sound but for one fault."""

    fault: str = "none"


class Faulty(EncoderDecoderModel):
    """Predicts from the tokens so far and the bag of source tokens."""

    hidden: Tensor

    def __init__(self, cfg: FaultyConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.fault = cfg.fault
        device = "cpu" if cfg.fault == "device" else None
        size = len(task.target_dictionary) + (cfg.fault == "output")
        self.source = torch.nn.Embedding(len(task.source_dictionary), 4, device=device)
        self.target = torch.nn.Embedding(len(task.target_dictionary), 4)
        self.out = torch.nn.Linear(4, size)
        self.unused = torch.nn.Parameter(torch.ones(1), requires_grad=cfg.fault == "backward")
        self.register_buffer("hidden", torch.rand(4), persistent=False)

    def forward(self, **net_input: Tensor) -> ModelOutput:
        """Return the logits (B, T, V)."""
        return ModelOutput(self.project(self.extract_features(**net_input)), {})

    def extract_features(self, **net_input: Tensor) -> Tensor:
        """Return features (B, T, D)."""
        source_tokens, prev_output_tokens = net_input["source_tokens"], net_input["prev_output_tokens"]
        weight = (source_tokens != 1)[..., None] if self.fault != "padding" else 1
        source = (self.source(source_tokens) * weight).sum(1, keepdim=True)
        target = self.target(prev_output_tokens)
        features: Tensor = source + (target.flip(1).cumsum(1).flip(1) if self.fault == "causal" else target.cumsum(1))
        if self.fault == "state_dict":
            features = features + self.hidden
        return features + torch.rand(()) if self.fault == "deterministic" else features

    def project(self, features: Tensor) -> Tensor:
        """Return logits (..., V)."""
        logits: Tensor = self.out(features)
        return logits

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return weight (V, D) and bias (V,); the fault is to forget the latter."""
        return self.out.weight, None if self.fault == "projection" else self.out.bias

    def encode(self, **source: Tensor) -> EncoderOutput:
        """Keep the source tokens."""
        return EncoderOutput(source["source_tokens"], source["source_tokens"] == 1)

    def new_state(self, encoder_output: EncoderOutput, rows: int, max_length: int) -> DecoderState:
        """Return a state that remembers nothing."""
        return DecoderState([])

    def decode_step(self, prev_tokens: Tensor, encoder_output: EncoderOutput, state: DecoderState) -> Tensor:
        """Predict from the last token alone, which is a fault after the first."""
        rows = len(prev_tokens) // len(encoder_output.features)
        source = encoder_output.features.repeat_interleave(rows, 0)
        features = self.extract_features(source_tokens=source, prev_output_tokens=prev_tokens[:, None])
        return self.project(features)[:, 0]


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    snapshot = REGISTRY.snapshot()
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.restore(snapshot)


def test_a_sound_model_passes() -> None:
    for check in checks.CHECKS:
        if check is not checks.check_incremental:
            check(FaultyConfig(), toy_task())


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("device", checks.check_builds_on_meta, r"a device of their own: source\.weight"),
        ("output", checks.check_output, r"logits are \(3, 6, 17\), should be \(3, 6, 16\)"),
        ("backward", checks.check_backward, "unused gets no gradient"),
        ("projection", checks.check_projection, "project does something else than projection_weights says"),
        ("state_dict", checks.check_state_dict, "the state dict does not hold everything"),
        ("deterministic", checks.check_deterministic, "evaluation depends on chance"),
        ("padding", checks.check_padding, "padding changes the logits"),
        ("causal", checks.check_causal, "a later token changes the logits"),
        ("none", checks.check_incremental, "decode_step differs from a full pass at position 1"),
    ],
)
def test_a_fault_is_found(fault: str, check: checks.Check, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(FaultyConfig(fault), toy_task())
