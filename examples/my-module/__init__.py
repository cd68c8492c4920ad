"""A user directory: a preset in Python, a model of its own, and a YAML preset of that model."""

from seqtrain.models import register_model_preset
from seqtrain.models.transformer import TransformerConfig

from . import gru  # noqa: F401  # registers the model `my_gru`

register_model_preset(
    "my_transformer",
    TransformerConfig(
        encoder_layers=2,
        encoder_embed_dim=64,
        encoder_ffn_embed_dim=128,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_embed_dim=64,
        decoder_ffn_embed_dim=128,
        decoder_attention_heads=2,
    ),
)
