"""Whether ``torch.compile`` changes what a model and a criterion compute."""

import warnings

import torch
from torch import Tensor
from torch._dynamo.eval_frame import is_dynamo_supported

from seqtrain.base import Batch, Criterion, Model
from seqtrain.testing.guarantees import assert_close
from seqtrain.training.loss_module import LossModule


def compare_compiled(model: Model, criterion: Criterion, batch: Batch) -> str | None:
    """Compare loss and gradients, without dropout; return why that cannot be done, if so.

    Raises:
        AssertionError: they differ.
    """
    if not is_dynamo_supported():
        return "torch.compile does not work with this Python or on this platform"
    module = LossModule(model, criterion).eval()
    expected = _loss_and_gradients(module, batch)
    torch._dynamo.reset()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as hints to speed
            module.compile(backend="aot_eager")
            found = _loss_and_gradients(module, batch)
    finally:
        torch._dynamo.reset()
    for name, tensor in expected.items():
        assert_close(found[name], tensor, f"torch.compile changes {name}")
    return None


def _loss_and_gradients(module: LossModule, batch: Batch) -> dict[str, Tensor]:
    module.zero_grad()
    loss = module(batch).loss
    loss.backward()
    gradients = [p.grad.flatten() for p in module.model.parameters() if p.grad is not None]
    return {"the loss": loss.detach(), "the gradients": torch.cat(gradients)}
