"""The root config and its plain sections; the base config of each kind of plug-in. No torch here.

Every field's meaning and unit stand in the string below it, which ``--help`` and the docs print.
"""

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import II, MISSING

from seqtrain.errors import ConfigError


def check_at_least(section: str, config: object, **minima: float) -> None:
    """Check that fields of a config are no smaller than these.

    Raises:
        ConfigError: one is; the message names its key.
    """
    for name, minimum in minima.items():
        value = getattr(config, name)
        if not value >= minimum:
            raise ConfigError(f"{section}.{name}={value} must be at least {minimum}")


@dataclass
class PluginConfig:
    """Base of every plug-in's config."""

    _name: str = field(default="", init=False, repr=False, compare=False)
    """Registered name of the plug-in; filled in by its registry, never by hand."""


@dataclass
class ModelConfig(PluginConfig):
    """Base of the configs in group ``model``."""


@dataclass
class CriterionConfig(PluginConfig):
    """Base of the configs in group ``criterion``."""

    sentence_avg: bool = False
    """Average the gradient over sentences instead of over target tokens."""


@dataclass
class TokenizerConfig(PluginConfig):
    """Base of the configs in group ``tokenizer``."""


@dataclass
class TaskConfig(PluginConfig):
    """Base of the configs in group ``task``."""

    tokenizer: TokenizerConfig = II("tokenizer")
    """The chosen tokenizer; set it through the group ``tokenizer``."""
    cache_dir: str = II("dataset.cache_dir")
    """Where prepared data is kept; set it as ``dataset.cache_dir``."""


@dataclass
class ParameterGroupConfig:
    """Settings of its own for the parameters whose name a pattern matches."""

    pattern: str = MISSING
    """Regular expression, searched for in the parameter's name, such as ``bias$|norm``."""
    lr_scale: float = 1.0
    """Factor on the learning rate of these parameters."""
    weight_decay: float | None = None
    """Weight decay of these parameters; the optimizer's own if null."""


@dataclass
class OptimizerConfig(PluginConfig):
    """Base of the configs in group ``optimizer``."""

    lr: float = MISSING
    """Learning rate, the peak that the scheduler starts from."""
    groups: list[ParameterGroupConfig] = field(default_factory=list)
    """Parameters with settings of their own; the first pattern that matches a parameter takes it."""


@dataclass
class LRSchedulerConfig(PluginConfig):
    """Base of the configs in group ``lr_scheduler``."""


class Device(str, Enum):
    """Where to compute."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


class Precision(str, Enum):
    """Number format of the forward and backward pass; parameters stay in fp32."""

    fp32 = "fp32"
    bf16 = "bf16"


@dataclass
class TrainingConfig:
    """How long and how to train."""

    max_update: int = 0
    """Stop after this many updates; 0 sets no limit."""
    max_epoch: int = 0
    """Stop after this many passes over the training data; 0 sets no limit."""
    stop_time_hours: float = 0.0
    """Stop after this many hours of training, earlier runs of the same run directory included; 0 sets no limit."""
    patience: int = 0
    """Stop after this many validations in a row without a better ``saving.metric``; 0 never does."""
    update_freq: int = 1
    """Batches whose gradients are accumulated for one update."""
    clip_norm: float = 0.0
    """Clip the gradient to this L2 norm; 0 does not clip."""
    seed: int = 1
    """Seed of initialisation, shuffling and dropout."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""
    precision: Precision = Precision.fp32
    """Number format of the forward and backward pass."""
    compile: bool = False
    """Compile the model and criterion with ``torch.compile``."""
    deterministic: bool = False
    """Use deterministic algorithms only, an error where torch has none."""
    num_threads: int = 0
    """CPU threads of one operation; 0 leaves it to torch."""
    log_interval: int = 100
    """Updates between two lines of training metrics."""
    log_base: float = math.e
    """Base of the logarithm in which losses are displayed, above 1: e (nats) or 2 (bits)."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range.
        """
        check_at_least("training", self, max_update=0, max_epoch=0, stop_time_hours=0, patience=0, update_freq=1)
        check_at_least("training", self, clip_norm=0, seed=0, num_threads=0, log_interval=1)
        if not self.log_base > 1:
            raise ConfigError(f"training.log_base={self.log_base} must be above 1")


@dataclass
class DatasetConfig:
    """How data is kept and batched."""

    max_tokens: int = 4096
    """Most tokens in a batch: sentences times longest side; a longer sentence stands alone; 0 sets no limit."""
    max_sentences: int = 0
    """Most sentences in a batch; 0 sets no limit."""
    required_batch_size_multiple: int = 1
    """Cut batches to a multiple of this many sentences where that is possible; no sentence is ever dropped."""
    cache_dir: str = "${oc.env:SEQTRAIN_CACHE,${oc.env:XDG_CACHE_HOME,${oc.env:HOME,.}/.cache}/seqtrain}"
    """Where prepared data is kept, addressed by its content."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range, or no limit is set.
        """
        check_at_least("dataset", self, max_tokens=0, max_sentences=0, required_batch_size_multiple=1)
        if not (self.max_tokens or self.max_sentences):
            raise ConfigError("a batch would hold all data: set dataset.max_tokens or dataset.max_sentences")


class Scorer(str, Enum):
    """How decoded text is scored against the references."""

    bleu = "bleu"
    chrf = "chrf"
    exact_match = "exact_match"


