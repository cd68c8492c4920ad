"""Each check finds the mistake that it is there for."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from seqtrain.criterions import REGISTRY, Batch, Criterion, CriterionConfig, LossOutput, Model, Sum, TaskInfo
from seqtrain.testing import criterions as checks
from seqtrain.testing.guarantees import Check
from seqtrain.testing.judged import ProjectingModel
from seqtrain.testing.toy import toy_task


@dataclass
class FaultyConfig(CriterionConfig):
    """A criterion that is sound but for one fault."""

    fault: str = "none"
    """What is wrong."""


class Faulty(Criterion):
    def __init__(self, cfg: FaultyConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.fault = cfg.fault
        self.sentence_avg = cfg.sentence_avg
        self.pad = task.target_dictionary.pad

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        output = model(**batch.net_input)
        logits = output if isinstance(output, Tensor) else output.logits
        ignored = -100 if self.fault == "padding" else self.pad
        target = batch.target.flatten()
        loss = functional.cross_entropy(logits.flatten(0, 1), target, ignore_index=ignored, reduction="sum")
        if self.fault == "mean":
            loss = loss / max(batch.ntokens, 1)
        if self.fault == "gradients" and isinstance(model, ProjectingModel):
            loss = 2 * loss - loss.detach()
        if self.fault == "bf16" and torch.is_autocast_enabled("cpu"):
            loss = 2 * loss
        if self.fault == "without_gradients" and not torch.is_grad_enabled():
            loss = loss * 0
        likelihood = loss.detach() if self.training or self.fault != "evaluation" else 2 * loss.detach()
        reported = loss if self.fault == "loss" else loss.detach()
        sample_size = batch.nsentences if self.sentence_avg and self.fault != "sample_size" else batch.ntokens
        return LossOutput(
            loss,
            sample_size,
            {name: Sum(value, batch.ntokens) for name, value in {"loss": reported, "nll_loss": likelihood}.items()},
        )


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield
    REGISTRY.forget({__name__})


def test_a_sound_criterion_passes() -> None:
    checks.check_criterion(FaultyConfig(), toy_task())


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("loss", checks.check_loss, "metric loss is not detached"),
        ("sample_size", checks.check_sample_size, "sample_size is 15 with .*sentence_avg=true, should be 4 sentences"),
        ("gradients", checks.check_gradients, "the gradient depends on how the model gives its logits"),
        ("without_gradients", checks.check_without_gradients, "the loss differs where gradients are off"),
        ("evaluation", checks.check_evaluation, "sample_size or nll_loss differ in evaluation"),
        ("padding", checks.check_padding, "padding changes the loss, the sample_size or a metric"),
        ("mean", checks.check_sum, "halves of a batch do not add up to it: the loss and each metric must be sums"),
        ("mean", checks.check_accumulation, "gradients of a batch's halves do not add up to the batch's"),
        ("padding", checks.check_empty, "the loss of padding alone is"),
        ("bf16", checks.check_bf16, "the loss in bfloat16 is far from that in float32"),
    ],
)
def test_a_fault_is_found(fault: str, check: Check, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(FaultyConfig(fault=fault), toy_task())
