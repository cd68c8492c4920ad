"""DeepNorm (Wang et al., 2022, "DeepNet"): post-norm layers norm(alpha x + sublayer(x)) for very deep stacks.

Weights of values, of attention's output and of feed-forward networks start smaller, by beta. Both depend on the
numbers of layers as in the paper's table.
"""

from typing import NamedTuple


class DeepNorm(NamedTuple):
    """The constants of a stack."""

    alpha: float
    """What the input of a sublayer is multiplied by where it is added to the output."""
    beta: float
    """Gain of initial weights."""


def one_stack(layers: int) -> DeepNorm:
    """Return the constants of an encoder or a decoder alone."""
    return DeepNorm((2 * layers) ** 0.25, (8 * layers) ** -0.25)


def encoder_beside_decoder(encoder_layers: int, decoder_layers: int) -> DeepNorm:
    """Return the constants of an encoder whose output a decoder attends to."""
    depth = (encoder_layers**4 * decoder_layers) ** (1 / 16)
    return DeepNorm(0.81 * depth, 0.87 / depth)


def decoder_beside_encoder(decoder_layers: int) -> DeepNorm:
    """Return the constants of a decoder that attends to an encoder."""
    return DeepNorm((3 * decoder_layers) ** 0.25, (12 * decoder_layers) ** -0.25)
