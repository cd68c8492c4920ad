"""The plain sections of the root configs."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from seqtrain.fields import Checked, bounded


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
    fp16 = "fp16"


@dataclass
class TrainingConfig(Checked):
    """How long and how to train."""

    max_update: int = bounded(0, at_least=0)
    """Stop after this many updates; 0 sets no limit."""
    max_epoch: int = bounded(0, at_least=0)
    """Stop after this many passes over the training data; 0 sets no limit."""
    stop_time_hours: float = bounded(0.0, at_least=0)
    """Save and stop after this many hours since training began or was resumed, with exit code 75; 0 sets no limit."""
    patience: int = bounded(0, at_least=0)
    """Stop after this many validations in a row without a better ``saving.metric``; 0 never does."""
    update_freq: int = bounded(1, at_least=1)
    """Batches whose gradients are accumulated for one update."""
    clip_norm: float = bounded(0.0, at_least=0)
    """Clip the gradient to this L2 norm; 0 does not clip."""
    seed: int = bounded(1, at_least=0)
    """Seed of initialisation, shuffling and dropout."""
    device: Device = Device.auto
    """Where to compute: auto takes cuda, else mps, else cpu."""
    precision: Precision = Precision.fp32
    """Number format of the forward and backward pass."""
    fp16_init_scale: float = bounded(128.0, above=0)
    """Factor on the loss that fp16 begins with; it halves when a gradient overflows."""
    fp16_scale_window: int = bounded(0, at_least=0)
    """Updates without an overflow after which that factor doubles; 0 is 2**14 / ``update_freq``."""
    min_loss_scale: float = bounded(1e-4, above=0)
    """Smallest such factor; below it an update counts as faulty."""
    ema: bool = False
    """Keep an exponential moving average of the parameters, set up in ``ema``; it is what is validated and saved."""
    compile: bool = False
    """Compile the model and criterion with ``torch.compile``."""
    deterministic: bool = False
    """Use deterministic algorithms only, an error where torch has none."""
    num_threads: int = bounded(0, at_least=0)
    """CPU threads of one operation; 0 leaves it to torch."""
    keep_memory: bool = True
    """Keep memory that is freed for the next update, where a CPU computes on Linux: faster, for a higher peak maybe."""
    max_faults: int = bounded(10, at_least=0)
    """Faulty updates (loss or gradient not finite, or a spike) to skip before training stops with a report."""
    spike_factor: float = bounded(0.0, at_least=0)
    """An update is faulty if its gradient's norm is over this many times the median of the last 64; 0: never."""
    log_interval: int = bounded(100, at_least=1)
    """Updates between two lines of training metrics."""
    log_base: float = bounded(math.e, above=1)
    """Base of the logarithm in which losses are displayed: e (nats) or 2 (bits)."""

    def contradictions(self) -> Iterable[str]:
        """The precision is one that the device can train in."""
        if self.precision is Precision.fp16 and self.device is Device.cpu:
            yield "training.precision=fp16 needs a GPU; on a CPU use bf16 or fp32"


@dataclass
class EmaConfig(Checked):
    """The moving average of the parameters that ``training.ema=true`` keeps."""

    decay: float = bounded(0.9999, at_least=0, below=1)
    """Share of the old average at each of its updates: average = decay * average + (1 - decay) * parameters."""
    start_update: int = bounded(0, at_least=0)
    """Update from which on there is an average; before it, it is a copy of the parameters."""
    update_freq: int = bounded(1, at_least=1)
    """Updates of the parameters for one of the average."""


