"""Each check finds the mistake that it is there for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from seqtrain.base import EncoderOutput, IncrementalState
from seqtrain.models import REGISTRY, DecoderModel, EncoderDecoderModel, Model, ModelConfig, ModelOutput, TaskInfo
from seqtrain.testing import models as checks
from seqtrain.testing.attention import check_attention
from seqtrain.testing.decoding import check_incremental_decoding, check_prefilling, check_reordering
from seqtrain.testing.guarantees import Check
from seqtrain.testing.inputs import build
from seqtrain.testing.toy import toy_task


@dataclass
class FaultyConfig(ModelConfig):
    """A model that is sound but for one fault."""

    fault: str = "none"


class Counted(IncrementalState):
    """A state that remembers nothing but a number."""

    length = 0

    def reorder(self, order: Tensor) -> None:
        """Do nothing."""


class Faulty(EncoderDecoderModel):
    """Predicts from the tokens so far and the bag of source tokens."""

    hidden: Tensor

    def __init__(self, cfg: FaultyConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.fault = cfg.fault
        device = "cpu" if cfg.fault == "device" else None
        size = len(task.target_dictionary) + (cfg.fault == "shape")
        self.source = torch.nn.Embedding(len(task.source_dictionary), 4, device=device)
        self.target = torch.nn.Embedding(len(task.target_dictionary), 4)
        self.out = torch.nn.Linear(4, size)
        self.unused = torch.nn.Parameter(torch.ones(1), requires_grad=cfg.fault == "gradients")
        self.temperature = torch.ones(1, requires_grad=cfg.fault == "registered")
        self.register_buffer("hidden", torch.rand(4), persistent=False)

    def forward(self, **net_input: Tensor) -> ModelOutput:
        """Return the logits (B, T, V)."""
        logits = self.project(self.extract_features(**net_input)) * self.temperature
        if self.fault == "bf16" and torch.is_autocast_enabled("cpu"):
            logits = logits / 0
        return ModelOutput(logits * 2 if self.fault == "forward" else logits, {})

    def extract_features(self, **net_input: Tensor) -> Tensor:
        """Return features (B, T, D)."""
        source_tokens, prev_output_tokens = net_input["source_tokens"], net_input["prev_output_tokens"]
        weight = (source_tokens != 1)[..., None] if self.fault != "padding" else 1
        source = (self.source(source_tokens) * weight).sum(1, keepdim=True)
        target = self.target(prev_output_tokens)
        features: Tensor = source + (target.flip(1).cumsum(1).flip(1) if self.fault == "causal" else target.cumsum(1))
        if self.fault == "batch":
            features = features - features.mean(0)
        if self.fault == "compiles" and torch.compiler.is_compiling():
            features = features * 2
        if self.fault == "checkpoint":
            features = features + self.hidden
        return features + torch.rand(()) if self.fault == "deterministic" else features

    def extract_with_attention(self, **net_input: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (B, T, D), and attention (B, T, S) that is the same for all source tokens."""
        features, there = self.extract_features(**net_input), net_input["source_tokens"] != 1
        if self.fault == "attention to padding":
            there = torch.ones_like(there)
        attention = (there / there.sum(1, keepdim=True))[:, None].repeat(1, features.size(1), 1)
        if self.fault == "attention of the batch" and len(there) > 1:
            attention = torch.eye(there.size(1))[:1].expand_as(attention)
        if self.fault == "attention beside other logits":
            features = features * 2
        changes = {"attention as scores": attention - 1, "attention as sums": attention * 2}
        return features, changes.get(self.fault, attention)[:, self.fault == "attention of fewer tokens" :]

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

    def new_state(self, encoder_output: EncoderOutput, rows: int, max_length: int) -> Counted:
        """Return a state that remembers nothing."""
        return Counted()

    def decode_step(self, prev_tokens: Tensor, encoder_output: EncoderOutput, state: Counted) -> Tensor:
        """Predict from the last token alone, which is a fault after the first."""
        rows = len(prev_tokens) // len(encoder_output.features)
        source = encoder_output.features.repeat_interleave(rows, 0)
        features = self.extract_features(source_tokens=source, prev_output_tokens=prev_tokens[:, None])
        return self.project(features + state.length)[:, 0]

    def prefill(self, tokens: Tensor, encoder_output: EncoderOutput, state: Counted) -> None:
        """Remember nothing; the fault is to do so."""
        state.length += self.fault == "prefilling"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.forget({__name__})


