from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import NoSource, TaskInfo
from seqtrain.errors import ConfigError, DataError
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.nn.positions import Positions
from seqtrain.testing.models import check_model
from seqtrain.testing.toy import ToyDictionary, toy_task

SMALL = {"decoder_embed_dim": 16, "decoder_ffn_embed_dim": 24, "decoder_layers": 2, "decoder_attention_heads": 2}


def small(**values: Any) -> TransformerLMConfig:
    return TransformerLMConfig(**SMALL | values)


def build(cfg: TransformerLMConfig | None = None, task: TaskInfo | None = None) -> TransformerLM:
    torch.manual_seed(1)
    return TransformerLM(cfg or small(), task or toy_task(joint=True))


def logits(model: TransformerLM, net_input: dict[str, Tensor]) -> Tensor:
    out: Tensor = model(**net_input)
    return out


@pytest.mark.parametrize("positions", Positions)
def test_every_kind_of_positions_is_sound(positions: Positions) -> None:
    is_learned = positions is Positions.learned
    cfg = small(
        positions=positions,
        decoder_normalize_before=is_learned,
        share_decoder_input_output_embed=is_learned,
        layernorm_embedding=not is_learned,
        no_scale_embedding=is_learned,
    )
    check_model(cfg, toy_task(joint=True), compiled=False)


ADAPTIVE: dict[str, dict[str, Any]] = {
    "softmax": {"adaptive_softmax_cutoff": [8, 16]},
    "input": {"adaptive_input_cutoff": [5, 20], "adaptive_input_factor": 2.0},
    "both": {"adaptive_input_cutoff": [8], "adaptive_softmax_cutoff": [8, 16], "adaptive_softmax_dropout": 0.2},
    "tied": {"adaptive_input_cutoff": [8, 16], "adaptive_softmax_cutoff": [8, 16], "tie_adaptive_weights": True},
}
ADAPTIVE["projections"] = {**ADAPTIVE["tied"], "tie_adaptive_proj": True, "no_decoder_final_norm": True}


@pytest.mark.parametrize("values", ADAPTIVE.values(), ids=ADAPTIVE)
def test_adaptive_variants_are_sound(values: dict[str, Any]) -> None:
    check_model(small(**values), toy_task(joint=True), compiled=values is ADAPTIVE["projections"])


def test_what_is_adaptive_has_the_parameters_that_it_should() -> None:
    """Of 26 symbols 8 have 16 dimensions, 8 have 4, and 10 have 1."""
    words, projections = 8 * 16 + 8 * 4 + 10 * 1, 16 * 4 + 16 * 1
    rest = sum(x.numel() for name, x in build().named_parameters() if ".layers." in name or "norm" in name)
    numbers = {name: sum(x.numel() for x in build(small(**values)).parameters()) for name, values in ADAPTIVE.items()}
    assert numbers["softmax"] == rest + 26 * 16 + 2 * 16 + words + projections
    assert numbers["tied"] == rest + words + 16 * 16 + projections + 2 * 16 + projections
    assert numbers["projections"] == numbers["tied"] - projections - 2 * 16  # no final norm either


def test_without_an_encoder_there_is_nothing_to_attend_to() -> None:
    model = build()
    assert model.encode(source_tokens=torch.tensor([[4, 5]])) == NoSource()
    assert not any("cross" in name or "encoder" in name for name, _ in model.named_parameters())


def test_layers_are_pre_norm_unless_told_otherwise() -> None:
    assert isinstance(build().decoder.norm, torch.nn.LayerNorm)
    assert isinstance(build(small(decoder_normalize_before=False)).decoder.norm, torch.nn.Identity)


def test_the_output_projection_is_the_embedding_if_shared() -> None:
    shared = build(small(share_decoder_input_output_embed=True))
    assert shared.output_projection.weight is shared.decoder.embedding.tokens.weight
    own = build()
    assert own.output_projection.weight is not own.decoder.embedding.tokens.weight


def test_prefilling_adds_all_tokens_to_the_state() -> None:
    model = build().eval()
    tokens = torch.tensor([[2, 4, 5, 6], [2, 6, 4, 7]])
    with torch.no_grad():
        state = model.new_state(NoSource(), 2, 4)
        model.prefill(tokens[:, :3], NoSource(), state)
        last = model.decode_step(tokens[:, 3], NoSource(), state)
    assert state.length == 4
    torch.testing.assert_close(last, logits(model, {"source_tokens": tokens})[:, -1])


def test_too_long_for_learned_positions() -> None:
    model = build(small(positions=Positions.learned), toy_task(joint=True, max_positions=(4, 4)))
    with pytest.raises(DataError, match=r"a sequence of 5 tokens.*the 4 learned positions"):
        model(source_tokens=torch.tensor([[4, 5, 6, 7, 2]]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"decoder_attention_heads": 3}, r"decoder_embed_dim=16 .*model\.decoder_attention_heads=3.*divides"),
        ({"adaptive_input_cutoff": [9, 8]}, r"model\.adaptive_input_cutoff=\[9, 8\] must rise: write \[8, 9\]"),
        ({"adaptive_softmax_cutoff": [8, 8]}, r"model\.adaptive_softmax_cutoff=\[8, 8\] must rise: write \[8\]"),
        ({"adaptive_softmax_cutoff": [0]}, r"adaptive_softmax_cutoff=\[0\] has numbers that must be at least 1"),
        (
            {"adaptive_softmax_cutoff": [8], "share_decoder_input_output_embed": True},
            r"is for a linear output projection, but model\.adaptive_softmax_cutoff=\[8\] is set",
        ),
        (
            {"adaptive_input_cutoff": [8], "share_decoder_input_output_embed": True},
            r"adaptive_input_cutoff=\[8\] is set: set model\.tie_adaptive_weights=true",
        ),
        ({"tie_adaptive_weights": True}, r"the same bands at both ends, but the cutoffs are .*=\[\] and .*=\[\]"),
        ({**ADAPTIVE["tied"], "adaptive_input_cutoff": [8]}, r"adaptive_input_cutoff=\[8\] and .*=\[8, 16\]"),
        ({**ADAPTIVE["tied"], "adaptive_input_factor": 2.0}, r"the factors 2 and 4: make them equal"),
        ({"tie_adaptive_proj": True}, r"set model\.tie_adaptive_weights=true too"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**values)


@pytest.mark.parametrize("values", [{"share_decoder_input_output_embed": True}, ADAPTIVE["tied"]])
def test_what_is_tied_needs_one_dictionary(values: dict[str, Any]) -> None:
    words = [f"word{number}" for number in range(22)]
    task = TaskInfo(ToyDictionary(words), ToyDictionary(words))
    with pytest.raises(ConfigError, match="need one dictionary for what is read and what is predicted"):
        build(small(**values), task)


def test_bands_that_the_vocabulary_does_not_have() -> None:
    with pytest.raises(ConfigError, match=r"the cutoffs \[8, 26\] .* size of the vocabulary, 26"):
        build(small(adaptive_softmax_cutoff=[8, 26]))
