"""The transformer whose attention is taught to align words (Garg et al., EMNLP 2019).

The paper is "Jointly Learning to Align and Translate with Transformer Models". The loss is that of the criterion
``label_smoothed_cross_entropy_with_alignment``.
"""

from dataclasses import dataclass

from torch import Tensor

from seqtrain.base import Dictionary
from seqtrain.fields import bounded
from seqtrain.models import TaskInfo, register_model
from seqtrain.models.transformer import Transformer, TransformerConfig


@dataclass
class TransformerAlignConfig(TransformerConfig):
    """Config of the model ``transformer_align``: one head of the last but one of six layers is taught."""

    alignment_layer: int = bounded(4, at_least=-1)
    """Decoder layer whose attention to the source is taught, from 0; -1 is the last."""
    alignment_heads: int | None = bounded(1, at_least=1)
    """How many of that layer's heads, the first ones, of which the mean is taught; null for all."""
    full_context_alignment: bool = False
    """Align each target token in sight of the whole target, by a second pass of the decoder that hides nothing."""


@register_model("transformer_align", TransformerAlignConfig)
class TransformerAlign(Transformer):
    """A ``transformer`` that translates as it does, and tells by which source token it was led to each target token."""

    def __init__(self, cfg: TransformerAlignConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.full_context_alignment = cfg.full_context_alignment

    def extract_with_attention(
        self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor, **_: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the features (B, T, D), which see no later token, and the attention (B, T, S), which may."""
        if not self.full_context_alignment:
            return super().extract_with_attention(source_tokens, source_lengths, prev_output_tokens)
        source, padding_mask = self._encoded(source_tokens, source_lengths), prev_output_tokens.eq(Dictionary.pad)
        features: Tensor = self.decoder(prev_output_tokens, source)
        reading = self._attending(lambda: self.decoder.read(prev_output_tokens, padding_mask, source))
        return features, reading[1]
