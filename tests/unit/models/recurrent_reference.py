"""The model ``lstm`` written out for one sentence, with loops over layers, directions and positions, in NumPy.

Hochreiter and Schmidhuber (1997) with forget gates; Luong et al. (2015), equations 5 to 8 and section 3.3.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seqtrain.models.lstm import LSTM

Array = npt.NDArray[np.float64]


class Factors(NamedTuple):
    """What stands for the four dropouts: numbers that are multiplied with."""

    encoder_in: float = 1.0
    encoder_out: float = 1.0
    decoder_in: float = 1.0
    decoder_out: float = 1.0


class Reference:
    """The same parameters as a model in float64, by name."""

    def __init__(self, model: LSTM, factors: Factors = Factors()) -> None:
        # What is tied has several names.
        named = model.named_parameters(remove_duplicate=False)
        self.parameters: dict[str, Array] = {name: parameter.detach().numpy() for name, parameter in named}
        self.factors = factors

    def __call__(self, source: Sequence[int], prev_output: Sequence[int]) -> tuple[Array, Array]:
        """Return the logits (T, V) and the attention (T, S), of no columns if there is none."""
        features, cells = self.encode(source)
        fed = np.zeros_like(cells[0][0])
        logits, attention = [], []
        for token in prev_output:
            x = np.concatenate([self.parameters["decoder.embedding.weight"][token] * self.factors.decoder_in, fed])
            for layer, of_layer in enumerate(cells):
                cells[layer] = self.cell(f"decoder.layers.{layer}.", "", x, *of_layer)
                x = cells[layer][0] * self.factors.decoder_out
            output, weights = self.attend(cells[-1][0], features)
            fed = output * self.factors.decoder_out
            logits.append(self.project(fed))
            attention.append(weights)
        return np.stack(logits), np.stack(attention)

    def encode(self, tokens: Sequence[int]) -> tuple[Array, list[tuple[Array, Array]]]:
        """Return the features (S, D), and the hidden and memory that each layer of the decoder begins with."""
        x = self.parameters["encoder.embedding.weight"][list(tokens)] * self.factors.encoder_in
        cells = []
        for layer in range(self.layers("encoder")):
            prefix, read = f"encoder.layers.{layer}.", []
            for suffix in ("_l0", "_l0_reverse"):
                if f"{prefix}weight_ih{suffix}" in self.parameters:
                    read.append(self.read(prefix, suffix, x))
            x = np.concatenate([outputs for outputs, _, _ in read], axis=1) * self.factors.encoder_out
            hidden, memory = (np.concatenate([one[part] for one in read]) for part in (1, 2))
            cells.append((self.bridge("hidden", hidden), self.bridge("memory", memory)))
        return x, cells

    def read(self, prefix: str, suffix: str, x: Array) -> tuple[Array, Array, Array]:
        """Return the outputs (S, H) of one direction, and its last hidden and memory."""
        positions = list(range(len(x)))
        if suffix.endswith("reverse"):
            positions.reverse()
        size = len(self.parameters[f"{prefix}weight_hh{suffix}"]) // 4
        outputs, hidden, memory = np.zeros((len(x), size)), np.zeros(size), np.zeros(size)
        for position in positions:
            hidden, memory = self.cell(prefix, suffix, x[position], hidden, memory)
            outputs[position] = hidden
        return outputs, hidden, memory

    def cell(self, prefix: str, suffix: str, x: Array, hidden: Array, memory: Array) -> tuple[Array, Array]:
        """Return the next hidden and memory: input, forget and output gates, and what is new."""
        w, u, b, c = (
            self.parameters[prefix + kind + suffix] for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        i, f, g, o = np.split(w @ x + b + u @ hidden + c, 4)
        memory = sigmoid(f) * memory + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(memory), memory

    def bridge(self, what: str, x: Array) -> Array:
        """Return what the decoder begins with, which may be of another size."""
        return self.linear(f"encoder.{what}_proj", x)

    def attend(self, query: Array, features: Array) -> tuple[Array, Array]:
        """Return the output and the probabilities (S,)."""
        if "decoder.attention.input_proj.weight" not in self.parameters:
            return query, np.zeros(0)
        score = np.exp([feature @ self.linear("decoder.attention.input_proj", query) for feature in features])
        weights = score / score.sum()
        context = sum(weight * feature for weight, feature in zip(weights, features, strict=True))
        return np.tanh(self.linear("decoder.attention.output_proj", np.concatenate([context, query]))), weights

    def project(self, output: Array) -> Array:
        """Return the logits (V,) of an output (H,)."""
        if "decoder.out.0.weight" in self.parameters:
            output = self.linear("decoder.out.0", output) * self.factors.decoder_out
        return self.linear("output_projection", output)

    def linear(self, name: str, x: Array) -> Array:
        """Apply a linear layer, if it is there."""
        if f"{name}.weight" not in self.parameters:
            return x
        y: Array = self.parameters[f"{name}.weight"] @ x + self.parameters.get(f"{name}.bias", 0)
        return y

    def layers(self, side: str) -> int:
        """Return how many layers a side has."""
        return len({name.split(".")[2] for name in self.parameters if name.startswith(f"{side}.layers.")})


def sigmoid(x: Array) -> Any:
    """Return the logistic function."""
    return 1 / (1 + np.exp(-x))
