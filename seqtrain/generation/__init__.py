"""Generation: search for the best outputs of a model, and decode whole datasets in input order."""

from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.translate import decode_dataset, decode_lines, generation_plan

__all__ = ["SequenceGenerator", "decode_dataset", "decode_lines", "generation_plan"]
