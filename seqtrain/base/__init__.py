"""The base classes of the five kinds of plug-in, and what they pass to each other.

Shape letters: B batch, S source length, T target length, D model dim, V vocabulary.
"""

from seqtrain.base.criterions import Criterion
from seqtrain.base.data import Batch, Dataset, Dictionary, LossOutput, PlanSpec, Shard, Sum, TaskInfo
from seqtrain.base.fingerprints import Fingerprint, differences
from seqtrain.base.models import (
    AdaptivelyProjected,
    Alignment,
    AttendingModel,
    Choice,
    CTCModel,
    DecoderModel,
    EncoderDecoderModel,
    EncoderModel,
    EncoderOutput,
    FeatureModel,
    Generator,
    Hypothesis,
    IncrementalModel,
    IncrementalState,
    LinearlyProjected,
    Model,
    ModelOutput,
    NoSource,
    PrefillingModel,
    clean_name,
    logits_of,
    with_attention,
)
from seqtrain.base.optimizers import LRScheduler, Optimizer
from seqtrain.base.tasks import Task

__all__ = [
    "AdaptivelyProjected",
    "Alignment",
    "AttendingModel",
    "Batch",
    "CTCModel",
    "Choice",
    "Criterion",
    "Dataset",
    "DecoderModel",
    "Dictionary",
    "EncoderDecoderModel",
    "EncoderModel",
    "EncoderOutput",
    "FeatureModel",
    "Fingerprint",
    "Generator",
    "Hypothesis",
    "IncrementalModel",
    "IncrementalState",
    "LRScheduler",
    "LinearlyProjected",
    "LossOutput",
    "Model",
    "ModelOutput",
    "NoSource",
    "Optimizer",
    "PlanSpec",
    "PrefillingModel",
    "Shard",
    "Sum",
    "Task",
    "TaskInfo",
    "clean_name",
    "differences",
    "logits_of",
    "with_attention",
]
