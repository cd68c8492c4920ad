"""A training session: builds the parts from a config, restores a checkpoint, adds the hooks, trains."""

import dataclasses
import logging
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from seqtrain import __version__, checkpoint
from seqtrain.base import Model, Task
from seqtrain.bundle import Bundle
from seqtrain.checkpoint import Checkpoint, Snapshot, model_tensors
from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError
from seqtrain.paths import writable
from seqtrain.registry import REGISTRIES
from seqtrain.training.device import find_device, torch_settings
from seqtrain.training.evaluation import decode_split, evaluate_loss
from seqtrain.training.hooks.interrupt import Interrupt
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.hooks.metrics_file import MetricsFile
from seqtrain.training.hooks.progress import ProgressBar, ProgressLines
from seqtrain.training.hooks.saving import Saving
from seqtrain.training.hooks.tensorboard import TensorBoard
from seqtrain.training.hooks.train_metrics import TrainMetrics
from seqtrain.training.hooks.validation import Validation
from seqtrain.training.logs import logging_to
from seqtrain.training.loss_module import LossStep
from seqtrain.training.run_directory import RunDirectory, check_unused
from seqtrain.training.same_data import check_data, describe_data
from seqtrain.training.trainer import Hook, Parts, Trainer, TrainState

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainResult:
    """How training ended."""

    objective: float
    """Best value of ``saving.metric``; NaN if it was never validated."""
    run_directory: Path
    """Where everything lies."""
    num_updates: int
    """Updates done in all."""
    stop_reason: str
    """Why training ended."""
    interrupted: bool
    """Whether a signal ended it, so that it can go on with ``resume=``."""


