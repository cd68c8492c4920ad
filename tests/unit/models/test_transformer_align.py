from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor

from seqtrain.base import Batch, Dictionary, Hypothesis, TaskInfo
from seqtrain.criterions.label_smoothed_cross_entropy_with_alignment import (
    LabelSmoothedCrossEntropyWithAlignment,
    LabelSmoothedCrossEntropyWithAlignmentConfig,
    alignment_loss,
)
from seqtrain.errors import ConfigError
from seqtrain.generation.alignment import align
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.models.transformer_align import TransformerAlign, TransformerAlignConfig
from seqtrain.nn.inspection import calls_of
from seqtrain.nn.positions import Positions
from seqtrain.testing.attention import check_attention
from seqtrain.testing.compiling import compare_compiled
from seqtrain.testing.inputs import random_batch, random_input
from seqtrain.testing.toy import toy_task

CONF = Path(__file__).parents[3] / "conf"
SIZES = {"embed_dim": 16, "ffn_embed_dim": 24, "layers": 3, "attention_heads": 4}
BOTH: dict[str, Any] = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in SIZES.items()}
LINKS = torch.tensor([[[0, 0], [2, 1]], [[1, 0], [-1, -1]], [[3, 2], [0, 2]]])


def small(**values: Any) -> TransformerAlignConfig:
    return TransformerAlignConfig(**BOTH | {"alignment_layer": 1} | values)


def build(**values: Any) -> TransformerAlign:
    torch.manual_seed(1)
    return TransformerAlign(small(**values), toy_task()).eval()


def reference(model: TransformerAlign, layer: int, heads: int, inputs: dict[str, Tensor]) -> Tensor:
    """softmax(Q K^T / sqrt(4)) of each of the first heads of a layer, averaged, (B, T, S)."""
    attention = model.decoder.cross_attention(layer)
    padding = inputs["source_tokens"].eq(Dictionary.pad)
    with calls_of(attention) as calls, torch.no_grad():
        model.extract_features(**inputs)
        features = model.encoder(inputs["source_tokens"], padding)
        queries = attention.q_proj(calls[-1].positional[0])
        keys = attention.kv_proj(features)[..., :16]
    told = []
    for head in range(heads):
        part = slice(4 * head, 4 * head + 4)
        scores = torch.einsum("btk,bsk->bts", queries[..., part], keys[..., part]) / 2
        weights = scores.exp() * ~padding[:, None]
        told.append(weights / weights.sum(2, keepdim=True))
    return sum(told, torch.zeros(())) / heads


@pytest.mark.parametrize(("layer", "heads"), [(0, 1), (1, 1), (1, 3), (2, 4), (-1, None)])
def test_it_is_the_mean_of_the_first_heads_of_a_layer(layer: int, heads: int | None) -> None:
    model = build(alignment_layer=layer, alignment_heads=heads)
    inputs = random_input(model, toy_task())
    _, attention = model.extract_with_attention(**inputs)
    torch.testing.assert_close(attention, reference(model, layer, heads or 4, inputs))
    assert not attention[0, :, 5:].any() and not attention[1, :, 3:].any(), "padding of the source"


def test_defaults_are_one_head_of_the_last_but_one_of_six_layers() -> None:
    cfg = TransformerAlignConfig()
    assert (cfg.alignment_layer, cfg.alignment_heads, cfg.full_context_alignment) == (4, 1, False)
    assert (TransformerConfig().alignment_layer, TransformerConfig().alignment_heads) == (-1, None)


@pytest.mark.parametrize("full", [False, True])
def test_it_translates_as_a_transformer_does(full: bool) -> None:
    model, inputs = build(full_context_alignment=full), random_input(build(), toy_task())
    plain = Transformer(TransformerConfig(**BOTH), toy_task()).eval()
    plain.load_state_dict(model.state_dict())
    torch.testing.assert_close(model(**inputs), plain(**inputs))
    features, _ = model.extract_with_attention(**inputs)
    torch.testing.assert_close(features, plain.extract_features(**inputs))


@pytest.mark.parametrize("full", [False, True])
def test_later_tokens_are_seen_in_full_context_alone(full: bool) -> None:
    model = build(full_context_alignment=full)
    inputs, other = random_input(model, toy_task()), random_input(model, toy_task())
    other["prev_output_tokens"][:, 3] = Dictionary.unk
    (features, attention), (changed_features, changed) = (model.extract_with_attention(**x) for x in (inputs, other))
    assert torch.equal(features[:, :3], changed_features[:, :3])
    assert [torch.equal(attention[row, :3], changed[row, :3]) for row in range(3)] == [not full] * 3


def test_in_full_context_padding_of_the_target_is_not_seen() -> None:
    model = build(full_context_alignment=True)
    inputs = random_input(model, toy_task())
    padded = inputs | {"prev_output_tokens": torch.nn.functional.pad(inputs["prev_output_tokens"], (0, 2), value=1)}
    _, attention = model.extract_with_attention(**inputs)
    torch.testing.assert_close(model.extract_with_attention(**padded)[1][:, :6], attention)


@pytest.mark.parametrize("positions", Positions)
def test_in_full_context_the_attention_is_sound(positions: Positions) -> None:
    options: dict[str, Any] = {"decoder_normalize_before": True, "alignment_heads": 2, "decoder_kv_heads": 2}
    cfg = small(full_context_alignment=True, positions=positions, **options)
    assert check_attention(cfg, toy_task()) is None


