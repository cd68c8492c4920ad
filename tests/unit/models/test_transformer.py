from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor

from seqtrain.base import TaskInfo
from seqtrain.errors import ConfigError, DataError
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.nn.decoder import DecoderLayer
from seqtrain.nn.encoder import EncoderLayer
from seqtrain.nn.feed_forward import ACTIVATIONS, Activation, FeedForward
from seqtrain.nn.initialization import Initialization
from seqtrain.nn.norm import Norm
from seqtrain.nn.positions import Positions
from seqtrain.testing.models import check_model, random_input
from seqtrain.testing.toy import ToyDictionary, toy_task
from tests.unit.models.parameter_counts import transformer_parameters

CONF = Path(__file__).parents[3] / "conf"


def small(**values: Any) -> TransformerConfig:
    sizes = {"embed_dim": 16, "ffn_embed_dim": 24, "layers": 2, "attention_heads": 2}
    return TransformerConfig(**{f"{side}_{k}": v for side in ("encoder", "decoder") for k, v in sizes.items()} | values)


def build(cfg: TransformerConfig | None = None, task: TaskInfo | None = None) -> Transformer:
    torch.manual_seed(1)
    return Transformer(cfg or small(), task or toy_task(joint=True))


def logits(model: Transformer, net_input: dict[str, Tensor]) -> Tensor:
    out: Tensor = model(**net_input)
    return out


def backward(x: Tensor) -> None:
    x.square().mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


TIES = ("share_all_embeddings", "share_decoder_input_output_embed", "")


VARIANTS = [*product([False, True], Positions, [""]), *product([False, True], [Positions.sinusoidal], TIES[:2])]


@pytest.mark.parametrize(("normalize_before", "positions", "tie"), VARIANTS)
def test_every_variant_is_sound(normalize_before: bool, positions: Positions, tie: str) -> None:
    cfg = small(
        **({tie: True} if tie else {}),
        encoder_normalize_before=normalize_before,
        decoder_normalize_before=normalize_before,
        positions=positions,
        layernorm_embedding=positions is Positions.learned,
        no_scale_embedding=positions is Positions.learned,
    )
    check_model(cfg, toy_task(joint=True), compiled=False)


def test_sides_of_different_sizes_are_sound() -> None:
    check_model(small(decoder_embed_dim=12, decoder_layers=1, decoder_attention_heads=3), toy_task())


def test_an_adaptive_softmax_is_sound() -> None:
    check_model(small(adaptive_softmax_cutoff=[6, 10], adaptive_softmax_dropout=0.1), toy_task())


@pytest.mark.parametrize("activation", Activation)
def test_the_activation_is_that_of_both_sides(activation: Activation) -> None:
    networks = [x for x in build(small(activation_fn=activation)).modules() if isinstance(x, FeedForward)]
    assert [x.activation for x in networks] == [ACTIVATIONS[activation]] * 4


@pytest.mark.parametrize("rate", ["dropout", "attention_dropout", "activation_dropout"])
def test_each_dropout_makes_training_depend_on_the_seed(rate: str) -> None:
    net_input = random_input(build(), toy_task(joint=True))
    model = build(small(**{"dropout": 0.0, rate: 0.5}))
    assert not torch.equal(logits(model, net_input), logits(model, net_input))
    model.eval()
    assert torch.equal(logits(model, net_input), logits(model, net_input))


def test_layer_drop_leaves_no_parameter_without_gradient() -> None:
    model = build(small(dropout=0.0, encoder_layerdrop=0.5, decoder_layerdrop=0.5))
    net_input = random_input(model, toy_task(joint=True))
    outputs = set()
    for seed in range(20):
        torch.manual_seed(seed)
        outputs.add(round(logits(model, net_input).square().sum().item(), 2))
        model.zero_grad()
        backward(logits(model, net_input))
        assert all(parameter.grad is not None for parameter in model.parameters())
    assert 4 < len(outputs) <= 16  # 2+2 layers, each there or not


