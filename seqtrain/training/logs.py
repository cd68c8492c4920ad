"""Where log messages go while a command runs: a console, and a file of the run directory."""

import contextlib
import logging
import sys
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
        try:
            self.console.print(Text(prefix + record.getMessage()), soft_wrap=True)
        except BrokenPipeError:  # the reader has gone, which ends the program
            raise
        except OSError:  # it goes to a file on a full disk: there is nobody to tell
            pass


class FileHandler(logging.FileHandler):
    """Writes messages with their times; where the disk refuses them it says so once, and training goes on."""

    def __init__(self, file: Path, console: Console) -> None:
        super().__init__(file, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._on_console = ConsoleHandler(console)
        self._said = False

    def handleError(self, record: logging.LogRecord) -> None:
        """Say what is wrong; a message that is refused comes with the next one, if there is room again."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._say(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        """Close the file, whatever the disk says."""
        try:
            super().close()
        except OSError as error:
            self._say(error)

    def _say(self, error: OSError) -> None:
        if not self._said:
            message = f"cannot write {self.baseFilename}: {error.strerror}; it will lack lines"
            self._on_console.emit(logging.makeLogRecord({"msg": message, "levelname": "WARNING", "levelno": 30}))
        self._said = True


def standard_console() -> Console:
    """Return a console on standard output; in a notebook it prints plain lines, each no block of HTML, and no bar."""
    console = Console()
    return Console(force_jupyter=False, force_terminal=False) if console.is_jupyter else console


@contextlib.contextmanager
def logging_to(console: Console, file: Path | None = None) -> Iterator[None]:
    """Send the messages of seqtrain and of user plug-ins to a console and a file, and leave no trace behind."""
    logger = logging.getLogger("seqtrain")
    handlers: list[logging.Handler] = [ConsoleHandler(console)]
    if file is not None:
        with writable(file):
            handlers.append(FileHandler(file, console))
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
