"""seqtrain: train sequence models in which every part is a plug-in with a typed config."""

__version__ = "0.1.0"
