"""Criterions: the loss, given a model and a batch. Importing this registers none; see ``plugins.import_builtin``."""

from seqtrain.base import Batch, Criterion, LossOutput, Model, Sum, TaskInfo
from seqtrain.config import CriterionConfig
from seqtrain.criterions._target_tokens import TargetTokenConfig, TargetTokenCriterion
from seqtrain.registry import Registry

REGISTRY: Registry[Criterion] = Registry("criterion", CriterionConfig, Criterion)
register_criterion = REGISTRY.register
register_criterion_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "Batch",
    "Criterion",
    "CriterionConfig",
    "LossOutput",
    "Model",
    "Sum",
    "TargetTokenConfig",
    "TargetTokenCriterion",
    "TaskInfo",
    "register_criterion",
    "register_criterion_preset",
]