@dataclass
class DatasetConfig(Checked):
    """How data is kept and batched."""

    max_tokens: int = bounded(4096, at_least=0)
    """Most tokens in a batch: sentences times longest side; a longer sentence stands alone; 0 sets no limit."""
    max_sentences: int = bounded(0, at_least=0)
    """Most sentences in a batch; 0 sets no limit."""
    required_batch_size_multiple: int = bounded(1, at_least=1)
    """Cut batches to a multiple of this many sentences where that is possible; no sentence is ever dropped."""
    shuffle_window: int = bounded(0, at_least=0)
    """Sentences that are sorted by length and shuffled at a time, such as 1000000: memory does not grow with the
    corpus, which is read in order of runs of window / 256 lines. 0: all that an epoch has."""
    cache_dir: str = "${oc.env:SEQTRAIN_CACHE,${oc.env:XDG_CACHE_HOME,${oc.env:HOME,.}/.cache}/seqtrain}"
    """Where prepared data is kept, addressed by its content."""

    def contradictions(self) -> Iterable[str]:
        """A batch needs a limit."""
        if not (self.max_tokens or self.max_sentences):
            yield "a batch would hold all data: set dataset.max_tokens or dataset.max_sentences"


@dataclass
class ValidationConfig(Checked):
    """When and how to validate."""

    interval_epochs: int = bounded(1, at_least=0)
    """Validate at the end of every this many epochs; 0 does not."""
    interval_updates: int = bounded(0, at_least=0)
    """Validate every this many updates; 0 does not."""
    max_batches: int = bounded(0, at_least=0)
    """Batches of a validation set to compute the loss on; 0 takes all. Decoding takes all."""
    generate: bool = False
    """Also decode the validation sets, with the settings of ``generation``, and score the text by each ``scorer``."""
    final_split: str = ""
    """Split that the best checkpoint decodes, or has its loss computed on, when training ends; empty for none."""


class Reset(str, Enum):
    """What a run that starts from another one begins anew, besides metrics."""

    optimizer = "optimizer"
    lr_scheduler = "lr_scheduler"
    data = "data"


@dataclass
class SavingConfig(Checked):
    """When to save, what to keep, what is best, and which checkpoint a run starts from."""

    interval_epochs: int = bounded(1, at_least=0)
    """Save at the end of every this many epochs; 0 does not."""
    interval_updates: int = bounded(0, at_least=0)
    """Save every this many updates; 0 does not."""
    keep_last: int = bounded(3, at_least=0)
    """Newest checkpoints to keep; 0 keeps all."""
    keep_best: int = bounded(1, at_least=0)
    """Best checkpoints to keep besides; a validation that is among them saves."""
    keep_every: int = bounded(0, at_least=0)
    """Keep besides the checkpoints of every this many updates; 0 keeps none for that."""
    metric: str = "valid/loss"
    """Metric that says which checkpoint is best, and that training returns: ``<split>/<name>``."""
    maximize: bool = False
    """Whether a higher ``saving.metric`` is better."""
    finetune_from: str = ""
    """Run directory (its best checkpoint) or checkpoint directory whose parameters and dictionaries a run starts with.

    Of an averaged model, as ``training.ema`` keeps one, it is the average.
    """
    reset: list[Reset] = field(default_factory=lambda: list(Reset))
    """What of that run begins anew; left out, the optimizer's state, the schedule with its clock, or the place in the
    data goes on."""
    extend_vocabulary: bool = False
    """Give the symbols of the training text and the task's tags that its dictionaries lack new rows in the model."""

    @property
    def kept(self) -> set[Reset]:
        """What of the training of ``finetune_from`` goes on."""
        return set(Reset) - set(self.reset)

    def contradictions(self) -> Iterable[str]:
        """What is said of another run needs one."""
        if not self.finetune_from and (self.kept or self.extend_vocabulary):
            given = "saving.reset" if self.kept else "saving.extend_vocabulary=true"
            yield f"{given} is for a run that starts from another: set saving.finetune_from=RUN, or leave it out"

    def rank(self, value: float) -> float:
        """Return a number by which values of ``metric`` are in order, the best first."""
        return -value if self.maximize else value


@dataclass
class TrackingConfig(Checked):
    """Where metrics go besides the log and ``metrics.jsonl``."""

    tensorboard: bool = False
    """Write TensorBoard event files into ``tensorboard/`` of the run directory."""
