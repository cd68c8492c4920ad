"""Every registered model passes the checks that ``seqtrain.testing.models`` offers for plug-ins."""

from typing import Any

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence

from seqtrain.base import DecoderModel, logits_of
from seqtrain.config import GenerationConfig, ModelConfig
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.forced import ForcedDecoder
from seqtrain.models import REGISTRY
from seqtrain.nn import columns
from seqtrain.nn.ensemble import Ensemble
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.initialization import Initialization
from seqtrain.nn.int8 import in_int8
from seqtrain.nn.norm import Norm
from seqtrain.nn.positions import Positions
from seqtrain.plugins import import_builtin
from seqtrain.testing.guarantees import Check
from seqtrain.testing.inputs import build, random_input, run, seeded
from seqtrain.testing.models import CHECKS, check_builds_on_meta
from seqtrain.testing.toy import toy_task

import_builtin()

SIZES = {"embed_dim": 8, "ffn_embed_dim": 12, "layers": 2, "attention_heads": 2}
BOTH = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in SIZES.items()}
SMALL = {
    "transformer": BOTH,
    "transformer_align": BOTH | {"alignment_layer": 0},
    "transformer_lm": {f"decoder_{name}": value for name, value in SIZES.items()},
    "lstm": {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"embed_dim": 6, "hidden_size": 8, "layers": 2}.items()
    }
    | {"decoder_out_embed_dim": 8},
    "lstm_lm": {"decoder_embed_dim": 6, "decoder_hidden_size": 8, "decoder_layers": 2, "decoder_out_embed_dim": 8},
}
"""Values that make a model small; other models are checked with their defaults."""

OPTIONS: dict[str, dict[str, Any]] = {
    "transformer like a Llama": {
        "activation_fn": Activation.swiglu,
        "positions": Positions.rotary,
        "norm": Norm.rms_norm,
        "bias": False,
        "encoder_normalize_before": True,
        "decoder_normalize_before": True,
        "encoder_kv_heads": 1,
        "decoder_kv_heads": 1,
        "qk_norm": True,
        "checkpoint_activations": True,
    },
    "transformer with ALiBi and DeepNorm": {
        "activation_fn": Activation.geglu,
        "positions": Positions.alibi,
        "deep_norm": True,
        "decoder_kv_heads": 1,
    },
    "transformer like a GPT-2": {
        "activation_fn": Activation.gelu_tanh,
        "positions": Positions.learned,
        "decoder_normalize_before": True,
        "init": Initialization.gpt2,
        "qk_norm": True,
        "no_scale_embedding": True,
        "layernorm_embedding": True,
    },
    "transformer_lm like a Llama": {
        "activation_fn": Activation.swiglu,
        "positions": Positions.rotary,
        "norm": Norm.rms_norm,
        "bias": False,
        "decoder_kv_heads": 1,
        "no_scale_embedding": True,
    },
    "transformer_lm with ALiBi": {"positions": Positions.alibi, "decoder_normalize_before": False, "deep_norm": True},
    "transformer_lm like a GPT-2": {
        "activation_fn": Activation.gelu_tanh,
        "positions": Positions.learned,
        "init": Initialization.gpt2,
        "no_scale_embedding": True,
    },
    "transformer_lm that is adaptive": {
        "adaptive_input_cutoff": [6, 10],
        "adaptive_input_factor": 2.0,
        "adaptive_softmax_cutoff": [6, 10],
        "adaptive_softmax_factor": 2.0,
        "adaptive_softmax_dropout": 0.2,
        "no_decoder_final_norm": True,
    },
    "lstm that reads from both ends": {
        "encoder_bidirectional": True,
        "decoder_out_embed_dim": 6,
        "share_decoder_input_output_embed": True,
        "encoder_dropout_in": 0.2,
        "encoder_dropout_out": 0.0,
        "decoder_dropout_in": 0.0,
        "decoder_dropout_out": 0.2,
    },
    "lstm without attention": {
        "decoder_attention": False,
        "encoder_hidden_size": 5,
        "adaptive_softmax_cutoff": [8],
        "adaptive_softmax_factor": 2.0,
        "adaptive_softmax_dropout": 0.2,
    },
    "lstm_lm with all that it may have": {
        "residuals": True,
        "decoder_out_embed_dim": 7,
        "adaptive_softmax_cutoff": [8],
        "decoder_dropout_in": 0.2,
        "decoder_dropout_out": 0.0,
    },
}
"""Further configs: a model's name and what it is like, and its options, so that each is on at least once."""


