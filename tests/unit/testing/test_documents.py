import pytest
import torch

from seqtrain.models.transformer import TransformerConfig
from seqtrain.models.transformer_lm import TransformerLMConfig
from seqtrain.nn import decoder
from seqtrain.testing.documents import check_documents
from seqtrain.testing.toy import toy_task

SMALL = TransformerLMConfig(decoder_embed_dim=8, decoder_ffn_embed_dim=8, decoder_layers=1, decoder_attention_heads=2)


def test_documents_apart() -> None:
    assert check_documents(SMALL, toy_task()) is None


def test_positions_that_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "places_in_documents", lambda documents: torch.arange(6).expand_as(documents))
    with pytest.raises(AssertionError, match="another document of the row changes the logits"):
        check_documents(SMALL, toy_task())


def test_a_model_that_takes_none() -> None:
    assert check_documents(TransformerConfig(), toy_task()) == "the model takes no source_documents"
