"""Optimizers: update parameters from gradients. Importing this registers none; see ``plugins.import_builtin``."""

from seqtrain.base import Optimizer
from seqtrain.config import OptimizerConfig, ParameterGroupConfig, WeightDecayConfig
from seqtrain.optimizers._groups import ParameterGroup, parameter_groups, trainable_parameters
from seqtrain.optimizers._torch import TorchOptimizer
from seqtrain.registry import Registry

REGISTRY: Registry[Optimizer] = Registry("optimizer", OptimizerConfig, Optimizer)
register_optimizer = REGISTRY.register
register_optimizer_preset = REGISTRY.register_preset

__all__ = [
    "REGISTRY",
    "Optimizer",
    "OptimizerConfig",
    "ParameterGroup",
    "ParameterGroupConfig",
    "TorchOptimizer",
    "WeightDecayConfig",
    "parameter_groups",
    "register_optimizer",
    "register_optimizer_preset",
    "trainable_parameters",
]
