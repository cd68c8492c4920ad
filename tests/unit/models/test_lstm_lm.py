from functools import partialmethod
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import NoSource, TaskInfo
from seqtrain.errors import ConfigError
from seqtrain.models.lstm_lm import LSTMLM, LSTMLMConfig
from seqtrain.testing.toy import toy_task

TOKENS = torch.tensor([[2, 4, 5, 6], [2, 6, 4, 7]])
SMALL = {"decoder_embed_dim": 6, "decoder_hidden_size": 5, "decoder_layers": 2, "decoder_out_embed_dim": 5}


def build(task: TaskInfo | None = None, **values: Any) -> LSTMLM:
    torch.manual_seed(1)
    return LSTMLM(LSTMLMConfig(**SMALL | values), task or toy_task(joint=True))


def logits(model: LSTMLM, tokens: Tensor, **net_input: Tensor) -> Tensor:
    out: Tensor = model(source_tokens=tokens, **net_input)
    return out


def test_layers_are_torchs() -> None:
    model, reference = build().eval(), nn.LSTM(6, 5, num_layers=2, batch_first=True)
    with torch.no_grad():
        for name, parameter in reference.named_parameters():
            kind, layer = name.rsplit("_l", 1)  # weight_ih_l1 is weight_ih_l0 of the second
            parameter.copy_(model.get_parameter(f"layers.{layer}.{kind}_l0"))
    expected = reference(model.embedding(TOKENS))[0] @ model.get_parameter("output_projection.weight").t()
    torch.testing.assert_close(logits(model, TOKENS), expected)


def test_residual_connections_add_the_input_of_each_layer_but_the_first() -> None:
    """In fairseq they add what the layer itself gave for the token before."""
    model = build(residuals=True).eval()
    first, _ = model.layers[0](model.embedding(TOKENS))
    second, _ = model.layers[1](first)
    torch.testing.assert_close(model.extract_features(TOKENS), first + second)


def test_a_linear_layer_stands_between_hidden_size_and_another_dimension() -> None:
    assert isinstance(build().out, nn.Identity)
    assert build(decoder_out_embed_dim=7).extract_features(TOKENS).shape == (2, 4, 7)


@pytest.mark.parametrize("name", ["dropout", "decoder_dropout_in", "decoder_dropout_out"])
def test_each_dropout_makes_training_depend_on_the_seed(name: str) -> None:
    rates: dict[str, Any] = {"dropout": 0.0, name: 0.5}
    model = build(**rates)
    assert not torch.equal(logits(model, TOKENS), logits(model, TOKENS))
    model.eval()
    assert torch.equal(logits(model, TOKENS), logits(model, TOKENS))


def test_dropouts_of_their_own_come_before_the_common_one() -> None:
    model = build(dropout=0.5, decoder_dropout_in=0.0, decoder_dropout_out=0.0)
    assert torch.equal(logits(model, TOKENS), logits(model, TOKENS))


def test_a_document_begins_with_nothing_remembered() -> None:
    model = build().eval()
    documents = torch.tensor([[0, 0, 1, 1], [0, 1, 2, 2]])
    apart = logits(model, TOKENS, source_documents=documents)
    torch.testing.assert_close(apart[0, 2:], logits(model, TOKENS[:1, 2:])[0])
    torch.testing.assert_close(apart[1, 1:2], logits(model, TOKENS[1:, 1:2])[0])
    assert not torch.allclose(apart[0, 2:], logits(model, TOKENS)[0, 2:])


def test_the_state_remembers_and_is_reordered() -> None:
    model, order = build().eval(), torch.tensor([1, 1, 0])
    with torch.no_grad():
        state = model.new_state(NoSource(), 2, 4)
        state.reorder(torch.tensor([0, 1]))  # nothing is there yet
        model.prefill(TOKENS[:, :3], NoSource(), state)
        state.reorder(order)
        last = model.decode_step(TOKENS[order, 3], NoSource(), state)
    torch.testing.assert_close(last, logits(model, TOKENS)[order, -1])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # 26 symbols; a layer has 4 (I + H + 2) H parameters.
        ({}, 26 * 6 + 4 * (6 + 5 + 2) * 5 + 4 * (5 + 5 + 2) * 5 + 26 * 5),
        ({"decoder_out_embed_dim": 7, "decoder_layers": 1}, 26 * 6 + 4 * (6 + 5 + 2) * 5 + 5 * 7 + 7 + 26 * 7),
        (
            {"decoder_out_embed_dim": 6, "decoder_layers": 1, "share_decoder_input_output_embed": True},
            26 * 6 + 4 * (6 + 5 + 2) * 5 + 5 * 6 + 6,
        ),
        (
            {"adaptive_softmax_cutoff": [8], "decoder_layers": 1},
            26 * 6 + 4 * (6 + 5 + 2) * 5 + 8 * 5 + 5 + 18 * 1 + 5,
        ),
    ],
)
def test_parameters(values: dict[str, Any], expected: int) -> None:
    assert sum(parameter.numel() for parameter in build(**values).parameters()) == expected


def test_documents_ask_the_device_once(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tolist = build(), Mock(wraps=Tensor.tolist)
    for name in ("item", "__int__", "nonzero"):
        monkeypatch.setattr(Tensor, name, None)
    monkeypatch.setattr(Tensor, "tolist", partialmethod(tolist))
    logits(model, TOKENS, source_documents=torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1]]))
    assert tolist.call_count == 1


def test_initialisation_is_fairseqs() -> None:
    model = build(decoder_hidden_size=64, decoder_out_embed_dim=32)
    for parameter in model.parameters():
        assert 0.09 < parameter.abs().max() <= 0.1
    assert model.embedding.weight[1].count_nonzero() == 0


def test_there_are_as_many_cells_as_dimensions_if_not_said_otherwise() -> None:
    assert LSTMLMConfig(decoder_embed_dim=6).spec("decoder").hidden_size == 6
    assert LSTMLMConfig(decoder_embed_dim=6, decoder_hidden_size=5).spec("decoder").hidden_size == 5


def test_values_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match=r"decoder_embed_dim=6 and model\.decoder_out_embed_dim=5: make them equal"):
        build(share_decoder_input_output_embed=True)


def test_shared_embeddings_need_one_dictionary() -> None:
    with pytest.raises(ConfigError, match="need one dictionary for what is read and what is predicted"):
        build(toy_task(), share_decoder_input_output_embed=True, decoder_out_embed_dim=6)
