"""Searches that tell how their hypotheses attend to the source."""

from torch import Tensor

from seqtrain.base import Generator, Hypothesis, Model, TaskInfo
from seqtrain.generation.alignment import align
from seqtrain.nn.ensemble import members


class Aligned:
    """A search whose hypotheses come with their alignments, by the attention of the model.

    Args:
        generator: the search.
        model: the model that is searched, or an ensemble.
        task: gives the dictionaries.
    """

    def __init__(self, generator: Generator, model: Model, task: TaskInfo) -> None:
        self.generator = generator
        self.models = members(model)
        self.task = task

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence, best first.

        Raises:
            ConfigError: a model does not tell how it attends to its source.
        """
        found = self.generator.generate(net_input)
        aligned = align(self.models, net_input, found, self.task)
        return [
            [hypothesis._replace(alignment=alignment) for hypothesis, alignment in zip(*pair, strict=True)]
            for pair in zip(found, aligned, strict=True)
        ]