def train(
    cfg: TrainConfig,
    run_directory: str | Path | None = None,
    *,
    resume: Checkpoint | None = None,
    resume_force: bool = False,
    console: Console | None = None,
) -> TrainResult:
    """Train as ``python -m seqtrain`` does.

    Args:
        cfg: the config, such as ``seqtrain.compose()`` returns.
        run_directory: where checkpoints, metrics and the log go; a new directory in ``runs/`` if None.
        resume: checkpoint of this run directory to go on from.
        resume_force: go on also if the data is not what it was.
        console: where to show progress; standard output if None.

    Raises:
        SeqtrainError: the config, the data or a checkpoint is wrong, or training cannot go on.
    """
    run = RunDirectory(Path(run_directory or f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"), cfg.saving)
    if resume is None:
        check_unused(run.path)
    with writable(run.path):
        run.path.mkdir(parents=True, exist_ok=True)
    console = console or Console()
    # A sum depends on how many threads share it: a run goes on with as many as it began with.
    num_threads = resume.state()["environment"]["num_threads"] if resume is not None else 0
    with logging_to(console, run.path / "train.log"), torch_settings(cfg.training, num_threads):
        return Session(cfg, run, console).train(resume, force=resume_force)


class Session:
    """The parts of one run and what its hooks call."""

    def __init__(self, cfg: TrainConfig, run: RunDirectory, console: Console) -> None:
        self.cfg = cfg
        self.run = run
        self.console = console
        self.device = find_device(cfg.training.device)
        # Now, and not when it is saved: users go on editing while a run goes on.
        self.bundle = Bundle.of(cfg)

    def train(self, resume: Checkpoint | None, *, force: bool = False) -> TrainResult:
        """Build, restore, train."""
        trainer = Trainer(self.cfg, self.build(), self.hooks())
        self._describe(trainer.parts)
        if resume is not None:
            self.restore(trainer, resume, force=force)
            log.info("going on after update %d, from %s", trainer.state.num_updates, resume.path)
        trainer.train()
        log.info("training ended after update %d: %s", trainer.state.num_updates, trainer.stop_reason)
        best = math.nan if trainer.state.best is None else trainer.state.best
        return TrainResult(best, self.run.path, trainer.state.num_updates, trainer.stop_reason, trainer.interrupted)

    def build(self) -> Parts:
        """Build every part from its config, the parameters from the seed."""
        cfg = self.cfg
        task: Task[Any] = REGISTRIES["task"].build(cfg.task)
        task.prepare()
        self._check_splits(task)
        torch.manual_seed(cfg.training.seed)
        model: Model = task.build_model(cfg.model).to(self.device)
        criterion = LossStep(model, task.build_criterion(cfg.criterion), cfg.training)
        optimizer = REGISTRIES["optimizer"].build(cfg.optimizer, model.named_parameters())
        lr_scheduler = REGISTRIES["lr_scheduler"].build(cfg.lr_scheduler, optimizer)
        return Parts(task, model, criterion, optimizer, lr_scheduler)

    def hooks(self) -> list[Hook]:
        """Return the hooks in the order of what they do at an update."""
        cfg, training = self.cfg, self.cfg.training
        shown: list[Hook] = [MetricsFile(self.run.path / "metrics.jsonl"), ProgressLines(training)]
        if self.console.is_terminal:
            shown.append(ProgressBar(training, self.console))
        if cfg.tracking.tensorboard:
            shown.append(TensorBoard(self.run.path / "tensorboard"))
        return [
            Limits(training),
            Interrupt(),
            *shown,
            TrainMetrics(training.log_interval),
            Validation(cfg, self.validate),
            Saving(cfg.saving, self.run, self.save),
        ]

    def validate(self, trainer: Trainer, split: str) -> dict[str, float]:
        """Return the metrics of a validation set: the criterion's, and the scores of its decoded text."""
        cfg, parts = self.cfg, trainer.parts
        parts.optimizer.eval()
        # In the order of training, so that the first `max_batches` are not the shortest.
        metrics = evaluate_loss(
            parts.task, parts.model, parts.criterion, split, trainer.plan, cfg.validation.max_batches
        )
        if cfg.validation.generate:
            decoded = decode_split(parts.task, parts.model, split, cfg.generation)
            scores = decoded.scores(cfg.validation.scorers, cfg.validation.bleu_tokenizer)
            metrics |= {score.name: score.value for score in scores}
        parts.optimizer.train()
        return metrics

    def save(self, trainer: Trainer, directory: Path, metrics: dict[str, float]) -> None:
        """Write a checkpoint."""
        parts = trainer.parts
        parts.optimizer.eval()
        checkpoint.write(
            directory,
            model=model_tensors(parts.model),
            config=self.cfg,
            metrics=metrics,
            save_task=parts.task.save,
            bundle=self.bundle,
            snapshot=self.snapshot(trainer),
        )
        parts.optimizer.train()

    def snapshot(self, trainer: Trainer) -> Snapshot:
        """Return what training goes on from."""
        parts = trainer.parts
        state: dict[str, Any] = {
            "trainer": dataclasses.asdict(trainer.state),
            "lr_scheduler": parts.lr_scheduler.state_dict(),
            "hooks": {type(hook).__name__: hook.state_dict() for hook in trainer.hooks},
            "micro_batches_per_update": self._micro_batches_per_update(trainer),
            "data": describe_data(parts.task),
            "environment": environment(),
        }
        return Snapshot(parts.optimizer.state_dict(), state)

    def restore(self, trainer: Trainer, saved: Checkpoint, *, force: bool = False) -> None:
        """Take over a checkpoint.

        Raises:
            CheckpointError: it does not fit the model; or the data is not what it was, and that is not forced.
        """
        parts, snapshot = trainer.parts, saved.snapshot()
        for name, value in environment().items():
            if (before := snapshot.state["environment"].get(name)) != value:
                log.warning("%s is %s and was %s: the numbers may differ in their last digits", name, value, before)
        check_data(parts.task, saved, snapshot.state.get("data"), forced=force)
        before, now = snapshot.state["micro_batches_per_update"], self._micro_batches_per_update(trainer)
        if before != now:
            log.warning("an update takes %d batches from here on, and took %d", now, before)
        saved.load_model(parts.model)
        parts.optimizer.load_state_dict(snapshot.optimizer)
        parts.lr_scheduler.load_state_dict(snapshot.state["lr_scheduler"])
        trainer.state = TrainState(**snapshot.state["trainer"])
        for hook in trainer.hooks:
            if state := snapshot.state["hooks"].get(type(hook).__name__):
                hook.load_state_dict(state)
        if parts.lr_scheduler.lr_at(trainer.state.num_updates) == 0:
            log.warning("the learning rate is 0 from here on: the lr_scheduler has come to its end")

    def _micro_batches_per_update(self, trainer: Trainer) -> int:
        return trainer.shard.world * self.cfg.training.update_freq

    def _check_splits(self, task: Task[Any]) -> None:
        """Check, before anything is trained, that the sets that validation and its end will ask for are there.

        Raises:
            ConfigError: ``saving.metric`` is of no validation set, or a score that validation will not give.
            DataError: the files of ``validation.final_split`` are not there.
        """
        if self.cfg.validation.final_split:
            task.dataset(self.cfg.validation.final_split)
        valid, metric = task.splits("valid"), self.cfg.saving.metric
        if valid and metric.split("/")[0] not in valid:
            raise ConfigError(f"saving.metric={metric} is no <split>/<name>; the validation sets: {', '.join(valid)}")

    def _describe(self, parts: Parts) -> None:
        cfg, parameters = self.cfg, sum(p.numel() for p in parts.model.parameters())
        configs = {kind: config for kind, config in vars(cfg).items() if kind in REGISTRIES}
        chosen = {kind: REGISTRIES[kind].entry_of(config).name for kind, config in configs.items()}
        log.info("%s", ", ".join(f"{kind} {name}" for kind, name in chosen.items()))
        log.info("%s parameters; %s, %s", f"{parameters:,}", self._describe_device(), cfg.training.precision.value)
        log.info("run directory: %s", self.run.path)

    def _describe_device(self) -> str:
        if self.device.type == "cpu":
            return f"cpu with {torch.get_num_threads()} threads"
        return torch.cuda.get_device_name() if self.device.type == "cuda" else self.device.type


def environment() -> dict[str, Any]:
    """Return what the exact numbers depend on besides the config."""
    return {"seqtrain": __version__, "torch": torch.__version__, "num_threads": torch.get_num_threads()}
