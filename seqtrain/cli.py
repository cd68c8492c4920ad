"""The command line: which command, which config, and what to say when something is wrong."""

import contextlib
import difflib
import importlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from seqtrain import __version__, plugins, sources, without_torch
from seqtrain.commands import COMMANDS
from seqtrain.commands._sweep import check_sweep, for_hydra
from seqtrain.commands._words import PLUGINS, Words, read_words
from seqtrain.composition import register_all, to_config
from seqtrain.errors import ConfigError, SeqtrainError
from seqtrain.fairseq_flags import answer, of_fairseq
from seqtrain.locks import locked
from seqtrain.registry import forget
from seqtrain.signals import ending_at_once

HELP = {"--help", "-h"}
SHELL_COMPLETION = ("--shell-completion", "-sc")
COMPUTE = {"check", "rerun"}
"""Tools that compute, and import what they compute with."""

# Hydra's joblib and submitit workers import this module before they compose.
sources.install()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program; ends with exit code 2 and one message where the user has to mend something."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with plain_errors():
            dispatch(arguments)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    finally:
        forget(without_torch.abandon())


def dispatch(arguments: Sequence[str]) -> None:
    """Find out what is asked for and do it."""
    command, rest = split_command(arguments)
    with ending_at_once() if command == "train" else contextlib.nullcontext():
        dispatch_command(command, rest)


def dispatch_command(command: str, rest: list[str]) -> None:
    """Do what is asked of a command."""
    if "--version" in rest:
        print(f"seqtrain {__version__}")
        return
    if command not in COMPUTE:
        without_torch.register(plugins.import_builtin)
    if rest and rest[0] in SHELL_COMPLETION:
        importlib.import_module("seqtrain.commands.completion").main(rest[1:])
    elif not COMMANDS[command].config_name:
        importlib.import_module(f"seqtrain.commands.{command}").main(rest)
    elif HELP.intersection(rest):
        from seqtrain.commands.help import help_text

        print(help_text(command, [argument for argument in rest if argument not in HELP]))
    elif any(argument.startswith("resume=") for argument in rest):
        resume(command, rest)
    else:
        compose_and_run(command, read_words(rest, COMMANDS[command].config_name))


def split_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the command, ``train`` if none is named, and the other arguments.

    Raises:
        ConfigError: the first word is neither a command nor an override.
    """
    command, rest = "train", list(arguments)
    if rest and rest[0] in COMMANDS:
        command, rest = rest[0], rest[1:]
    elif rest and (instead := of_fairseq(rest[0]))[0]:
        raise ConfigError("\n".join([instead[1], *answer(rest[1:], instead[0])]))
    elif rest and re.fullmatch(r"[\w-]+", rest[0]) and not rest[0].startswith("-") and not answer(rest):
        close = difflib.get_close_matches(rest[0], COMMANDS, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"{rest[0]!r} is no command and no KEY=VALUE; {meant}Commands: {', '.join(COMMANDS)}")
    return command, rest


def compose_and_run(command: str, words: Words) -> None:
    """Compose and run, or let Hydra do what one of its flags asks for, such as ``-m`` and ``--cfg``.

    Raises:
        ConfigError: there are mistakes in what is composed.
    """
    flags = words.flags
    if flags.multirun:
        check_sweep(words)
        without_torch.undo()
        run_through_hydra(command, words)
        return
    node = words.compose()
    if flags.cfg or flags.info or flags.hydra_help:
        run_through_hydra(command, words)
        return
    to_config(node)
    if without_torch.undo():
        node = words.compose()
    if flags.experimental_rerun:
        run_through_hydra(command, words)
    else:
        run(command, node)


def run(command: str, node: DictConfig, directory: Path | None = None) -> object:
    """Run a command with a composed config; training in a run directory, that of the config if None."""
    cfg = to_config(node)
    module = importlib.import_module(f"seqtrain.commands.{command}")
    if command != "train":
        return module.run(cfg)
    from seqtrain.commands.hydra_files import new_run_directory

    with locked(directory or Path(node.hydra.run.dir)):
        return module.run(cfg, directory or new_run_directory(node))


def resume(command: str, arguments: Sequence[str]) -> None:
    """Go on with a run; its config is its checkpoint's.

    ``resume=auto`` starts it if there is nothing to go on with, and refuses overrides that would change what is past.
    """
    if command != "train":
        raise ConfigError(f"resume= goes with train, not with {command}")
    without_torch.undo()
    from seqtrain.checkpoint import named
    from seqtrain.commands import resume as resuming

    own = [a for a in arguments if a.startswith((PLUGINS, resuming.FORCE))]
    rest = [a for a in arguments if a not in own and not a.startswith("resume=")]
    words = read_words(rest, COMMANDS[command].config_name)
    directory = next(a for a in arguments if a.startswith("resume=")).removeprefix("resume=").strip("'\"")
    flags, any_flag = words.flags, len(words.as_typed) > len(words.overrides)
    if flags.multirun or flags.cfg or flags.info or (directory != "auto" and any_flag):
        raise ConfigError(f"resume= goes on with a run: leave out {words.as_typed[0]}")
    if directory != "auto":
        resuming.resume(Path(directory).expanduser(), [*words.overrides, *own])
        return
    node = words.compose()
    if "${now:" in str(OmegaConf.to_container(node.hydra.run, resolve=False)):
        raise ConfigError("resume=auto starts or goes on with the run in one directory: name it, hydra.run.dir=DIR")
    run_directory = Path(node.hydra.run.dir)
    if named(run_directory / "checkpoints"):
        resuming.resume_same(run_directory, to_config(node), [*words.overrides, *own])
    else:
        run(command, node)


def run_through_hydra(command: str, words: Words) -> None:
    """Let Hydra itself do what its flags ask for."""
    import hydra

    register_all()
    sys.argv = ["seqtrain", *(for_hydra(words) if words.flags.multirun else words.as_typed)]
    job = partial(run_job, command)
    name = COMMANDS[command].config_name
    with safe_path():
        hydra.main(version_base="1.3", config_path=str(plugins.conf_directory()), config_name=name)(job)()


@contextlib.contextmanager
def safe_path() -> Iterator[None]:
    """Keep launchers' processes from taking a directory of plug-ins called ``json`` where they start for Python's."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ.setdefault("PYTHONSAFEPATH", "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONSAFEPATH", None)


def run_job(command: str, node: DictConfig) -> object:
    """Run one job of a sweep, in the directory that Hydra made for it."""
    from hydra.core.hydra_config import HydraConfig

    with plain_errors():
        return run(command, node, Path(HydraConfig.get().runtime.output_dir))


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Turn an error that is the user's to mend into a message and exit code 2; HYDRA_FULL_ERROR=1 shows all."""
    try:
        yield
    except Exception as error:
        message = in_lines(str(error)) if isinstance(error, SeqtrainError) else plugins.in_users_code(error)
        if os.environ.get("HYDRA_FULL_ERROR") == "1" or not message:
            raise
        print(f"seqtrain: {message}", file=sys.stderr)
        raise SystemExit(2) from None


def in_lines(message: str) -> str:
    """Return a message with several mistakes as their number and a line for each; one that goes on indented is one."""
    lines = message.split("\n")
    return message if len(lines) == 1 or lines[1].startswith(" ") else "\n  ".join([f"{len(lines)} mistakes:", *lines])
