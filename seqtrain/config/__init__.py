"""The configs: the base of each kind of plug-in, the plain sections, and the root of each command. No torch here.

Every field's meaning and unit stand in the string below it, which ``--help`` and the docs print.
"""

from seqtrain.config.plugins import (
    SHARED,
    CriterionConfig,
    LRSchedulerConfig,
    ModelConfig,
    OptimizerConfig,
    ParameterGroupConfig,
    PluginConfig,
    TaskConfig,
    TokenizerConfig,
    WeightDecayConfig,
    wrong_patterns,
)
from seqtrain.config.roots import (
    ROOTS,
    AverageConfig,
    EvaluateConfig,
    GenerateConfig,
    Plugins,
    ScoreConfig,
    ScoreFormat,
    TrainConfig,
)
from seqtrain.config.sections import (
    Constraints,
    DatasetConfig,
    Device,
    EmaConfig,
    GenerationConfig,
    Precision,
    SavingConfig,
    Scorer,
    TrackingConfig,
    TrainingConfig,
    ValidationConfig,
)

__all__ = [
    "ROOTS",
    "SHARED",
    "AverageConfig",
    "Constraints",
    "CriterionConfig",
    "DatasetConfig",
    "Device",
    "EmaConfig",
    "EvaluateConfig",
    "GenerateConfig",
    "GenerationConfig",
    "LRSchedulerConfig",
    "ModelConfig",
    "OptimizerConfig",
    "ParameterGroupConfig",
    "PluginConfig",
    "Plugins",
    "Precision",
    "SavingConfig",
    "ScoreConfig",
    "ScoreFormat",
    "Scorer",
    "TaskConfig",
    "TokenizerConfig",
    "TrackingConfig",
    "TrainConfig",
    "TrainingConfig",
    "ValidationConfig",
    "WeightDecayConfig",
    "wrong_patterns",
]
