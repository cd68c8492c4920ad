"""The configs: the base of each kind of plug-in, the plain sections, and the root of each command. No torch here.

Every field's meaning and unit stand in the string below it, which ``--help`` and the docs print.
"""

from seqtrain.config.generate import GenerateConfig, OutputFormat, PrintAlignment
from seqtrain.config.generation import MBR, Constraints, GenerationConfig, Quantize
from seqtrain.config.plugins import (
    SHARED,
    CriterionConfig,
    LRSchedulerConfig,
    ModelConfig,
    OptimizerConfig,
    ParameterGroupConfig,
    PluginConfig,
    Plugins,
    ScorerConfig,
    TaskConfig,
    TokenizerConfig,
    WeightDecayConfig,
    wrong_patterns,
)
from seqtrain.config.roots import (
    ROOTS,
    AverageConfig,
    EvaluateConfig,
    ScoreConfig,
    TrainConfig,
)
from seqtrain.config.sections import (
    DatasetConfig,
    Device,
    EmaConfig,
    Precision,
    Reset,
    SavingConfig,
    TrackingConfig,
    TrainingConfig,
    ValidationConfig,
)

__all__ = [
    "MBR",
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
    "OutputFormat",
    "ParameterGroupConfig",
    "PluginConfig",
    "Plugins",
    "Precision",
    "PrintAlignment",
    "Quantize",
    "Reset",
    "SavingConfig",
    "ScoreConfig",
    "ScorerConfig",
    "TaskConfig",
    "TokenizerConfig",
    "TrackingConfig",
    "TrainConfig",
    "TrainingConfig",
    "ValidationConfig",
    "WeightDecayConfig",
    "wrong_patterns",
]
