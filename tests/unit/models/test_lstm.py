from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.eval_frame import is_dynamo_supported
from torch._dynamo.testing import CompileCounterWithBackend

from seqtrain import composition
from seqtrain.base import TaskInfo
from seqtrain.criterions.label_smoothed_cross_entropy_with_alignment import (
    LabelSmoothedCrossEntropyWithAlignment,
    LabelSmoothedCrossEntropyWithAlignmentConfig,
)
from seqtrain.errors import ConfigError
from seqtrain.models.lstm import LSTM, LSTMConfig
from seqtrain.nn.compilation import leave_to_python
from seqtrain.nn.dropout import Dropout
from seqtrain.nn.recurrent_decoder import RecurrentState
from seqtrain.testing.inputs import random_batch
from seqtrain.testing.models import check_model, random_input
from seqtrain.testing.toy import ToyDictionary, toy_task
from tests.unit.models.recurrent_reference import Factors, Reference

SOURCES = [[4, 9, 2], [5, 6, 7, 8, 2], [10, 2]]
PREVIOUS = [[2, 11, 4, 6], [2, 7], [2, 8, 9, 12, 5]]
"""Three sentences of different lengths, in no order."""

LAYERS: dict[str, Any] = {"encoder_layers": 3, "decoder_layers": 3}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "three layers": LAYERS,
    "another size on each side": {"encoder_hidden_size": 3, "decoder_hidden_size": 4} | LAYERS,
    "bidirectional": {"encoder_bidirectional": True},
    "bidirectional of the decoder's size": {"encoder_bidirectional": True, "encoder_hidden_size": 3} | LAYERS,
    "bidirectional, three layers": {"encoder_bidirectional": True} | LAYERS,
    "no attention": {"decoder_attention": False},
    "no attention, three layers": {"decoder_attention": False, "encoder_bidirectional": True} | LAYERS,
    "projected output": {"decoder_out_embed_dim": 5},
    "tied output": {"decoder_embed_dim": 5, "decoder_out_embed_dim": 5, "share_decoder_input_output_embed": True},
    "all tied": {"share_all_embeddings": True},
}
every_option = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def small(**values: Any) -> LSTMConfig:
    return LSTMConfig(**{"encoder_embed_dim": 6, "decoder_embed_dim": 6, "decoder_out_embed_dim": 6} | values)


def build(task: TaskInfo | None = None, **values: Any) -> LSTM:
    """Return a model whose weights are larger than at the start, so that all that there is counts."""
    torch.manual_seed(1)
    model = LSTM(small(**values), task or toy_task(joint=True))
    for parameter in model.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    return model.eval()


def padded(rows: list[list[int]]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=1)


def net_input(sources: list[list[int]] = SOURCES, previous: list[list[int]] = PREVIOUS) -> dict[str, Tensor]:
    lengths = torch.tensor([len(source) for source in sources])
    return {"source_tokens": padded(sources), "source_lengths": lengths, "prev_output_tokens": padded(previous)}


def logits(model: LSTM, given: dict[str, Tensor]) -> Tensor:
    out: Tensor = model(**given)
    return out


def assert_as_written_out(model: LSTM, reference: Reference) -> None:
    found = logits(model, net_input())
    _, attention = model._decoded(**net_input())
    for row, (source, previous) in enumerate(zip(SOURCES, PREVIOUS, strict=True)):
        expected, weights = (torch.from_numpy(x) for x in reference(source, previous))
        torch.testing.assert_close(found[row, : len(previous)], expected, atol=1e-12, rtol=0)
        told = attention[row, : len(previous)]
        torch.testing.assert_close(told[:, : weights.size(1)], weights, atol=1e-12, rtol=0)
        assert not told[:, weights.size(1) :].any(), "padding is attended to"


@every_option
def test_it_computes_what_the_formulas_say(options: dict[str, Any]) -> None:
    model = build(**options).double()
    assert_as_written_out(model, Reference(model))


class Times(Dropout):
    """Stands for a dropout."""

    def __init__(self, factor: float) -> None:
        super().__init__(p=0.0)
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


