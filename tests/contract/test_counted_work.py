"""What an update costs, counted and not timed: a bound that fails is a regression, or a reason to write a new one.

The model is small, but all that an update goes through is real: criterion, optimizer, trainer, hooks. The bounds are
a tenth above what was counted when they were written; torch's versions differ by some operations.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, cast

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import seqtrain
from seqtrain.base import Batch, TaskInfo
from seqtrain.config import TrainConfig, TrainingConfig
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropyConfig
from seqtrain.lr_schedulers.inverse_sqrt import InverseSqrtConfig
from seqtrain.models.transformer import TransformerConfig
from seqtrain.optimizers.adam import AdamConfig
from seqtrain.plugins import import_builtin
from seqtrain.registry import REGISTRIES
from seqtrain.testing.toy import ToyDictionary
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.hooks.train_metrics import TrainMetrics
from seqtrain.training.loss_module import LossStep
from seqtrain.training.recovery import Recovery
from seqtrain.training.trainer import Parts, Trainer

PACKAGE = str(Path(seqtrain.__file__).parent)
VOCABULARY, DIM, SENTENCES, LENGTH = 2000, 32, 64, 16
TOKENS = SENTENCES * LENGTH

OPERATIONS = 890
"""Operations of torch in an update."""
TENSORS = 1100
"""Pieces of memory that an update asks for."""
PEAK_BYTES = 17_300_000
"""Bytes that an update holds at most, besides parameters, their gradients and the optimizer's state."""
TRAINER_CALLS = 36
"""Calls of Python functions of ``seqtrain.training`` in an update, and of hooks after it."""
CALLS = 630
"""Calls of Python functions of seqtrain's in an update, modules among them."""


class ToyTask:
    """Trains as any task does."""

    def train_step(self, batch: Batch, model: Any, criterion: Any, optimizer: Any) -> Any:
        output = criterion(model, batch)
        optimizer.backward(output.loss)
        return output


def make_trainer(directory: Path) -> Trainer:
    import_builtin()
    torch.manual_seed(1)
    dictionary = ToyDictionary([str(number) for number in range(VOCABULARY - 4)])
    info = TaskInfo(dictionary, dictionary, (64, 64))
    sizes: Any = {f"{side}_{name}": DIM for side in ("encoder", "decoder") for name in ("embed_dim", "ffn_embed_dim")}
    layers: Any = {f"{side}_{name}": 2 for side in ("encoder", "decoder") for name in ("layers", "attention_heads")}
    model = REGISTRIES["model"].build(TransformerConfig(**sizes, **layers, share_all_embeddings=True), info)
    criterion = REGISTRIES["criterion"].build(LabelSmoothedCrossEntropyConfig(label_smoothing=0.1), info)
    cfg = TrainConfig(training=TrainingConfig(max_update=1000, clip_norm=1.0))
    optimizer = REGISTRIES["optimizer"].build(AdamConfig(lr=1e-3), model.named_parameters())
    scheduler = REGISTRIES["lr_scheduler"].build(InverseSqrtConfig(), optimizer)
    parts = Parts(cast(Any, ToyTask()), model, LossStep(model, criterion, cfg.training), optimizer, scheduler)
    guard = Recovery(cfg.training, directory / "faults", lambda _: False, {"": model})
    trainer = Trainer(cfg, parts, [Limits(cfg.training), TrainMetrics(cfg.training.log_interval)], guard)
    parts.criterion.train()
    for hook in trainer.hooks:
        hook.on_start(trainer)
    update(trainer)  # what is made once: the optimizer's state
    return trainer


def batch(sentences: int = SENTENCES) -> Batch:
    tokens = torch.arange(sentences * LENGTH).view(sentences, LENGTH) % (VOCABULARY - 4) + 4
    lengths = torch.full((sentences,), LENGTH)
    net_input = {"source_tokens": tokens, "source_lengths": lengths, "prev_output_tokens": tokens}
    return Batch(torch.arange(sentences), net_input, tokens, tokens.numel(), sentences, seed=1)


def update(trainer: Trainer, sentences: int = SENTENCES) -> None:
    """Do what the loop does with a batch."""
    result = trainer.update([batch(sentences)])
    trainer.state.num_updates += 1
    trainer.set_rate()
    for hook in trainer.hooks:
        hook.on_update(trainer, result)


class Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts the operations of torch by name."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.names: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204  # torch's
        self.names[func.name()] += 1
        return func(*args, **(kwargs or {}))


@dataclass
class Memory:
    """What was asked for, in bytes, in order; negative where it was given back."""

    changes: list[int] = field(default_factory=list)

    @property
    def pieces(self) -> list[int]:
        return [change for change in self.changes if change > 0]

    @property
    def peak(self) -> int:
        held = most = 0
        for change in self.changes:
            held += change
            most = max(most, held)
        return most


@contextmanager
def watched_memory() -> Iterator[Memory]:
    memory = Memory()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        yield memory
    events: Any = profile.profiler
    found = [event for event in events.kineto_results.events() if event.name() == "[memory]"]
    memory.changes += [event.nbytes() for event in sorted(found, key=lambda event: event.start_ns())]


@dataclass
class Python:
    """Python code that ran, by file below the package's directory."""

    calls: Counter[str] = field(default_factory=Counter)
    lines: Counter[str] = field(default_factory=Counter)
    """Also how often a loop within a line went round."""

    def count(self, frame: FrameType, event: str, _: Any) -> Any:
        """Count as ``sys.settrace`` wants it."""
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        counter = {"call": self.calls, "line": self.lines}.get(event, Counter())
        counter[frame.f_code.co_filename[len(PACKAGE) + 1 :]] += 1
        return self.count


@contextmanager
def counted_python() -> Iterator[Python]:
    python, before = Python(), sys.gettrace()
    sys.settrace(python.count)
    try:
        yield python
    finally:
        sys.settrace(before)


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Trainer:
    return make_trainer(tmp_path_factory.mktemp("work"))


def test_operations_of_an_update(trainer: Trainer) -> None:
    with Operations() as operations:
        update(trainer)
    assert operations.names.total() <= OPERATIONS, operations.names.most_common()
    # Each would let a GPU run dry; loss and norm are fetched together, once.
    assert not {"aten::_local_scalar_dense", "aten::is_nonzero", "aten::nonzero", "aten::equal"} & {*operations.names}


def test_memory_of_an_update(trainer: Trainer) -> None:
    with watched_memory() as memory:
        update(trainer)
    assert len(memory.pieces) <= TENSORS
    assert memory.peak <= PEAK_BYTES
    assert max(memory.pieces) <= 4 * 512 * VOCABULARY  # logits of a chunk, not of all tokens


def test_python_of_an_update(trainer: Trainer) -> None:
    with counted_python() as python:
        update(trainer)
    training = sum(count for file, count in python.calls.items() if file.startswith("training"))
    assert training <= TRAINER_CALLS, python.calls
    assert python.calls.total() <= CALLS, python.calls


def test_what_an_update_does_is_the_same_for_any_number_of_sentences(trainer: Trainer) -> None:
    counts = []
    for sentences in (4, 16):
        with Operations() as operations, counted_python() as python:
            update(trainer, sentences)
        counts.append((operations.names, python))
    assert counts[0] == counts[1]
