import pytest

from benchmarks._works import WORKS, Sizes, Work
from seqtrain import compose
from seqtrain.models.transformer import TransformerConfig
from seqtrain.models.transformer_lm import TransformerLMConfig


def test_matrix_products_of_a_token() -> None:
    # 6 * (2 * (16 + 2 * 8) + 3 * (2 * 16 + 2 * 8) + 2 * 10): attention has four matrices of 2 x 2, twice in a decoder
    assert Sizes(1, 3, 2, 4, 10).megaflop(2) == pytest.approx(6 * (2 * 32 + 3 * 48 + 20) / 1e6)
    assert Sizes(0, 3, 2, 4, 10).megaflop(2) == pytest.approx(6 * (3 * 32 + 20) / 1e6)
    assert Work((), Sizes(1, 1, 1, 1, 1), warmup=3, intervals=4).updates == 15


@pytest.mark.parametrize("name", ["tiny", "base"])
def test_sizes_of_translation_are_those_of_the_config(name: str) -> None:
    work = WORKS[name]
    cfg = compose([*work.overrides, "task.data=x"])
    assert isinstance(cfg.model, TransformerConfig)
    assert cfg.model.share_all_embeddings
    sizes = cfg.model.encoder_layers, cfg.model.decoder_layers, cfg.model.decoder_embed_dim
    assert (*sizes, cfg.model.decoder_ffn_embed_dim, cfg.tokenizer.vocab_size) == tuple(vars(work.sizes).values())  # type: ignore[attr-defined]


def test_sizes_of_the_language_model_are_those_of_the_config() -> None:
    work = WORKS["lm"]
    cfg = compose([*work.overrides, "task.data=x"])
    assert isinstance(cfg.model, TransformerLMConfig)
    assert cfg.model.share_decoder_input_output_embed
    sizes = 0, cfg.model.decoder_layers, cfg.model.decoder_embed_dim, cfg.model.decoder_ffn_embed_dim
    assert (*sizes, cfg.tokenizer.vocab_size) == tuple(vars(work.sizes).values())  # type: ignore[attr-defined]
