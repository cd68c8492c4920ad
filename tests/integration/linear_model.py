"""The text of a plug-in that tests of users' directories and packages write."""

LINEAR = '''
from dataclasses import dataclass

from torch import nn

from seqtrain.models import Model, ModelConfig, register_model


@dataclass
class LinearConfig(ModelConfig):
    """Config of the model."""

    dim: int = 4
    """Dimension."""


@register_model("linear", LinearConfig)
class Linear(Model):
    """Predicts the next token from the one before."""

    def __init__(self, cfg, task):
        super().__init__(cfg, task)
        self.embedding = nn.Embedding(len(task.target_dictionary), cfg.dim)
        self.output = nn.Linear(cfg.dim, len(task.target_dictionary))

    def forward(self, prev_output_tokens, **_):
        return self.output(self.embedding(prev_output_tokens))
'''


def linear_model(name: str = "linear") -> str:
    """Return the text, with the model registered as ``name``."""
    return LINEAR.replace('"linear"', f'"{name}"')