def small(name: str, **options: Any) -> ModelConfig:
    cfg = REGISTRY.entry(name).config_type(**SMALL.get(name, {}) | options)
    assert isinstance(cfg, ModelConfig)
    return cfg


@pytest.mark.parametrize("name", REGISTRY.names())
@pytest.mark.parametrize("check", CHECKS)
def test_model(check: Check, name: str) -> None:
    check(small(name), toy_task())


@pytest.mark.parametrize("like", OPTIONS)
@pytest.mark.parametrize("check", CHECKS)
def test_model_with_options(check: Check, like: str) -> None:
    check(small(like.split(maxsplit=1)[0], **OPTIONS[like]), toy_task())


@pytest.mark.parametrize(
    ("name", "drops"),
    [("transformer", ["encoder_layerdrop", "decoder_layerdrop"]), ("transformer_lm", ["decoder_layerdrop"])],
)
def test_compiles_as_one_graph(name: str, drops: list[str]) -> None:
    rates: dict[str, Any] = dict.fromkeys(drops, 0.1)
    model = build(small(name, dropout=0.0, **rates), toy_task()).train()
    net_input = random_input(model, toy_task())
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    expected = seeded(lambda: run(model, net_input))
    torch.testing.assert_close(seeded(lambda: logits_of(compiled(**net_input))), expected)


@pytest.mark.parametrize("name", REGISTRY.names())
def test_what_an_ensemble_with_another_model_finds_has_the_score_of_a_full_pass(name: str) -> None:
    task = toy_task(joint=True)
    model = build(small(name), task)
    is_language_model = isinstance(model, DecoderModel)
    ensemble = Ensemble([model, build(small("transformer_lm" if is_language_model else "transformer"), task, seed=2)])
    source = {name: x for name, x in random_input(model, task).items() if name.startswith("source_")}
    given = {"prefix_tokens": source["source_tokens"][:, :2]} if is_language_model else source
    found = SequenceGenerator(GenerationConfig(beam=3, max_len_b=8), ensemble, task).generate(given)
    target = pad_sequence([best.tokens for (best,) in found], batch_first=True, padding_value=1)
    whole = ({} if is_language_model else source) | {"target_tokens": target, "line_numbers": torch.arange(3)}
    for (best,), (forced,) in zip(found, ForcedDecoder(ensemble, task).generate(whole), strict=True):
        torch.testing.assert_close(best.positional_scores, forced.positional_scores, atol=1e-4, rtol=1e-4)
        assert best.score == pytest.approx(forced.score, abs=1e-4)


@pytest.mark.parametrize("like", [*REGISTRY.names(), *OPTIONS])
def test_in_8_bits_a_model_does_much_the_same(like: str) -> None:
    model = build(small(like.split(maxsplit=1)[0], **OPTIONS.get(like, {})), toy_task()).eval()
    net_input = random_input(model, toy_task())
    found, expected = run(in_int8(model), net_input), run(model, net_input)
    assert found.shape == expected.shape
    assert 0 < (found - expected).norm() < 0.05 * expected.norm()


@pytest.mark.parametrize("like", [*REGISTRY.names(), *OPTIONS])
def test_with_weights_column_by_column_a_model_does_the_same(like: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "COLUMNS_ARE_AHEAD", True)
    model = build(small(like.split(maxsplit=1)[0], **OPTIONS.get(like, {})), toy_task()).eval()
    net_input, copied = random_input(model, toy_task()), columns.columns_first(model)
    assert any(isinstance(module, columns.ColumnsLinear) for module in copied.modules())
    torch.testing.assert_close(run(copied, net_input), run(model, net_input))


@pytest.mark.parametrize("name", REGISTRY.names())
def test_default_config_builds(name: str) -> None:
    cfg = REGISTRY.entry(name).config_type()
    assert isinstance(cfg, ModelConfig)
    check_builds_on_meta(cfg, toy_task())
