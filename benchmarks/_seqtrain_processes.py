"""``generate num_processes=N``, a thread in each, as a decoder that ``decoding.py`` asks."""

import sys
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import seqtrain
from benchmarks._seqtrain import Seqtrain, best_outputs
from benchmarks._worker import Array, Sentences, Settings, serve, settings_of
from seqtrain.base import Task
from seqtrain.commands._decoded import Search
from seqtrain.commands._processes import searching
from seqtrain.commands._speed import Speed
from seqtrain.config import Device, GenerateConfig, GenerationConfig


class SeqtrainInProcesses:
    """Searches with a beam in the processes; greedily, for the check alone, here."""

    def __init__(self, run: Path, settings: Settings, task: Task[Any], search: Search) -> None:
        self.run, self.settings = run, settings
        self.task, self.search = task, search
        self.versions = {"seqtrain": seqtrain.__version__, "torch": torch.__version__}

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""
        return best_outputs(self.task, sources, self.search)

    def greedy(self, sources: Sentences) -> tuple[Sentences, Array]:
        """Return the greedy outputs, and the logits (N, V) at each of their tokens, ends included."""
        return Seqtrain(self.run, self.settings).greedy(sources)


def main(run: Path, settings: Settings) -> None:
    """Answer from as many processes as there are threads."""
    cfg = GenerateConfig(
        checkpoint=str(run),
        device=Device.cpu,
        num_processes=settings.threads,
        generation=GenerationConfig(beam=settings.beam, max_len_b=settings.max_length),
    )
    with searching(cfg, Speed(Console(stderr=True), shown=False)) as (trained, search):
        serve(SeqtrainInProcesses(run, settings, trained.task, search))


if __name__ == "__main__":
    main(Path(sys.argv[2]), settings_of(sys.argv[3]))
