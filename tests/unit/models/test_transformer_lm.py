from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import NoSource, TaskInfo
from seqtrain.errors import ConfigError, DataError
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.nn.positions import Positions
from seqtrain.testing.models import check_model, random_input
from seqtrain.testing.toy import toy_task

SMALL = {"decoder_embed_dim": 16, "decoder_ffn_embed_dim": 24, "decoder_layers": 2, "decoder_attention_heads": 2}


def small(**values: Any) -> TransformerLMConfig:
    return TransformerLMConfig(**SMALL | values)


def build(cfg: TransformerLMConfig | None = None, task: TaskInfo | None = None) -> TransformerLM:
    torch.manual_seed(1)
    return TransformerLM(cfg or small(), task or toy_task(joint=True))


def logits(model: TransformerLM, net_input: dict[str, Tensor]) -> Tensor:
    out: Tensor = model(**net_input)
    return out


@pytest.mark.parametrize(
    ("normalize_before", "positions", "tied"), list(product([False, True], Positions, [False, True]))
)
def test_every_variant_is_sound(normalize_before: bool, positions: Positions, tied: bool) -> None:
    cfg = small(
        decoder_normalize_before=normalize_before,
        positions=positions,
        share_decoder_input_output_embed=tied,
        layernorm_embedding=tied,
        no_scale_embedding=positions is Positions.learned,
    )
    check_model(cfg, toy_task(joint=True), compiled=False)


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


def test_compiles_as_one_graph() -> None:
    model = build(small(dropout=0.0, decoder_layerdrop=0.1))
    net_input = random_input(model, toy_task(joint=True))
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.manual_seed(1)
    expected = logits(model, net_input)
    torch.manual_seed(1)
    torch.testing.assert_close(compiled(**net_input), expected)


def test_values_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"model\.decoder_embed_dim=16 .*model\.decoder_attention_heads=3.*divides"):
        small(decoder_attention_heads=3)
