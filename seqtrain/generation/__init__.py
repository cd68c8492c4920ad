"""Generation: search for the best outputs of a model, and decode whole datasets in input order."""

from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.translate import decode_dataset, decode_lines, generation_plan

__all__ = ["BeamSearch", "decode_dataset", "decode_lines", "generation_plan"]