def test_a_sound_model_passes() -> None:
    for check in checks.CHECKS:
        if check not in (check_incremental_decoding, checks.check_documents):
            assert check(FaultyConfig(), toy_task()) is None


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("device", checks.check_builds_on_meta, r"a device of their own: source\.weight"),
        ("shape", checks.check_logits, r"logits are \(3, 6, 17\), should be \(3, 6, 16\)"),
        ("forward", checks.check_logits, r"project\(extract_features\(\.\.\.\)\) differs from the logits of forward"),
        ("gradients", checks.check_gradients, "unused gets no gradient"),
        ("registered", checks.check_registered_parameters, r"^temperature, a tensor \(1,\), takes part in training"),
        ("projection", checks.check_projection, "project does something else than projection_weights says"),
        ("checkpoint", checks.check_checkpoint, "the checkpoint does not hold everything"),
        ("deterministic", checks.check_deterministic, "evaluation depends on chance"),
        ("padding", checks.check_padding, "padding of source_tokens changes the logits"),
        ("batch", checks.check_batch, "another sentence of the batch changes the logits"),
        ("attention of fewer tokens", check_attention, r"attention is \(3, 5, 6\), should be \(3, 6, 6\): \(B, T, S\)"),
        ("attention as scores", check_attention, "some attention is below 0: tell probabilities"),
        ("attention as sums", check_attention, "the attention of a target token does not add up to 1"),
        ("attention to padding", check_attention, "attention goes to padding of the source"),
        ("attention of the batch", check_attention, "another sentence of the batch, changes the attention"),
        ("attention beside other logits", check_attention, "the logits beside the attention differ from those of"),
        ("causal", checks.check_causality, "a later token changes the logits at position 0"),
        ("bf16", checks.check_bf16, "logits are not finite in bfloat16"),
        ("compiles", checks.check_compiles, "torch.compile changes the loss"),
        ("prefilling", check_prefilling, r"after prefill\(tokens\) decode_step gives other logits"),
        ("none", check_incremental_decoding, "decode_step differs from a full pass at position 1"),
    ],
)
def test_a_fault_is_found(fault: str, check: Check, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(FaultyConfig(fault), toy_task())


@dataclass
class BareConfig(ModelConfig):
    """Config of a model that has only what every model must have."""


class Bare(Model):
    """Logits alone."""

    def __init__(self, cfg: BareConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.logits = torch.nn.Embedding(len(task.target_dictionary), len(task.target_dictionary))

    def forward(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the logits (B, T, V)."""
        logits: Tensor = self.logits(prev_output_tokens)
        return logits


@dataclass
class PackedConfig(ModelConfig):
    """A language model that sees documents, and may see past them."""

    sees_past: bool = False


class Packed(DecoderModel):
    """Predicts from the sum of the tokens of a document so far."""

    def __init__(self, cfg: PackedConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.sees_past = cfg.sees_past
        self.tokens = torch.nn.Embedding(len(task.source_dictionary), 4)
        self.logits = torch.nn.Linear(4, len(task.target_dictionary))

    def extract_features(self, source_tokens: Tensor, source_documents: Tensor | None = None, **_: Tensor) -> Tensor:
        """Return features (B, S, D)."""
        documents = torch.zeros_like(source_tokens) if source_documents is None else source_documents
        visible = documents[:, :, None] == documents[:, None]
        seen = torch.ones_like(visible).tril() if self.sees_past else visible.tril()
        features: Tensor = seen.float() @ self.tokens(source_tokens)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Return logits (..., V)."""
        logits: Tensor = self.logits(features)
        return logits


def test_documents_are_kept_apart() -> None:
    REGISTRY.register("packed", PackedConfig)(Packed)
    checks.check_model(PackedConfig(), toy_task(), compiled=False)
    with pytest.raises(AssertionError, match="another document in the row changes the logits: hide it"):
        checks.check_documents(PackedConfig(sees_past=True), toy_task())


def test_what_a_model_lacks_does_not_concern_it() -> None:
    REGISTRY.register("bare", BareConfig)(Bare)
    reasons = [check(BareConfig(), toy_task()) for check in (check_incremental_decoding, check_reordering)]
    assert reasons == ["the model has no decode_step: it is decoded by full forward passes"] * 2
    assert checks.check_projection(BareConfig(), toy_task()) == "the model has no projection_weights"
    assert (
        check_prefilling(BareConfig(), toy_task()) == "the model has no prefill: given tokens are taken up one by one"
    )
    assert checks.check_documents(BareConfig(), toy_task()) == "it is no language model"
    assert check_attention(BareConfig(), toy_task()) == "the model does not tell its attention to the source"
    checks.check_model(BareConfig(), toy_task())


def test_parameters_that_start_at_zero_hide_nothing() -> None:
    REGISTRY.register("bare", BareConfig)(Bare)
    task = toy_task()
    made = build(BareConfig(), task)
    assert all(parameter.any() for parameter in made.parameters())
    assert torch.equal(made.state_dict()["logits.weight"], build(BareConfig(), task).state_dict()["logits.weight"])
