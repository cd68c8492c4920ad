"""A training session: builds the parts from a config, restores a checkpoint, adds the hooks, trains."""

import contextlib
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from seqtrain import checkpoint
from seqtrain.base import Model, Task
from seqtrain.bundle import Bundle
from seqtrain.checkpoint import STATE, Checkpoint, Snapshot
from seqtrain.composition import to_container
from seqtrain.config import TrainConfig
from seqtrain.generation.search import build_generator
from seqtrain.locks import locked
from seqtrain.model_tensors import copied, model_tensors
from seqtrain.registry import REGISTRIES
from seqtrain.training import snapshots
from seqtrain.training.description import description
from seqtrain.training.device import find_device, torch_settings
from seqtrain.training.environment import environment, resumed, started
from seqtrain.training.evaluation import decode_split
from seqtrain.training.finetuning import Origin, open_origin, origin_fingerprints, prepare_task
from seqtrain.training.freezing import freeze
from seqtrain.training.hooks.ema import ExponentialMovingAverage
from seqtrain.training.hooks.interrupt import Interrupt, exit_code
from seqtrain.training.hooks.limits import Limits
from seqtrain.training.hooks.metrics_file import MetricsFile
from seqtrain.training.hooks.progress import ProgressBar, ProgressLines
from seqtrain.training.hooks.saving import Saving
from seqtrain.training.hooks.tensorboard import TensorBoard
from seqtrain.training.hooks.train_metrics import TrainMetrics
from seqtrain.training.hooks.validation import Validation
from seqtrain.training.kept_state import keep_state
from seqtrain.training.logs import logging_to, standard_console
from seqtrain.training.loss_module import LossStep
from seqtrain.training.precision import loss_scaler
from seqtrain.training.recovery import Recovery
from seqtrain.training.run_directory import RunDirectory, check_unused
from seqtrain.training.saved_state import saved_threads, taking_over
from seqtrain.training.split_loss import evaluate_loss
from seqtrain.training.splits import check_splits
from seqtrain.training.starting_parameters import start_with
from seqtrain.training.trainer import Hook, Parts, Trainer

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
    exit_code: int
    """0; if it ended before its time, so that it can go on with ``resume=``: 130 after Ctrl-C, else 75."""


def train(
    cfg: TrainConfig,
    run_directory: str | Path | None = None,
    *,
    resume: Checkpoint | None = None,
    resume_force: bool = False,
    console: Console | None = None,
    hooks: Sequence[Hook] = (),
) -> TrainResult:
    """Train as ``python -m seqtrain`` does.

    Args:
        cfg: the config, such as ``seqtrain.compose()`` returns.
        run_directory: where checkpoints, metrics and the log go; a new directory in ``runs/`` if None.
        resume: checkpoint of this run directory to go on from.
        resume_force: go on also if the data is not what it was.
        console: where to show progress; standard output if None.
        hooks: further hooks, called before those that show, validate and save.

    Raises:
        SeqtrainError: the config, the data or a checkpoint is wrong, or training cannot go on.
    """
    run = RunDirectory(Path(run_directory or f"runs/{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"), cfg.saving)
    console = console or standard_console()
    # A sum depends on how many threads share it: a run goes on with as many as it began with.
    num_threads = saved_threads(resume) if resume is not None else 0
    with locked(run.path):
        if resume is None:
            check_unused(run.path)
        with logging_to(console, run.path / "train.log"), torch_settings(cfg.training, num_threads):
            return Session(cfg, run, console, hooks).train(resume, force=resume_force)