def test_initialisation() -> None:
    state = build(small(encoder_embed_dim=64, decoder_embed_dim=64)).state_dict()
    for name, x in state.items():
        if name.endswith(("norm.bias", "out_proj.bias")):
            assert x.count_nonzero() == 0, name
        elif "norm" in name:
            assert (x == 1).all(), name
    layer = "decoder.layers.1."
    # Xavier: sqrt(6 / (in + out)), each of queries, keys, values divided by sqrt(2).
    assert_bound(state[layer + "self_attention.qkv_proj.weight"], 0.1531)
    assert_bound(state[layer + "cross_attention.q_proj.weight"], 0.1531)
    assert_bound(state[layer + "cross_attention.kv_proj.weight"], 0.1531)
    assert_bound(state[layer + "cross_attention.out_proj.weight"], 0.2166)
    # torch's own for the rest: 1 / sqrt(in), here 64.
    assert_bound(state[layer + "feed_forward.fc1.weight"], 0.125)
    assert_bound(state[layer + "self_attention.qkv_proj.bias"], 0.125)
    for name in ("encoder.embedding.tokens", "decoder.embedding.tokens", "output_projection"):
        assert 0.115 < state[name + ".weight"].std() < 0.135  # 1 / sqrt(64) = 0.125
    assert state["encoder.embedding.tokens.weight"][1].count_nonzero() == 0


def assert_bound(weight: Tensor, bound: float) -> None:
    assert 0.9 * bound < weight.abs().max() <= bound


@pytest.mark.parametrize("tie", TIES)
def test_tied_parameters_are_one(tie: str) -> None:
    model = build(small(**{tie: True} if tie else {}))
    tables = {id(x.weight) for x in (model.encoder.embedding.tokens, model.decoder.embedding.tokens)}
    assert len(tables | {id(model.output_projection.weight)}) == 1 + TIES.index(tie)


def test_untied_padding_gets_no_gradient() -> None:
    model = build()
    backward(logits(model, random_input(model, toy_task(joint=True))))
    for side in ("encoder", "decoder"):
        gradient = model.get_parameter(f"{side}.embedding.tokens.weight").grad
        assert gradient is not None
        assert gradient[1].count_nonzero() == 0


SUMS = {
    "encoder.embedding.tokens.weight": 4.063,
    "encoder.layers.1.self_attention.qkv_proj.weight": 2.734,
    "decoder.layers.0.cross_attention.kv_proj.weight": 4.65,
    "decoder.layers.1.feed_forward.fc2.bias": 0.374,
    "output_projection.weight": 1.951,
}
"""Sums of some parameters of a model of seed 1."""
PRESETS = {
    "transformer": (512, 2048, 6, False, 3),
    "transformer_tiny": (64, 64, 2, False, 3),
    "transformer_iwslt_de_en": (512, 1024, 6, False, 3),
    "transformer_wmt_en_de": (512, 2048, 6, False, 3),
    "transformer_vaswani_wmt_en_de_big": (1024, 4096, 6, False, 3),
    "transformer_vaswani_wmt_en_fr_big": (1024, 4096, 6, False, 3),
    "transformer_wmt_en_de_big": (1024, 4096, 6, False, 3),
    "transformer_wmt_en_de_big_t2t": (1024, 4096, 6, True, 3),
    "transformer_multi30k_tiny": (128, 256, 4, False, 1),
}
"""embed_dim, ffn_embed_dim, layers and final norms of both sides, and how many tables of embeddings there are."""


def preset(name: str) -> TransformerConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = OmegaConf.to_object(compose(overrides=[f"+model={name}"]).model)
    assert isinstance(cfg, TransformerConfig)
    return cfg


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_of_presets(name: str) -> None:
    d, f, layers, final_norms, tables = PRESETS[name]
    attention, ffn, norm = 4 * d * (d + 1), 2 * d * f + d + f, 2 * d
    encoder_layer, decoder_layer = attention + ffn + 2 * norm, 2 * attention + ffn + 3 * norm
    expected = layers * (encoder_layer + decoder_layer) + 2 * final_norms * norm + tables * 1000 * d
    assert parameters(preset(name)) == transformer_parameters(preset(name), (1000, 1000), (7, 9)) == expected


