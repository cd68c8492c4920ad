"""What models that tell how their target attends to its source guarantee of it."""

import torch

from seqtrain.base import Dictionary, with_attention
from seqtrain.config import ModelConfig
from seqtrain.models import FeatureModel, TaskInfo
from seqtrain.testing.guarantees import assert_close
from seqtrain.testing.inputs import alone, build, predicted, random_input, run


@torch.no_grad()
def check_attention(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Attention that is told is a share of each source token, none of padding; the logits are those of forward."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task)
    if (found := with_attention(model, net_input)) is None:
        return "the model does not tell its attention to the source"
    given, attention = found
    padding = net_input["source_tokens"].eq(Dictionary.pad)
    expected = (*predicted(net_input).shape, padding.size(1))
    assert attention.shape == expected, f"attention is {tuple(attention.shape)}, should be {expected}: (B, T, S)"
    assert attention.ge(0).all(), "some attention is below 0: tell probabilities, not their logarithms"
    assert_close(attention.sum(2), torch.ones(expected[:2]), "the attention of a target token does not add up to 1")
    assert not attention[padding[:, None].expand(expected)].any(), "attention goes to padding of the source"
    logits = model.project(given) if isinstance(model, FeatureModel) else given
    assert_close(logits, run(model, net_input), "the logits beside the attention differ from those of forward")
    for row in range(len(attention)):
        _, told = with_attention(model, alone(net_input, row)) or found
        what = "padding, or another sentence of the batch, changes the attention"
        assert_close(attention[[row], : told.size(1), : told.size(2)], told, what)
    return None