class Session:
    """The parts of one run and what its hooks call."""

    def __init__(
        self, cfg: TrainConfig, run: RunDirectory, console: Console, further_hooks: Sequence[Hook] = ()
    ) -> None:
        self.cfg = cfg
        self.run = run
        self.console = console
        self.further_hooks = further_hooks
        self.device = find_device(cfg.training.device)
        self.scaler = loss_scaler(cfg.training, self.device)
        self.ema: ExponentialMovingAverage | None = None
        # Now, and not when it is saved: users go on editing, and installing packages, while a run goes on.
        self.bundle = Bundle.of(cfg)
        self.environment = environment(self.device)
        self.saving = Saving(cfg.saving, run, self.capture)
        self.started: dict[str, Any] = {}
        self.origin: Origin | None = None

    def train(self, resume: Checkpoint | None, *, force: bool = False) -> TrainResult:
        """Build, restore, train."""
        self.origin = open_origin(self.cfg) if resume is None else None
        parts = self.build(resume)
        if self.cfg.training.ema:
            self.ema = ExponentialMovingAverage(self.cfg.ema, parts.model)
        trainer = Trainer(self.cfg, parts, self.hooks(), self.recovery(parts), self.scaler)
        for line in description(self.cfg, parts.model, self.device):
            log.info("%s", line)
        log.info("run directory: %s", self.run.path)
        if resume is None:
            self.started = started(self.run.path)
            if self.origin is not None:
                keep_state(trainer, self.origin)
        else:
            with taking_over(resume.path / STATE):
                snapshots.compare(trainer, resume, self.environment, force=force)
                self.started = resumed(resume.state(), resume.container(), self.cfg)
                snapshots.put_back(trainer, self.ema, resume)
                at_end = parts.lr_scheduler.lr_at(trainer.state.num_updates) == 0
            if at_end:
                log.warning("the learning rate is 0 from here on: the lr_scheduler has come to its end")
            log.info("going on after update %d, from %s", trainer.state.num_updates, resume.path)
        trainer.train()
        log.info("training ended after update %d: %s", trainer.state.num_updates, trainer.stop_reason)
        best = math.nan if trainer.state.best is None else trainer.state.best
        return TrainResult(best, self.run.path, trainer.state.num_updates, trainer.stop_reason, exit_code(trainer))

    def build(self, resume: Checkpoint | None = None) -> Parts:
        """Build every part from its config, the parameters from the seed, or from the checkpoint to start from."""
        cfg, origin = self.cfg, self.origin
        task: Task[Any] = REGISTRIES["task"].build(cfg.task)
        task.check_model(cfg.model)
        prepare_task(task, cfg.saving, origin, resume)
        check_splits(cfg, task)
        torch.manual_seed(cfg.training.seed)
        model: Model = task.build_model(cfg.model).to(self.device)
        if origin is not None:
            start_with(origin, task, cfg, model)
        freeze(model, cfg.optimizer.frozen)  # before anything asks what is trained
        criterion = task.build_criterion(cfg.criterion)
        criterion.prepare()
        step = LossStep(model, criterion, cfg.training, self.scaler)
        optimizer = REGISTRIES["optimizer"].build(cfg.optimizer, model.named_parameters())
        lr_scheduler = REGISTRIES["lr_scheduler"].build(cfg.lr_scheduler, optimizer)
        started_from = origin_fingerprints(cfg.saving, origin, resume)
        return Parts(task, model, step, optimizer, lr_scheduler, started_from)

    def hooks(self) -> list[Hook]:
        """Return the hooks in the order of what they do at an update."""
        cfg, training = self.cfg, self.cfg.training
        shown: list[Hook] = [MetricsFile(self.run.path / "metrics.jsonl"), ProgressLines(training)]
        if self.console.is_terminal:
            shown.append(ProgressBar(training, self.console))
        if cfg.tracking.tensorboard:
            shown.append(TensorBoard(self.run.path / "tensorboard"))
        return [
            *([self.ema] if self.ema else []),
            Limits(training),
            Interrupt(),
            *self.further_hooks,
            *shown,
            TrainMetrics(training.log_interval),
            Validation(cfg, self.validate),
            self.saving,
        ]

    def validate(self, trainer: Trainer, split: str) -> dict[str, float]:
        """Return the metrics of a validation set: the criterion's, and the scores of its decoded text."""
        cfg, parts = self.cfg, trainer.parts
        with self.evaluating(parts):
            # In the order of training, so that the first `max_batches` are not the shortest.
            metrics = evaluate_loss(
                parts.task, parts.model, parts.criterion, split, trainer.plan, cfg.validation.max_batches
            )
            if cfg.validation.generate:
                generator = build_generator(cfg.generation, parts.model, parts.task.info)
                decoded = decode_split(parts.task, generator, split, cfg.generation)
                metrics |= {name: score.value for name, score in decoded.scores(cfg.scorer).items()}
        return metrics

    def capture(self, trainer: Trainer, metrics: dict[str, float]) -> Callable[[Path], Checkpoint]:
        """Return what writes a checkpoint of this moment: it holds copies of all that training goes on to change."""
        parts = trainer.parts
        with self.evaluating(parts):
            model, snapshot = copied(model_tensors(parts.model)), self.snapshot(trainer).copied()
        return partial(
            checkpoint.write,
            model=model,
            config=to_container(self.cfg),
            metrics=metrics,
            save_task=parts.task.save,
            bundle=self.bundle,
            snapshot=snapshot,
        )

    def snapshot(self, trainer: Trainer) -> Snapshot:
        """Return what training goes on from."""
        return snapshots.take(trainer, self.ema, self.environment, self.started)

    @contextlib.contextmanager
    def evaluating(self, parts: Parts) -> Iterator[None]:
        """Let the model meanwhile have the parameters to evaluate and save."""
        parts.optimizer.eval()
        try:
            with self.ema.applied() if self.ema else contextlib.nullcontext():
                yield
        finally:
            parts.optimizer.train()

    def recovery(self, parts: Parts) -> Recovery:
        """Return what deals with faults: it goes back to this run's last checkpoint."""

        def go_back(trainer: Trainer) -> bool:
            self.saving.writer.wait(trainer.state.num_updates)
            saved = self.run.up_to(trainer.state.saved)
            if saved is not None:
                snapshots.put_back(trainer, self.ema, Checkpoint.open(saved.path))
                trainer.parts.optimizer.train()
                self.saving.writer.go_back_to(saved.path)
            return saved is not None

        assert isinstance(parts.criterion, LossStep)
        watched = {"": parts.model, "criterion": parts.criterion.module.criterion}
        return Recovery(self.cfg.training, self.run.path / "faults", go_back, watched)