@pytest.mark.parametrize("decoder_attention", [True, False])
def test_dropouts_are_where_fairseqs_are(decoder_attention: bool) -> None:
    model = build(encoder_bidirectional=True, decoder_out_embed_dim=5, decoder_attention=decoder_attention, **LAYERS)
    factors = Factors(0.7, 0.8, 0.9, 1.1)
    model.encoder.dropout_in, model.encoder.dropout_out = Times(factors.encoder_in), Times(factors.encoder_out)
    model.decoder.dropout_in, model.decoder.dropout_out = Times(factors.decoder_in), Times(factors.decoder_out)
    assert isinstance(model.decoder.out, nn.Sequential)
    model.decoder.out[1] = model.decoder.dropout_out
    assert_as_written_out(model.double(), Reference(model, factors))


@every_option
def test_token_by_token_is_the_same(options: dict[str, Any]) -> None:
    """Two hypotheses of each sentence, which share its encoding."""
    model, beam, length = build(**options).double(), 2, 5
    tokens = torch.randint(4, 26, (beam * len(SOURCES), length), generator=torch.Generator().manual_seed(1))
    source = {name: x for name, x in net_input().items() if name != "prev_output_tokens"}
    with torch.no_grad():
        encoded = model.encode(**source)
        state = model.new_state(encoded, len(tokens), length)
        steps = [model.decode_step(column, encoded, state) for column in tokens.unbind(1)]
    repeated = {name: x.repeat_interleave(beam, dim=0) for name, x in source.items()}
    expected = logits(model, {**repeated, "prev_output_tokens": tokens})
    torch.testing.assert_close(torch.stack(steps, 1), expected, atol=1e-10, rtol=0)


@every_option
def test_padding_and_the_other_sentences_change_nothing(options: dict[str, Any]) -> None:
    model = build(**options).double()
    together = logits(model, net_input())
    wider = net_input() | {"source_tokens": nn.functional.pad(net_input()["source_tokens"], (0, 3), value=1)}
    torch.testing.assert_close(logits(model, wider), together, atol=1e-12, rtol=0)
    for row, (source, previous) in enumerate(zip(SOURCES, PREVIOUS, strict=True)):
        alone = logits(model, net_input([source], [previous]))
        torch.testing.assert_close(together[[row], : len(previous)], alone, atol=1e-12, rtol=0)


def test_a_hypothesis_holds_as_much_after_many_tokens_as_before() -> None:
    model = build(**LAYERS)
    encoded = model.encode(net_input()["source_tokens"], net_input()["source_lengths"])
    state = model.new_state(encoded, 6, 100)
    sizes = held(state)
    for _ in range(7):
        model.decode_step(torch.tensor([4, 5, 6, 7, 8, 9]), encoded, state)
    assert held(state) == sizes == [(6, 6)] * 7


def held(state: RecurrentState) -> list[tuple[int, ...]]:
    return [tuple(x.shape) for cells in state.cells for x in cells] + [tuple(state.fed.shape)]


def test_it_tells_the_attention_to_the_source() -> None:
    model, task = build(), toy_task(joint=True)
    found = model.extract_with_attention(**random_input(model, task))
    assert found is not None
    features, attention = found
    torch.testing.assert_close(features, model.extract_features(**random_input(model, task)))
    torch.testing.assert_close(attention.sum(dim=2), torch.ones(3, 6))


def test_attention_learns_from_alignments() -> None:
    task = toy_task(joint=True)
    model = build(task)
    batch = replace(random_batch(model, task), alignments=torch.tensor([[[0, 0], [3, 1]]]).expand(3, 2, 2))
    criterion = LabelSmoothedCrossEntropyWithAlignment(LabelSmoothedCrossEntropyWithAlignmentConfig(), task)
    output = criterion(model, batch)
    output.loss.backward()
    assert output.metrics["alignment_loss"].value > 0
    assert model.get_parameter("decoder.attention.input_proj.weight").grad is not None


def test_without_attention_there_is_none_to_tell() -> None:
    assert build(decoder_attention=False).extract_with_attention(**net_input()) is None


RATES = [f"{side}_dropout_{where}" for side in ("encoder", "decoder") for where in ("in", "out")]


