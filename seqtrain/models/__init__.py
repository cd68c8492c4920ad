"""Models: the network and all learnable parameters. Importing this registers none; see ``plugins.import_builtin``."""

from seqtrain.base import (
    AdaptivelyProjected,
    Choice,
    DecoderModel,
    EncoderDecoderModel,
    EncoderModel,
    EncoderOutput,
    FeatureModel,
    IncrementalModel,
    IncrementalState,
    LinearlyProjected,
    Model,
    ModelOutput,
    NoSource,
    PrefillingModel,
    TaskInfo,
)
from seqtrain.config import ModelConfig
from seqtrain.registry import Registry

REGISTRY: Registry[Model] = Registry("model", ModelConfig, Model)
register_model = REGISTRY.register
register_model_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "AdaptivelyProjected",
    "Choice",
    "DecoderModel",
    "EncoderDecoderModel",
    "EncoderModel",
    "EncoderOutput",
    "FeatureModel",
    "IncrementalModel",
    "IncrementalState",
    "LinearlyProjected",
    "Model",
    "ModelConfig",
    "ModelOutput",
    "NoSource",
    "PrefillingModel",
    "TaskInfo",
    "register_model",
    "register_model_preset",
]
