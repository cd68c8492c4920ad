"""Runs the program many times without starting Python each time: ``python -m tests.integration.fork_server``.

Reads a trial a line, as JSON, and answers with how it ended. A trial is a process of its own, forked from this one,
which has imported everything and computed nothing: it has one thread, so that torch works in its children.
"""

import importlib
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.integration.file_events import FileEvents

TIMEOUT_SECONDS = 120
IMPORTS = (
    *("seqtrain.cli", "seqtrain.commands.train", "seqtrain.commands.resume", "seqtrain.commands.hydra_files"),
    *("hydra.core.hydra_config", "sacrebleu", "sentencepiece", "torch._inductor", "torch.optim.adam"),
)


@dataclass(frozen=True)
class Trial:
    """One run of the program."""

    arguments: list[str]
    """What to call it with."""
    directory: str
    """Where its changes of files are events."""
    output: str
    """File for what it prints."""
    events: str
    """File for its file events."""
    stop: str = ""
    """Event to stop before, see ``FileEvents``; empty for none."""
    kill_after_seconds: float = TIMEOUT_SECONDS
    """When to kill it from outside."""


def main() -> None:
    """Serve until standard input ends."""
    warm_up()
    for line in sys.stdin:
        trial = Trial(**json.loads(line))
        started = time.monotonic()
        code = supervise(fork(trial), started + trial.kill_after_seconds)
        print(json.dumps({"code": code, "seconds": time.monotonic() - started}), flush=True)


def warm_up() -> None:
    """Import what a training will import."""
    for module in IMPORTS:
        importlib.import_module(module)
    from seqtrain.plugins import import_builtin

    import_builtin()


def fork(trial: Trial) -> int:
    """Start a trial and return its process id."""
    pid = os.fork()
    if pid == 0:
        code = 70
        try:
            code = run(trial)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid


def run(trial: Trial) -> int:
    """Run a trial in this process and return its exit code."""
    from seqtrain import cli

    output = os.open(trial.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor, target in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(descriptor, target)
    FileEvents(Path(trial.directory), Path(trial.events), trial.stop).install()
    try:
        cli.main(trial.arguments)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def supervise(pid: int, deadline: float) -> int:
    """Wait for a process, kill it at its deadline, and return its exit code, or -9 if it was killed."""
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            os.kill(pid, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        time.sleep(0.001)


if __name__ == "__main__":
    main()
