"""The root config of each command that has one."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING

from seqtrain.config.generate import GenerateConfig, OutputFormat
from seqtrain.config.generation import GenerationConfig, Quantize
from seqtrain.config.plugins import (
    CriterionConfig,
    LRSchedulerConfig,
    ModelConfig,
    OptimizerConfig,
    Plugins,
    ScorerConfig,
    TaskConfig,
    TokenizerConfig,
)
from seqtrain.config.sections import (
    DatasetConfig,
    Device,
    EmaConfig,
    SavingConfig,
    TrackingConfig,
    TrainingConfig,
    ValidationConfig,
)
from seqtrain.fields import Checked, bounded


@dataclass
class TrainConfig(Checked):
    """Root config of ``train`` and ``prepare``."""

    task: TaskConfig = MISSING
    """What is learned, from which data."""
    model: ModelConfig = MISSING
    """The network."""
    criterion: CriterionConfig = MISSING
    """The loss."""
    optimizer: OptimizerConfig = MISSING
    """What updates the parameters."""
    lr_scheduler: LRSchedulerConfig = MISSING
    """The learning rate over training."""
    tokenizer: TokenizerConfig = MISSING
    """How text becomes tokens."""
    scorer: dict[str, ScorerConfig] = field(default_factory=dict)
    """Scores of decoded text by their names in metrics: that of validation, if it decodes, and of ``final_split``."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """How long and how to train."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """How data is kept and batched."""
    validation: ValidationConfig = field(default_factory=ValidationConfig)
    """When and how to validate."""
    saving: SavingConfig = field(default_factory=SavingConfig)
    """When to save, what to keep, and what is best."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How validation searches for the best output."""
    ema: EmaConfig = field(default_factory=EmaConfig)
    """The moving average of the parameters, if one is kept."""
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    """Where metrics go besides the log."""

    def contradictions(self) -> Iterable[str]:
        """Training has an end, what is chosen goes together, and ``saving.metric`` is a score that validation gives."""
        if not (self.training.max_update or self.training.max_epoch):
            yield "training would never end: set training.max_update or training.max_epoch"
        if self.validation.generate and isinstance(self.task, TaskConfig) and not self.task.has_references:
            yield (
                f"validation.generate=true scores decoded text, and task={self.task._name} has no references to score "
                "it against: set validation.generate=false"
            )
        if isinstance(self.criterion, CriterionConfig) and isinstance(self.model, ModelConfig):
            yield from self.criterion.contradictions_with(self.model)
        if isinstance(self.optimizer, OptimizerConfig) and isinstance(self.lr_scheduler, LRSchedulerConfig):
            yield from self.optimizer.contradictions_with(self.lr_scheduler)
        if self.validation.generate and not self.scorer:
            yield "validation.generate=true scores decoded text: choose by what, such as scorer=[bleu]"
        if self.generation.quantize is not Quantize.none:
            yield (
                f"generation.quantize={self.generation.quantize.value} is for trained models, and validation decodes "
                "one in training: leave it out, and give it to generate or evaluate"
            )
        metric = self.saving.metric
        if (scorer := self.scorer.get(metric.rpartition("/")[2])) is None:
            return
        if not self.validation.generate:
            yield f"saving.metric={metric} needs validation.generate=true"
        if self.saving.maximize != scorer.maximize:
            better, value = ("higher", "true") if scorer.maximize else ("lower", "false")
            yield f"saving.metric={metric} is better the {better} it is: set saving.maximize={value}"


@dataclass
class EvaluateConfig(Checked):
    """Root config of ``evaluate``."""

    checkpoint: Any = MISSING
    """Run directory (its best checkpoint) or checkpoint directory; several are an ensemble: ``[A,B]``."""
    split: str = "test"
    """Split of the checkpoint's task to evaluate, such as ``valid``, ``test`` or ``test1``."""
    data: str = ""
    """Directory of the data if it is no longer where the checkpoint was trained from."""
    context_window: int | None = bounded(None, at_least=0)
    """Tokens that a language model is given before each block; null: ``task.context_window`` of the checkpoint."""
    output_word_probs: str = ""
    """File to write a language model's log-probabilities of tokens and words to, a line of JSON for each of text."""
    output_word_stats: str = ""
    """File to write how often each word comes and its mean log-probability to, a line of JSON for each word."""
    scorer: dict[str, ScorerConfig] = field(default_factory=dict)
    """Scores of decoded text, where there are references, by their names in the output."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """How data is kept here, and batched for the loss."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How to search for the best output."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""
    plugins: Plugins = Plugins.installed
    """Code of plug-ins that are not seqtrain's own: what is installed or on hydra.searchpath, or the bundled copy."""

    def contradictions(self) -> Iterable[str]:
        """The device is one that can decode as it is asked to."""
        return self.generation.contradictions_with(self.device)


@dataclass
class ScoreConfig(Checked):
    """Root config of ``score``."""

    checkpoint: Any = MISSING
    """Run directory (its best checkpoint) or checkpoint directory; several are an ensemble: ``[A,B]``."""
    source: str = ""
    """Text file of what the lines of ``target`` are translations of, plain or .gz; none for a language model."""
    target: str = MISSING
    """Text file to score, line by line, plain or .gz."""
    output: str = "-"
    """File to write; ``-`` writes standard output."""
    format: OutputFormat = OutputFormat.text
    """A score, a tab and the line (text), JSON with scores of tokens and words (jsonl), or S-, H-, D-, P-lines."""
    source_lang: str = ""
    """Language of the source, of a model of several pairs; empty for any other."""
    target_lang: str = ""
    """Language of the target, of a model of several pairs; empty for any other."""
    lenpen: float = bounded(1.0)
    """Length penalty: a line scores its log-probability divided by length ** lenpen, as in a search."""
    max_tokens: int = bounded(4096, at_least=1)
    """Most tokens in a batch: sentences times longest source, or line of a language model."""
    max_sentences: int = bounded(128, at_least=0)
    """Most sentences in a batch; 0 sets no limit."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""
    plugins: Plugins = Plugins.installed
    """Code of plug-ins that are not seqtrain's own: what is installed or on hydra.searchpath, or the bundled copy."""


@dataclass
class AverageConfig(Checked):
    """Root config of ``average``."""

    checkpoint: Any = MISSING
    """Run directory, of which ``last`` or ``best`` are taken, or checkpoint directory; several of them: ``[A,B]``."""
    last: int | None = bounded(None, at_least=1)
    """How many of the newest checkpoints of a run directory to take; null: up to 5, unless ``best`` is given."""
    best: int | None = bounded(None, at_least=1)
    """How many of the best checkpoints of a run directory to take, by its ``saving.metric``."""
    upper_bound: int | None = bounded(None, at_least=0)
    """Update after which no checkpoint of a run directory is taken."""
    output: str = MISSING
    """Checkpoint directory to write."""

    def contradictions(self) -> Iterable[str]:
        """Checkpoints are the newest or the best."""
        if self.last is not None and self.best is not None:
            yield f"last={self.last} and best={self.best}: take the newest checkpoints or the best, and leave one out"


ROOTS = {
    "train": TrainConfig,
    "generate": GenerateConfig,
    "score": ScoreConfig,
    "evaluate": EvaluateConfig,
    "average": AverageConfig,
}
"""Root dataclass of each command that has one of its own."""
