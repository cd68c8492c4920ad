"""How many parameters transformers have, by formula."""

from itertools import pairwise

from seqtrain.models.transformer import TransformerConfig
from seqtrain.models.transformer_lm import TransformerLMConfig
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.norm import Norm
from seqtrain.nn.positions import Positions


def transformer_parameters(cfg: TransformerConfig, sizes: tuple[int, int], max_positions: tuple[int, int]) -> int:
    """Return the number for vocabularies of these sizes and sides of up to so many positions; no adaptive softmax."""
    source_dim, target_dim = cfg.encoder_embed_dim, cfg.decoder_embed_dim
    tied = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
    return (
        _stack(cfg, "encoder")
        + _stack(cfg, "decoder", source_dim)
        + _embedding(cfg, source_dim, max_positions[0])
        + _embedding(cfg, target_dim, max_positions[1])
        + sizes[0] * source_dim
        + sizes[1] * target_dim * (not cfg.share_all_embeddings)
        + sizes[1] * target_dim * (not tied)
    )


def transformer_lm_parameters(cfg: TransformerLMConfig, size: int, max_positions: int) -> int:
    """Return the number for a vocabulary of this size and so many positions."""
    dim, input_cutoffs, output_cutoffs = cfg.decoder_embed_dim, cfg.adaptive_input_cutoff, cfg.adaptive_softmax_cutoff
    words, projections = _in_bands(size, dim, input_cutoffs, cfg.adaptive_input_factor)
    number = _stack(cfg, "decoder") + _embedding(cfg, dim, max_positions) + words
    if input_cutoffs:
        number += dim * dim + projections
    words, projections = _in_bands(size, dim, output_cutoffs, cfg.adaptive_softmax_factor)
    number += words * (not (cfg.share_decoder_input_output_embed or cfg.tie_adaptive_weights))
    number += len(output_cutoffs) * dim + projections * (not cfg.tie_adaptive_proj)
    return number


def _in_bands(size: int, dim: int, cutoffs: list[int], factor: float) -> tuple[int, int]:
    """Return the numbers of the weights of symbols, and of the projections of bands but the first."""
    sizes = [end - first for first, end in pairwise([0, *cutoffs, size])]
    dims = [int(dim // factor**number) for number in range(len(sizes))]
    return sum(n * d for n, d in zip(sizes, dims, strict=True)), sum(dim * d for d in dims[1:])


def _stack(cfg: TransformerConfig | TransformerLMConfig, side: str, source_dim: int = 0) -> int:
    values = vars(cfg)
    dim, ffn_dim, heads = (values[f"{side}_{name}"] for name in ("embed_dim", "ffn_embed_dim", "attention_heads"))
    head_dim = dim // heads
    kv_dim = (values[f"{side}_kv_heads"] or heads) * head_dim
    norm = 2 if cfg.norm is Norm.layer_norm and cfg.bias else 1
    qk_norm = 2 * head_dim * norm * cfg.qk_norm
    # Weights, then biases: queries and output, keys and values.
    self_attention = 2 * dim * (dim + kv_dim) + cfg.bias * 2 * (dim + kv_dim) + qk_norm
    cross_attention = 2 * (dim * dim + source_dim * kv_dim) + cfg.bias * 2 * (dim + kv_dim) + qk_norm
    inner = 2 if cfg.activation_fn in (Activation.swiglu, Activation.geglu) else 1
    feed_forward = (inner + 1) * dim * ffn_dim + cfg.bias * (inner * ffn_dim + dim)
    layer = self_attention + feed_forward + 2 * dim * norm
    if source_dim:
        layer += cross_attention + dim * norm
    final_norm = values[f"{side}_normalize_before"] and not (side == "decoder" and cfg.no_decoder_final_norm)
    return int(values[f"{side}_layers"] * layer + final_norm * dim * norm)


def _embedding(cfg: TransformerConfig | TransformerLMConfig, dim: int, max_positions: int) -> int:
    """Return the number of what is added to tokens, and of the norm of the sum."""
    return (cfg.positions is Positions.learned) * max_positions * dim + cfg.layernorm_embedding * 2 * dim
