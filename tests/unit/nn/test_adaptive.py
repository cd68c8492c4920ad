import math

import pytest
import torch
from torch import Tensor, nn

from seqtrain.errors import ConfigError
from seqtrain.nn.adaptive import AdaptiveEmbedding, AdaptiveSoftmax, Band, bands_of

BANDS = bands_of(10, [4, 7], dim=8, factor=2)
TOKENS = torch.tensor([[0, 3, 4, 6], [7, 9, 1, 5]])


def softmax(
    dropout: float = 0.0, tied_to: AdaptiveEmbedding | None = None, tie_projections: bool = False
) -> AdaptiveSoftmax:
    torch.manual_seed(1)
    return AdaptiveSoftmax(BANDS, dropout, tied_to, tie_projections=tie_projections)


def embedding() -> AdaptiveEmbedding:
    torch.manual_seed(1)
    return AdaptiveEmbedding(BANDS, pad=1)


def backward(x: Tensor) -> None:
    x.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


def test_bands() -> None:
    assert bands_of(10, [4, 7], dim=8, factor=2) == [Band(0, 4, 8), Band(4, 7, 4), Band(7, 10, 2)]
    # Those of fairseq's transformer_lm_wiki103.
    assert bands_of(267_744, [20_000, 60_000], 1024, 4.0) == [
        Band(0, 20_000, 1024),
        Band(20_000, 60_000, 256),
        Band(60_000, 267_744, 64),
    ]


def test_cutoffs_must_be_below_the_size_of_the_vocabulary() -> None:
    with pytest.raises(ConfigError, match=r"cutoffs \[4, 10\] .* below the size of the vocabulary, 10: leave out"):
        bands_of(10, [4, 10], 8, 2)


def test_the_rarest_symbols_must_have_a_dimension() -> None:
    with pytest.raises(ConfigError, match=r"2 cutoffs with factor 4 leave no dimension of 8 for the rarest symbols"):
        bands_of(10, [4, 7], 8, 4)


def test_each_token_is_embedded_by_its_band() -> None:
    table = embedding()
    assert [tuple(weight.shape) for weight in table.weights] == [(4, 8), (3, 4), (3, 2)]
    assert [tuple(projection.shape) for projection in table.projections] == [(8, 8), (8, 4), (8, 2)]
    embedded = table(TOKENS)
    assert embedded.shape == (2, 4, 8)
    for token, found in zip(TOKENS.flatten().tolist(), embedded.flatten(0, 1), strict=True):
        band, row = next((n, token - b.first) for n, b in enumerate(BANDS) if b.first <= token < b.end)
        torch.testing.assert_close(found, table.projections[band] @ table.weights[band][row])


def test_only_padding_gets_no_gradient() -> None:
    """Its number is 1, and in fairseq symbol 1 of every band is taken for it."""
    table = embedding()
    assert [weight[1].any().item() for weight in table.weights] == [False, True, True]
    backward(table(torch.arange(10)).sum())
    rows = torch.cat([weight.grad.any(1) for weight in table.weights if weight.grad is not None])
    assert rows.tolist() == [True, False] + [True] * 8


def test_padding_may_be_in_any_band() -> None:
    assert AdaptiveEmbedding(BANDS, pad=8).pads == [None, None, 1]


def test_tokens_that_are_not_there_get_no_gradient() -> None:
    table = embedding()
    backward(table(torch.tensor([2, 8])).sum())
    rows = [weight.grad.any(1).tolist() for weight in table.weights if weight.grad is not None]
    assert rows == [[False, False, True, False], [False] * 3, [False, True, False]]


def test_log_probabilities_are_those_of_torch() -> None:
    """The module of torch has the same choices, and classes of the first in the same order."""
    ours, torchs = softmax(), nn.AdaptiveLogSoftmaxWithLoss(8, 10, [4, 7], div_value=2)
    with torch.no_grad():
        torchs.head.weight.copy_(torch.cat([ours.weights[0], ours.bands_weight]))
        for number in range(2):
            torchs.get_parameter(f"tail.{number}.0.weight").copy_(ours.projections[number].t())
            torchs.get_parameter(f"tail.{number}.1.weight").copy_(ours.weights[number + 1])
    features = torch.randn(5, 8)
    log_probs = ours(features)
    torch.testing.assert_close(log_probs, torchs.log_prob(features))
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(5))


def test_choices_add_up_to_the_log_probabilities() -> None:
    module, features, target = softmax(), torch.randn(8, 8), TOKENS.flatten()
    total = torch.zeros(())
    for choice in module.choices(features, target):
        assert len(choice.features) == len(choice.target)
        total = total + nn.functional.cross_entropy(choice.features @ choice.weight.t(), choice.target, reduction="sum")
    torch.testing.assert_close(total, -module(features).gather(1, target[:, None]).sum())


def test_choices_by_hand() -> None:
    first, middle, rare = softmax().choices(torch.randn(8, 8), TOKENS.flatten())
    assert first.target.tolist() == [0, 3, 4, 4, 5, 5, 1, 4]
    assert middle.target.tolist() == [0, 2, 1]
    assert rare.target.tolist() == [0, 2]
    assert [choice.weight.shape for choice in (first, middle, rare)] == [(6, 8), (3, 4), (3, 2)]
    assert [choice.features.shape for choice in (first, middle, rare)] == [(8, 8), (3, 4), (2, 2)]


def test_a_band_without_targets_is_an_empty_choice() -> None:
    choices = softmax().choices(torch.randn(2, 8), torch.tensor([2, 0]))
    assert [len(choice.target) for choice in choices] == [2, 0, 0]


@pytest.mark.parametrize("tie_projections", [False, True])
def test_tied_weights_are_those_of_the_embedding(tie_projections: bool) -> None:
    table = embedding()
    module = softmax(tied_to=table, tie_projections=tie_projections)
    assert all(a is b for a, b in zip(module.weights, table.weights, strict=True))
    own = {name for name, x in module.named_parameters() if all(x is not y for y in table.parameters())}
    assert own == {"bands_weight"} | ({"projections.0", "projections.1"} if not tie_projections else set())
    assert module(torch.randn(3, 8)).shape == (3, 10)


def test_log_probabilities_are_in_fp32_at_least() -> None:
    module = softmax().to(torch.bfloat16)
    assert module(torch.randn(3, 8, dtype=torch.bfloat16)).dtype == torch.float32
    assert softmax().double()(torch.randn(3, 8, dtype=torch.float64)).dtype == torch.float64


def test_dropout_is_for_training_only() -> None:
    module, features = softmax(dropout=0.5), torch.randn(3, 8)
    assert not torch.equal(module(features), module(features))
    module.eval()
    assert torch.equal(module(features), module(features))


def test_initialisation_is_xaviers() -> None:
    module = AdaptiveSoftmax(bands_of(200, [100], 64, 4.0))
    for parameter in module.parameters():
        bound = math.sqrt(6 / sum(parameter.shape))
        assert 0.85 * bound < parameter.abs().max() <= bound
