"""Averages what updates report and hands it on every ``training.log_interval`` updates."""

import time
from typing import Any

from seqtrain.base import Sum
from seqtrain.metrics.sums import add_sums, reduce_sums
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer


class TrainMetrics(Hook):
    """Reports ``train/loss`` and the other sums, the rate, the gradient's norm and the speed."""

    def __init__(self, log_interval: int) -> None:
        self.log_interval = log_interval
        self._start_again()

    def _start_again(self) -> None:
        self._sums: dict[str, Sum] = {}
        self._results = 0
        self._ntokens = 0
        self._since = time.perf_counter()

    def on_start(self, trainer: Trainer) -> None:
        """Start the clock of the speed."""
        self._since = time.perf_counter()

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Add up, and report when it is time."""
        if result is not None:
            norm = {"grad_norm": Sum(result.grad_norm, 1.0)}
            self._sums = add_sums([self._sums, result.metrics, norm])
            self._ntokens += result.ntokens
            self._results += 1
        if self._results and (self._results >= self.log_interval or trainer.ended):
            self._report(trainer)

    def _report(self, trainer: Trainer) -> None:
        metrics = {f"train/{name}": value for name, value in reduce_sums(self._sums).items()}
        metrics["train/lr"] = trainer.parts.optimizer.lr
        metrics["train/tokens_per_second"] = self._ntokens / max(1e-9, time.perf_counter() - self._since)
        self._start_again()
        trainer.report(metrics)

    def state_dict(self) -> dict[str, Any]:
        """Return the sums since the last report."""
        sums = {name: [float(s.value), float(s.weight)] for name, s in self._sums.items()}
        return {"sums": sums, "results": self._results, "ntokens": self._ntokens}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with these sums."""
        self._sums = {name: Sum(float(value), float(weight)) for name, (value, weight) in state["sums"].items()}
        self._results, self._ntokens = int(state["results"]), int(state["ntokens"])
