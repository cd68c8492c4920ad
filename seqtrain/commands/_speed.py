"""How fast ``generate`` decodes: a line at the bottom of a terminal meanwhile, and a summary at the end."""

import logging
import time
from types import TracebackType

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from torch import Tensor

from seqtrain.base import Generator, Hypothesis

log = logging.getLogger(__name__)


class Speed:
    """Counts what searches decode, and the time that they take.

    Args:
        console: where messages go, and where the line is shown.
        shown: whether it is shown.
    """

    def __init__(self, console: Console, *, shown: bool) -> None:
        self.sentences = 0
        self.tokens = 0
        """Tokens of the best outputs, ends of sentences included."""
        self.seconds = 0.0
        columns = TextColumn("{task.description}"), TimeElapsedColumn()
        self._progress = Progress(*columns, console=console, transient=True, disable=not shown)
        self._line = self._progress.add_task("decoding")

    def __enter__(self) -> "Speed":
        """Show the line."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Remove the line."""
        self._progress.stop()

    def add(self, found: list[list[Hypothesis]], seconds: float) -> None:
        """Count a batch."""
        self.sentences += len(found)
        self.tokens += sum(len(best[0].tokens) for best in found if best)
        self.seconds += seconds
        self._progress.update(self._line, description=str(self))

    def __str__(self) -> str:
        rates = f"{self.sentences / self.seconds:.2f} sentences/s, {self.tokens / self.seconds:.2f} tokens/s"
        return f"{self.sentences} sentences ({self.tokens} tokens) in {self.seconds:.1f} s ({rates})"

    def say(self, what: str) -> None:
        """Log what was done, if anything was: ``Translated 21 sentences ...``."""
        if self.sentences:
            log.info("%s %s", what, self)


class Measured:
    """A search whose speed is measured."""

    def __init__(self, generator: Generator, speed: Speed) -> None:
        self.generator = generator
        self.speed = speed

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence, best first."""
        start = time.perf_counter()
        found = self.generator.generate(net_input)
        self.speed.add(found, time.perf_counter() - start)
        return found