def parameters(cfg: TransformerConfig) -> int:
    dictionary = ToyDictionary([f"w{n}" for n in range(996)])
    with torch.device("meta"):
        model = Transformer(cfg, TaskInfo(dictionary, dictionary, max_positions=(7, 9)))
    return sum(parameter.numel() for parameter in model.parameters())


OPTIONS: list[dict[str, Any]] = [
    {"activation_fn": Activation.swiglu},
    {"activation_fn": Activation.geglu, "bias": False},
    {"positions": Positions.learned, "layernorm_embedding": True},
    {"positions": Positions.rotary},
    {"positions": Positions.alibi},
    {"norm": Norm.rms_norm},
    {"qk_norm": True},
    {"qk_norm": True, "bias": False},
    {"bias": False, "norm": Norm.rms_norm, "qk_norm": True},
    {"encoder_kv_heads": 1},
    {"decoder_kv_heads": 1, "decoder_embed_dim": 24, "decoder_normalize_before": True},
    {"share_all_embeddings": True},
    {"share_decoder_input_output_embed": True, "encoder_layers": 3},
    {"deep_norm": True, "init": Initialization.fairseq, "checkpoint_activations": True},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_parameters_of_options(options: dict[str, Any]) -> None:
    cfg = small(**options)
    assert parameters(cfg) == transformer_parameters(cfg, (1000, 1000), (7, 9))


def test_defaults_start_as_ever() -> None:
    """A change to the order of random draws, or to names, is one that every run and checkpoint would notice."""
    state = build().state_dict()
    assert len(state) == 67
    sums = {name: round(x.double().sum().item(), 3) for name, x in state.items() if name in SUMS}
    assert sums == pytest.approx(SUMS, abs=2e-3)


def test_deep_norm_depends_on_both_depths() -> None:
    model = build(small(deep_norm=True, encoder_layers=4, decoder_layers=16, decoder_kv_heads=1))
    encoder, decoder = model.encoder.layers[0], model.decoder.layers[0]
    assert isinstance(encoder, EncoderLayer) and isinstance(decoder, DecoderLayer)
    # 0.81 (4^4 16)^(1/16) = 0.81 * 1.681793; (3 * 16)^(1/4).
    assert (encoder.residual_scale, decoder.residual_scale) == pytest.approx((1.362252, 2.632148), abs=1e-6)
    # Gains 0.87 / 1.681793 = 0.517305 and (12 * 16)^(-1/4) = 0.268642, Xavier sqrt(2 / (16 + 24)) = 0.223607.
    assert encoder.feed_forward.fc1.weight.std().item() == pytest.approx(0.115673, rel=0.15)
    assert decoder.feed_forward.fc1.weight.std().item() == pytest.approx(0.060070, rel=0.15)


def test_weights_that_start_as_in_gpt2() -> None:
    model = build(small(init=Initialization.gpt2, encoder_embed_dim=64, decoder_embed_dim=64))
    state = model.state_dict()
    names = ("encoder.embedding.tokens", "output_projection", "decoder.layers.0.feed_forward.fc1")
    assert [state[f"{name}.weight"].std().item() for name in names] == pytest.approx([0.02] * 3, rel=0.1)
    # Two layers: four residual connections in the encoder, six in the decoder.
    ends = [state[f"{side}.layers.0.feed_forward.fc2.weight"].std().item() for side in ("encoder", "decoder")]
    assert ends == pytest.approx([0.01, 0.008165], rel=0.1)


def test_layers_computed_again_give_the_same_bits() -> None:
    options: dict[str, Any] = {"dropout": 0.3, "encoder_layerdrop": 0.3, "decoder_layerdrop": 0.3}

    def gradients(again: bool) -> list[Tensor | None]:
        model = build(small(checkpoint_activations=again, **options))
        backward(logits(model, random_input(model, toy_task(joint=True))))
        return [parameter.grad for parameter in model.parameters()]

    for kept, again in zip(gradients(False), gradients(True), strict=True):
        assert kept is not None and again is not None and torch.equal(kept, again)


@pytest.mark.parametrize(
    ("name", "heads", "rates"),
    [
        ("transformer_tiny", 2, (0.1, 0.0, 0.0)),
        ("transformer_iwslt_de_en", 4, (0.1, 0.0, 0.0)),
        ("transformer_wmt_en_de", 8, (0.1, 0.0, 0.0)),
        ("transformer_vaswani_wmt_en_de_big", 16, (0.3, 0.0, 0.0)),
        ("transformer_vaswani_wmt_en_fr_big", 16, (0.1, 0.0, 0.0)),
        ("transformer_wmt_en_de_big", 16, (0.3, 0.1, 0.0)),
        ("transformer_wmt_en_de_big_t2t", 16, (0.3, 0.1, 0.1)),
        ("transformer_multi30k_tiny", 4, (0.3, 0.0, 0.0)),
    ],
)
def test_heads_and_dropout_of_presets(name: str, heads: int, rates: tuple[float, ...]) -> None:
    cfg = preset(name)
    assert (cfg.encoder_attention_heads, cfg.decoder_attention_heads) == (heads, heads)
    assert (cfg.dropout, cfg.attention_dropout, cfg.activation_dropout) == rates


def test_what_is_encoded_holds_keys_and_values_once_a_sentence() -> None:
    model = build()
    encoded = model.encode(source_tokens=torch.tensor([[4, 5, 2], [6, 2, 1]]), source_lengths=torch.tensor([3, 2]))
    assert encoded.features.shape == (2, 16, 16)
    assert encoded.padding_mask.tolist() == [[False] * 3 + [True] * 13, [False] * 2 + [True] * 14]
    assert [x.shape for layer in encoded.cross for x in layer] == [(2, 2, 16, 8)] * 4
    kept = encoded.reorder(torch.tensor([1]))
    assert torch.equal(kept.cross[1].values, encoded.cross[1].values[1:])
    assert kept.padding_mask.tolist() == [[False] * 2 + [True] * 14]


def test_sinusoidal_decoding_goes_beyond_max_positions() -> None:
    model = build(task=toy_task(joint=True, max_positions=(4, 4))).eval()
    source = {"source_tokens": torch.tensor([[4, 5, 6, 7, 8, 2]]), "source_lengths": torch.tensor([6])}
    tokens = torch.tensor([[2, 4, 5, 6, 7, 8]])
    with torch.no_grad():
        encoded = model.encode(**source)
        state = model.new_state(encoded, 1, 6)
        steps = [model.decode_step(tokens[:, position], encoded, state) for position in range(6)]
    full = logits(model, {**source, "prev_output_tokens": tokens})
    torch.testing.assert_close(torch.stack(steps, 1), full, atol=1e-5, rtol=1e-5)


def test_too_long_for_learned_positions() -> None:
    model = build(small(positions=Positions.learned), toy_task(joint=True, max_positions=(4, 8)))
    assert model.encoder.embedding.positions is not model.decoder.embedding.positions
    source = torch.tensor([[4, 5, 6, 7, 2]])
    with pytest.raises(DataError, match=r"a sequence of 5 tokens.*the 4 learned positions"):
        model.encode(source, torch.tensor([5]))


def test_bf16_autocast() -> None:
    model = build()
    net_input = random_input(model, toy_task(joint=True))
    with torch.autocast("cpu", torch.bfloat16):
        backward(logits(model, net_input))
        assert all(x.grad is not None and x.grad.isfinite().all() for x in model.parameters())
        model.eval()
        full = logits(model, net_input)
        encoded = model.encode(net_input["source_tokens"], net_input["source_lengths"])
        state = model.new_state(encoded, 3, 4)
        assert state.caches[0].filled.keys.dtype == torch.bfloat16
        for position in range(4):
            step = model.decode_step(net_input["prev_output_tokens"][:, position], encoded, state)
    torch.testing.assert_close(step, full[:, 3], atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dropout": 1.0}, r"TransformerConfig\.dropout=1\.0 must be at least 0 and below 1"),
        ({"attention_dropout": -0.1}, r"TransformerConfig\.attention_dropout=-0\.1"),
        ({"decoder_layerdrop": 7.0}, r"TransformerConfig\.decoder_layerdrop=7\.0"),
        ({"dropout": float("nan")}, r"TransformerConfig\.dropout=nan"),
        ({"encoder_layers": 0}, r"TransformerConfig\.encoder_layers=0 must be at least 1"),
        ({"decoder_attention_heads": 0}, r"TransformerConfig\.decoder_attention_heads=0"),
        ({"encoder_attention_heads": 7}, r"model\.encoder_embed_dim=512 .*model\.encoder_attention_heads=7.*divides"),
        ({"decoder_kv_heads": 3}, r"model\.decoder_attention_heads=8 .*model\.decoder_kv_heads=3 evenly.*divides"),
        ({"encoder_kv_heads": 16}, r"model\.encoder_attention_heads=8 .*model\.encoder_kv_heads=16 evenly"),
        ({"encoder_kv_heads": 0}, r"TransformerConfig\.encoder_kv_heads=0 must be at least 1"),
        ({"positions": Positions.rotary, "decoder_embed_dim": 40}, r"odd dimension 5: .*model\.decoder_embed_dim=40"),
        ({"deep_norm": True, "encoder_normalize_before": True}, r"set model\.encoder_normalize_before=false"),
        ({"deep_norm": True, "init": Initialization.gpt2}, r"model\.deep_norm=true .*model\.init=gpt2: leave out one"),
        ({"rotary_base": 1.0}, r"TransformerConfig\.rotary_base=1\.0 must be above 1"),
        ({"norm_eps": 0.0}, r"TransformerConfig\.norm_eps=0\.0 must be above 0"),
        (
            {"share_all_embeddings": True, "adaptive_softmax_cutoff": [8]},
            r"is for a linear output projection, but model\.adaptive_softmax_cutoff=\[8\] is set",
        ),
        ({"share_all_embeddings": True, "decoder_embed_dim": 256}, r"model\.decoder_embed_dim=256: make them equal"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransformerConfig(**values)


def test_shared_embeddings_need_a_joint_dictionary() -> None:
    with pytest.raises(ConfigError, match=r"set task\.joined_dictionary=true, or model\.share_all_embeddings=false"):
        build(small(share_all_embeddings=True), toy_task())


def test_it_tells_the_mean_attention_of_the_chosen_heads() -> None:
    task = toy_task()
    told = {}
    for layer, heads in ((0, 2), (1, 2), (-1, 1)):
        model = build(small(alignment_layer=layer, alignment_heads=heads), task).eval()
        inputs = random_input(model, task)
        features, told[layer] = model.extract_with_attention(**inputs)
        torch.testing.assert_close(features, model.extract_features(**inputs))
    assert told[0].shape == (3, 6, 6)
    torch.testing.assert_close(told[0].sum(dim=2), torch.ones(3, 6))
    assert not told[0][1, :, 3:].any(), "padding of the source"
    assert not torch.equal(told[0], told[1]) and not torch.equal(told[-1], told[1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"alignment_layer": 6}, r"model\.alignment_layer=6 must be below model\.decoder_layers=6"),
        ({"alignment_heads": 9}, r"model\.alignment_heads=9 are more than model\.decoder_attention_heads=8"),
    ],
)
def test_the_attention_that_is_told_is_there(values: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TransformerConfig(**values)  # type: ignore[arg-type]  # one of several types