@dataclass
class ValidationConfig:
    """When and how to validate."""

    interval_epochs: int = 1
    """Validate at the end of every this many epochs; 0 does not."""
    interval_updates: int = 0
    """Validate every this many updates; 0 does not."""
    max_batches: int = 0
    """Batches of a validation set to compute the loss on; 0 takes all. Decoding takes all."""
    generate: bool = False
    """Also decode the validation sets, with the settings of ``generation``, and score the text."""
    scorers: list[Scorer] = field(default_factory=lambda: [Scorer.bleu])
    """Scores of decoded text, ``final_split`` too: bleu, chrf, exact_match (percentage of lines that are right)."""
    bleu_tokenizer: str = "13a"
    """SacreBLEU's tokenizer for BLEU; ``none`` for text that is tokenised already."""
    final_split: str = ""
    """Split that the best checkpoint decodes when training ends, such as ``test``; empty for none."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range.
        """
        check_at_least("validation", self, interval_epochs=0, interval_updates=0, max_batches=0)


@dataclass
class SavingConfig:
    """When to save, what to keep, and what is best."""

    interval_epochs: int = 1
    """Save at the end of every this many epochs; 0 does not."""
    interval_updates: int = 0
    """Save every this many updates; 0 does not."""
    keep_last: int = 3
    """Newest checkpoints to keep; 0 keeps all."""
    keep_best: int = 1
    """Best checkpoints to keep besides; a validation that is among them saves."""
    metric: str = "valid/loss"
    """Metric that says which checkpoint is best, and that training returns: ``<split>/<name>``."""
    maximize: bool = False
    """Whether a higher ``saving.metric`` is better."""

    def rank(self, value: float) -> float:
        """Return a number by which values of ``metric`` are in order, the best first."""
        return -value if self.maximize else value

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range.
        """
        check_at_least("saving", self, interval_epochs=0, interval_updates=0, keep_last=0, keep_best=0)


@dataclass
class GenerationConfig:
    """How to search for the best output."""

    beam: int = 5
    """Hypotheses kept at each position; 1 is greedy search."""
    nbest: int = 1
    """Hypotheses to return for each sentence, at most ``beam``."""
    lenpen: float = 1.0
    """Length penalty: a hypothesis scores its log-probability divided by length ** lenpen."""
    max_len_a: float = 0.0
    """With ``max_len_b``: at most max_len_a * source length + max_len_b tokens, end of sentence excluded."""
    max_len_b: int = 200
    """See ``max_len_a``."""
    min_len: int = 1
    """Fewest tokens of an output, end of sentence excluded."""
    max_tokens: int = 4096
    """Most tokens in a batch that is decoded: sentences times longest side."""
    max_sentences: int = 128
    """Most sentences in a batch that is decoded; 0 sets no limit."""

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ConfigError: a value is out of its range, or more hypotheses are asked for than the search keeps.
        """
        check_at_least("generation", self, beam=1, nbest=1, max_len_a=0, max_len_b=0, min_len=0)
        check_at_least("generation", self, max_tokens=1, max_sentences=0)
        if self.nbest > self.beam:
            raise ConfigError(
                f"generation.nbest={self.nbest} is more than generation.beam={self.beam}: "
                "the search keeps `beam` hypotheses; raise generation.beam or lower generation.nbest"
            )


@dataclass
class TrackingConfig:
    """Where metrics go besides the log and ``metrics.jsonl``."""

    tensorboard: bool = False
    """Write TensorBoard event files into ``tensorboard/`` of the run directory."""


@dataclass
class TrainConfig:
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
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    """Where metrics go besides the log."""

    def __post_init__(self) -> None:
        """Check what no section can alone.

        Raises:
            ConfigError: training would never end, or ``saving.metric`` is a score that validation does not give.
        """
        if not (self.training.max_update or self.training.max_epoch):
            raise ConfigError("training would never end: set training.max_update or training.max_epoch")
        self._check_metric()

    def _check_metric(self) -> None:
        metric, validation = self.saving.metric, self.validation
        name = metric.rpartition("/")[2]
        if name not in Scorer.__members__:
            return
        if not validation.generate or Scorer(name) not in validation.scorers:
            raise ConfigError(
                f"saving.metric={metric} needs validation.generate=true and {name} among validation.scorers"
            )
        if not self.saving.maximize:
            raise ConfigError(f"saving.metric={metric} is better the higher it is: set saving.maximize=true")


@dataclass
class GenerateConfig:
    """Root config of ``generate``."""

    checkpoint: str = MISSING
    """Run directory (its best checkpoint) or checkpoint directory."""
    input: str = "-"
    """Text file to translate, one sentence a line, plain or .gz; ``-`` reads standard input."""
    output: str = "-"
    """File to write, one line for each line of the input; ``-`` writes standard output."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How to search for the best output."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""


@dataclass
class EvaluateConfig:
    """Root config of ``evaluate``."""

    checkpoint: str = MISSING
    """Run directory (its best checkpoint) or checkpoint directory."""
    split: str = "test"
    """Split of the checkpoint's task to evaluate, such as ``valid``, ``test`` or ``test1``."""
    data: str = ""
    """Directory of the data if it is no longer where the checkpoint was trained from."""
    bleu_tokenizer: str = "13a"
    """SacreBLEU's tokenizer for BLEU; ``none`` for text that is tokenised already."""
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    """How data is kept here, and batched for the loss."""
    generation: GenerationConfig = field(default_factory=GenerationConfig)
    """How to search for the best output."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""


@dataclass
class AverageConfig:
    """Root config of ``average``."""

    checkpoint: Any = MISSING
    """Run directory, whose newest checkpoints are taken, or checkpoint directory; several of them: ``[A,B]``."""
    last: int = 5
    """How many of the newest checkpoints of a run directory to take."""
    output: str = MISSING
    """Checkpoint directory to write."""

    def __post_init__(self) -> None:
        """Check the range.

        Raises:
            ConfigError: there is nothing to average.
        """
        if self.last < 1:
            raise ConfigError(f"last={self.last} must be at least 1")
