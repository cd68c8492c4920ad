"""Where log messages go while a command runs: a console, and a file of the run directory."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from seqtrain.paths import writable


class ConsoleHandler(logging.Handler):
    """Prints messages above a progress bar, or as plain lines where there is no terminal."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print a message; whatever is not ordinary begins with its level."""
        prefix = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        self.console.print(Text(prefix + record.getMessage()), soft_wrap=True)


@contextlib.contextmanager
def logging_to(console: Console, file: Path | None = None) -> Iterator[None]:
    """Send the messages of seqtrain and of user plug-ins to a console and a file, and leave no trace behind."""
    logger = logging.getLogger("seqtrain")
    handlers: list[logging.Handler] = [ConsoleHandler(console)]
    if file is not None:
        with writable(file):
            handlers.append(logging.FileHandler(file, encoding="utf-8"))
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.propagate = propagate
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