@pytest.mark.parametrize("full", [False, True])
def test_the_alignment_loss_reaches_what_the_attention_is_made_of(full: bool) -> None:
    model = build(full_context_alignment=full, alignment_heads=2).train()
    _, attention = model.extract_with_attention(**random_input(model, toy_task()))
    alignment_loss(attention, LINKS)[0].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    reached = {name for name, x in model.named_parameters() if x.grad is not None and x.grad.any()}
    expected = {name for name, _ in model.named_parameters() if name.startswith(("encoder.", "decoder.embedding"))}
    expected |= {name for name, _ in model.named_parameters() if name.startswith("decoder.layers.0.")}
    chosen = "decoder.layers.1."
    expected |= {name for name, _ in model.named_parameters() if name.startswith(chosen + "self_attention")}
    expected |= {f"{chosen}cross_attention.{name}" for name in ("q_proj.weight", "q_proj.bias", "kv_proj.weight")}
    # A bias of keys shifts all scores of a query alike: what is left of its gradient is rounding.
    noise = {name for name in expected if "bias" in name} | {f"{chosen}cross_attention.kv_proj.bias"}
    assert expected - noise <= reached <= expected | noise
    queries, kv = (model.get_parameter(f"{chosen}cross_attention.{name}_proj.weight").grad for name in ("q", "kv"))
    assert queries is not None and kv is not None
    assert queries[:8].any() and not queries[8:].any(), "two heads of four"
    assert kv[:8].any() and not kv[8:].any(), "keys of two heads, no values"


def test_layers_computed_again_give_the_same_gradients() -> None:
    def gradients(again: bool) -> dict[str, Tensor]:
        model = build(full_context_alignment=True, checkpoint_activations=again, dropout=0.0).train()
        _, attention = model.extract_with_attention(**random_input(model, toy_task()))
        alignment_loss(attention, LINKS)[0].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return {name: x.grad for name, x in model.named_parameters() if x.grad is not None}

    kept, again = gradients(False), gradients(True)
    assert all(torch.equal(again[name], gradient) for name, gradient in kept.items() if gradient.any())


def test_it_compiles_with_its_criterion() -> None:
    layers = {"encoder_layers": 1, "decoder_layers": 1, "alignment_layer": 0}
    task, model = toy_task(), build(full_context_alignment=True, dropout=0.0, **layers)
    batch = replace(random_batch(model, task), alignments=LINKS)
    criterion = LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropyWithAlignmentConfig(), task)
    compare_compiled(model, criterion, batch)


def test_a_layer_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"model\.alignment_layer=4 must be below model\.decoder_layers=3"):
        TransformerAlignConfig(**BOTH)


def test_the_preset_is_fairseqs() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = OmegaConf.to_object(compose(overrides=["+model=transformer_wmt_en_de_big_align"]).model)
        big = OmegaConf.to_object(compose(overrides=["+model=transformer_wmt_en_de_big"]).model)
    assert isinstance(cfg, TransformerAlignConfig) and isinstance(big, TransformerConfig)
    own = {"_name", "alignment_layer", "alignment_heads", "full_context_alignment"}
    assert {name: value for name, value in vars(cfg).items() if name not in own} == {
        name: value for name, value in vars(big).items() if name not in own
    }
    assert (cfg.alignment_layer, cfg.alignment_heads, cfg.full_context_alignment) == (4, 1, False)


def reversals(task: TaskInfo, sentences: int, seed: int) -> Batch:
    """Sentences of three to six digits, turned round: target token t is source token n - 1 - t."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 7, (sentences,), generator=generator)
    digits = torch.randint(4, 14, (sentences, 6), generator=generator)
    rows = [row[:length] for row, length in zip(digits, lengths.tolist(), strict=True)]
    end = torch.tensor([Dictionary.eos])
    source, target, prev = (
        torch.nn.utils.rnn.pad_sequence(
            [torch.cat(make(row)) for row in rows], batch_first=True, padding_value=Dictionary.pad
        )
        for make in (lambda x: (x, end), lambda x: (x.flip(0), end), lambda x: (end, x.flip(0)))
    )
    there = torch.arange(6) < lengths[:, None]
    links = torch.stack([lengths[:, None] - 1 - torch.arange(6), torch.arange(6).expand(sentences, -1)], dim=2)
    inputs = {"source_tokens": source, "source_lengths": lengths + 1, "prev_output_tokens": prev}
    links = torch.where(there[..., None], links, -1)
    return Batch(torch.arange(sentences), inputs, target, int(lengths.sum()) + sentences, sentences, alignments=links)


@pytest.mark.parametrize("full", [False, True])
def test_it_learns_to_align(full: bool) -> None:
    task = toy_task()
    torch.manual_seed(1)
    sizes = {"encoder_layers": 1, "decoder_layers": 2, "alignment_layer": 0, "dropout": 0.0}
    model = TransformerAlign(TransformerAlignConfig(**BOTH | sizes | {"full_context_alignment": full}), task)
    cfg = LabelSmoothedCrossEntropyWithAlignmentConfig(alignment_lambda=1.0)
    criterion = LabelSmoothedCrossEntropyWithAlignment(cfg, task)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for seed in range(150):
        output = criterion(model, batch := reversals(task, 64, seed))
        optimizer.zero_grad()
        (output.loss / output.sample_size).backward()
        optimizer.step()
    batch = reversals(task, 100, seed=1000)
    targets = [row[row != Dictionary.pad] for row in batch.target]
    found = align([model], batch.net_input, [[Hypothesis(x, 0.0, torch.zeros(len(x)))] for x in targets], task)
    right = [
        link == (len(target) - 2 - link[1], link[1])
        for (alignment,), target in zip(found, targets, strict=True)
        for link in alignment.links
    ]
    assert len(right) == batch.ntokens - 100 and sum(right) / len(right) > 0.95
