import torch
from torch import nn

from seqtrain.nn.deep_norm import DeepNorm
from seqtrain.nn.layer import TransformerLayer, layer_drop
from seqtrain.nn.norm import Norm, RMSNorm
from seqtrain.nn.spec import LayerSpec

X = torch.tensor([[1.0, 3.0]])


def test_post_norm_by_hand() -> None:
    layer = TransformerLayer(LayerSpec(dim=2, ffn_dim=2, heads=1))
    # x + 2x = (3, 9), normalised (-1, 1).
    out = layer.residual(X, nn.LayerNorm(2), lambda x: 2 * x)
    torch.testing.assert_close(out, torch.tensor([[-1.0, 1.0]]), atol=1e-4, rtol=0)


def test_pre_norm_by_hand() -> None:
    layer = TransformerLayer(LayerSpec(dim=2, ffn_dim=2, heads=1, normalize_before=True))
    # x normalised is (-1, 1); x + 2 (-1, 1) = (-1, 5).
    out = layer.residual(X, nn.LayerNorm(2), lambda x: 2 * x)
    torch.testing.assert_close(out, torch.tensor([[-1.0, 5.0]]), atol=1e-4, rtol=0)


def test_deep_norm_scales_the_residual_by_hand() -> None:
    layer = TransformerLayer(LayerSpec(dim=2, ffn_dim=2, heads=1, deep_norm=DeepNorm(alpha=3.0, beta=1.0)))
    # 3x + 2x.
    assert layer.residual(X, nn.Identity(), lambda x: 2 * x).tolist() == [[5.0, 15.0]]


def test_norms_are_of_the_kind() -> None:
    layer = TransformerLayer(LayerSpec(dim=2, ffn_dim=2, heads=1, norm=Norm.rms_norm, norm_eps=0.5, bias=False))
    for norm in (layer.self_attention_norm, layer.feed_forward_norm):
        assert isinstance(norm, RMSNorm)
        assert norm.eps == 0.5
    assert not [name for name, _ in layer.named_parameters() if name.endswith("bias")]


def test_dropout_spares_the_residual() -> None:
    layer = TransformerLayer(LayerSpec(dim=2, ffn_dim=2, heads=1, normalize_before=True, dropout=0.5))
    values = {layer.residual(torch.ones(1), nn.Identity(), lambda x: x).item() for _ in range(50)}
    assert values == {1.0, 3.0}


def test_final_norm_is_for_pre_norm_only() -> None:
    assert isinstance(LayerSpec(2, 2, 1, normalize_before=True).final_norm(), nn.LayerNorm)
    assert isinstance(LayerSpec(2, 2, 1).final_norm(), nn.Identity)


def test_layer_drop_follows_rate_and_seed() -> None:
    def draws() -> list[float]:
        torch.manual_seed(1)
        return [layer_drop(torch.zeros(()), torch.ones(()), 0.25).item() for _ in range(1000)]

    assert 700 < sum(draws()) < 800
    assert draws() == draws()


def test_a_dropped_layer_gets_zero_gradients() -> None:
    weight = nn.Parameter(torch.ones(()))
    layer_drop(torch.zeros(()), 2 * weight, rate=1.0).backward()  # type: ignore[no-untyped-call]  # torch's
    assert weight.grad == 0