@pytest.mark.parametrize("name", ["dropout", *RATES])
def test_each_dropout_makes_training_depend_on_the_seed(name: str) -> None:
    rates: dict[str, Any] = {"dropout": 0.0, name: 0.5}
    model = build(**rates).train()
    assert not torch.equal(logits(model, net_input()), logits(model, net_input()))


def test_dropouts_of_their_own_come_before_the_common_one() -> None:
    rates: dict[str, Any] = dict.fromkeys(RATES, 0.0)
    model = build(dropout=0.5, **rates).train()
    assert torch.equal(logits(model, net_input()), logits(model, net_input()))


def test_initialisation_is_fairseqs() -> None:
    torch.manual_seed(1)
    cfg = small(encoder_hidden_size=32, encoder_bidirectional=True, decoder_hidden_size=32, decoder_out_embed_dim=32)
    for name, parameter in LSTM(cfg, toy_task()).named_parameters():
        assert 0.085 < parameter.abs().max() <= 0.1, name
        assert abs(parameter.mean()) < 0.03, name


@pytest.mark.parametrize("tie", ["share_all_embeddings", "share_decoder_input_output_embed", None])
def test_padding_is_zero(tie: str | None) -> None:
    model = LSTM(small(**{tie: True} if tie else {}), toy_task(joint=True))
    for side in ("encoder", "decoder"):
        table = model.get_parameter(f"{side}.embedding.weight")
        assert table.any(dim=1).tolist() == [row != 1 for row in range(26)]


def test_padding_gets_no_gradient() -> None:
    model = build()
    logits(model, net_input()).square().mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    for side in ("encoder", "decoder"):
        gradient = model.get_parameter(f"{side}.embedding.weight").grad
        assert gradient is not None and gradient.any() and not gradient[1].any()


def test_bf16_autocast() -> None:
    model = build(encoder_bidirectional=True, **LAYERS).train()
    with torch.autocast("cpu", torch.bfloat16):
        logits(model, net_input()).square().mean().backward()  # type: ignore[no-untyped-call]
        assert all(x.grad is not None and x.grad.isfinite().all() for x in model.parameters())
        model.eval()
        full = logits(model, net_input())
        encoded = model.encode(net_input()["source_tokens"], net_input()["source_lengths"])
        state = model.new_state(encoded, 3, 2)
        for position in range(2):
            step = model.decode_step(net_input()["prev_output_tokens"][:, position], encoded, state)
    torch.testing.assert_close(step, full[:, 1], atol=0.02, rtol=0.02)


@pytest.mark.skipif(not is_dynamo_supported(), reason="torch.compile does not work here")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch hides it, but not from an error
def test_a_compiled_step_serves_all_lengths() -> None:
    model, counter, counts = build(), CompileCounterWithBackend("eager"), []
    torch._dynamo.reset()
    leave_to_python(model)
    compiled = torch.compile(model, backend=counter, dynamic=True)
    for length in (2, 3, 5, 8, 13):
        given = net_input([[*range(4, 9 + length)]] * length, [[*range(4, 4 + length)]] * length)
        torch.testing.assert_close(compiled(**given), logits(model, given))
        counts.append(counter.frame_count)
    torch._dynamo.reset()
    assert counts == [counts[0]] * 5


def lstm_parameters(cfg: LSTMConfig, source_size: int, target_size: int) -> int:
    """Return the number, by formula: a layer of I inputs and H cells has 4 (I + H + 2) H; no adaptive softmax."""
    enc, dec = cfg.encoder_hidden_size or cfg.encoder_embed_dim, cfg.decoder_hidden_size or cfg.decoder_embed_dim
    directions, layers = 1 + cfg.encoder_bidirectional, cfg.encoder_layers
    out, source_dim, rest = cfg.decoder_out_embed_dim, directions * enc, layers - 1
    tied = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
    encoder = directions * 4 * enc * ((cfg.encoder_embed_dim + enc + 2) + rest * (source_dim + enc + 2))
    bridge = 2 * (source_dim + 1) * dec * (source_dim != dec)
    decoder = 4 * dec * ((cfg.decoder_embed_dim + dec + dec + 2) + rest * (dec + dec + 2))
    attention = (dec * source_dim + (source_dim + dec) * dec) * cfg.decoder_attention
    output = (dec + 1) * out * (dec != out) + (out + 1) * target_size * (not tied)
    tables = source_size * cfg.encoder_embed_dim + target_size * cfg.decoder_embed_dim * (not cfg.share_all_embeddings)
    return encoder + bridge + decoder + attention + output + tables


