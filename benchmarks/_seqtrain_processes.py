"""``generate num_processes=N``, a thread in each, as a decoder that ``decoding.py`` asks."""

import sys
from pathlib import Path

from rich.console import Console

from benchmarks._seqtrain import Seqtrain, best_outputs
from benchmarks._worker import Sentences, Settings, serve, settings_of
from seqtrain.commands._decoded import Search
from seqtrain.commands._processes import searching
from seqtrain.commands._speed import Speed
from seqtrain.config import Device, GenerateConfig, GenerationConfig


class SeqtrainInProcesses(Seqtrain):
    """Searches with a beam in the processes, and greedily, for the check, here."""

    def __init__(self, run: Path, settings: Settings, search: Search) -> None:
        super().__init__(run, settings)
        self.search = search

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""
        return best_outputs(self.trained.task, sources, self.search)


def main(run: Path, settings: Settings) -> None:
    """Answer from as many processes as there are threads."""
    cfg = GenerateConfig(
        checkpoint=str(run),
        device=Device.cpu,
        num_processes=settings.threads,
        generation=GenerationConfig(beam=settings.beam, max_len_b=settings.max_length),
    )
    with searching(cfg, Speed(Console(stderr=True), shown=False)) as (_, search):
        serve(SeqtrainInProcesses(run, settings, search))


if __name__ == "__main__":
    main(Path(sys.argv[2]), settings_of(sys.argv[3]))
