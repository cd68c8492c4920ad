"""What a transformer layer is like."""

from dataclasses import dataclass

from torch import nn

from seqtrain.nn.deep_norm import DeepNorm
from seqtrain.nn.feed_forward import Activation
from seqtrain.nn.norm import Norm, build_norm
from seqtrain.nn.positions import Positions


@dataclass(frozen=True)
class LayerSpec:
    """Sizes, norms, positions and dropout of a transformer layer."""

    dim: int
    """Model dimension D."""
    ffn_dim: int
    """Width of the feed-forward network."""
    heads: int
    """Attention heads H, a divisor of ``dim``."""
    normalize_before: bool = False
    """Normalise the input of each sublayer (pre-norm) instead of the sum after it (post-norm)."""
    no_final_norm: bool = False
    """Leave out the norm that follows the last of pre-norm layers."""
    dropout: float = 0.0
    """Rate of dropout after each sublayer."""
    attention_dropout: float = 0.0
    """Rate of dropout on attention weights."""
    activation_dropout: float = 0.0
    """Rate of dropout after the activation in the feed-forward network."""
    activation: Activation = Activation.relu
    """Nonlinearity of the feed-forward network."""
    kv_heads: int | None = None
    """Heads of keys and values, a divisor of ``heads``, each for as many heads of queries; None for ``heads``."""
    bias: bool = True
    """Whether linear layers and layer norms have biases."""
    norm: Norm = Norm.layer_norm
    """Kind of the norms."""
    norm_eps: float = 1e-5
    """Number that norms add to a variance or mean square."""
    qk_norm: bool = False
    """Normalise the queries and keys of each head."""
    positions: Positions = Positions.none
    """How self attention knows where tokens stand; ``rotary`` and ``alibi`` count, others are those of embeddings."""
    rotary_base: float = 10000.0
    """Base of the frequencies of rotary positions."""
    deep_norm: DeepNorm | None = None
    """Scales of residual connections and of initial weights; None for none."""
    checkpoint_activations: bool = False
    """Keep no more than a layer's input for the backward pass, which computes the layer again."""

    @property
    def head_dim(self) -> int:
        """Dimension K of a head."""
        return self.dim // self.heads

    def build_norm(self, dim: int | None = None) -> nn.Module:
        """Return a norm of features (..., D), or of another dimension."""
        return build_norm(self.norm, dim or self.dim, eps=self.norm_eps, bias=self.bias)

    def final_norm(self) -> nn.Module:
        """Return what follows the last layer: a norm if the layers are pre-norm and it is not left out."""
        return self.build_norm() if self.normalize_before and not self.no_final_norm else nn.Identity()