def parameters(cfg: LSTMConfig, task: TaskInfo) -> int:
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in LSTM(cfg, task).parameters())


@every_option
def test_parameters_are_those_of_the_formula(options: dict[str, Any]) -> None:
    assert parameters(small(**options), toy_task(joint=True)) == lstm_parameters(small(**options), 26, 26)


def test_adaptive_softmax() -> None:
    cfg = small(adaptive_softmax_cutoff=[8])
    # In place of 16 symbols of 7: 8 of 6, a band; 8 of 1, which 6 are projected to.
    expected = lstm_parameters(cfg, 14, 16) - 16 * 7 + 8 * 6 + 6 + 8 * 1 + 6
    assert parameters(cfg, toy_task()) == expected
    check_model(cfg, toy_task(), compiled=False)


PRESETS = {
    # Encoder and decoder cells, attention, tables of 1000 and 1200 symbols, projection with a bias.
    "lstm": (4 * 512 * (1026 + 1538), 512 * 512 + 1024 * 512, 2200 * 512, 1200 * 513),
    "lstm_wiseman_iwslt_de_en": (4 * 256 * (514 + 770), 256 * 256 + 512 * 256, 2200 * 256, 1200 * 257),
    "lstm_luong_wmt_en_de": (
        4 * 1000 * (2002 + 3002 + 3 * 2 * 2002),
        1000 * 1000 + 2000 * 1000,
        2200 * 1000,
        1200 * 1001,
    ),
}


def preset(name: str) -> LSTMConfig:
    cfg = composition.compose([f"model={name}"]).model
    assert isinstance(cfg, LSTMConfig)
    return cfg


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_of_presets(name: str) -> None:
    source, target = (ToyDictionary([f"word{n}" for n in range(size - 4)]) for size in (1000, 1200))
    found = parameters(preset(name), TaskInfo(source, target, (100, 100)))
    assert found == sum(PRESETS[name]) == lstm_parameters(preset(name), 1000, 1200)


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("lstm", [0.1, 0.1, 0.1, 0.1]),
        ("lstm_wiseman_iwslt_de_en", [0.0, 0.0, 0.0, 0.1]),
        ("lstm_luong_wmt_en_de", [0.1, 0.0, 0.1, 0.0]),
    ],
)
def test_dropout_of_presets(name: str, rates: list[float]) -> None:
    specs = [preset(name).spec(side) for side in ("encoder", "decoder")]
    assert [rate for spec in specs for rate in (spec.dropout_in, spec.dropout_out)] == rates


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"encoder_layers": 2}, r"model\.encoder_layers=2 and model\.decoder_layers=1: make them equal"),
        (
            {"share_decoder_input_output_embed": True, "decoder_out_embed_dim": 5},
            r"share_decoder_input_output_embed=true needs one dimension.*decoder_out_embed_dim=5: make them equal",
        ),
        (
            {"share_all_embeddings": True, "decoder_out_embed_dim": 5},
            r"share_all_embeddings=true needs one dimension.*decoder_out_embed_dim=5: make them equal",
        ),
        (
            {"share_all_embeddings": True, "encoder_embed_dim": 5},
            r"model\.encoder_embed_dim=5 and model\.decoder_embed_dim=6: make them equal",
        ),
        ({"share_all_embeddings": True, "adaptive_softmax_cutoff": [8]}, "leave out one of them"),
        ({"encoder_dropout_in": 1.0}, r"LSTMConfig\.encoder_dropout_in=1\.0"),
    ],
)
def test_values_that_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**values)


def test_shared_embeddings_need_a_joint_dictionary() -> None:
    with pytest.raises(ConfigError, match=r"set task\.joined_dictionary=true"):
        build(toy_task(), share_all_embeddings=True)
