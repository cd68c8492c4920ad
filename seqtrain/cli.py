"""The command line: which command, which config, and what to say when something is wrong."""

import contextlib
import difflib
import importlib
import itertools
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from omegaconf import DictConfig

from seqtrain import __version__, plugins, without_torch
from seqtrain.commands import COMMANDS
from seqtrain.composition import compose_node, quote, register_all, to_config
from seqtrain.errors import ConfigError, SeqtrainError
from seqtrain.fairseq_flags import answer
from seqtrain.plugins import conf_directory

PATH_KEYS = (
    "input",
    "output",
    "checkpoint",
    "resume",
    "data",
    "task.data",
    "dataset.cache_dir",
    "hydra.run.dir",
    "tokenizer.model_file",
    "tokenizer.dictionary",
)
"""Keys whose values are taken as typed, whatever they mean in Hydra's grammar."""

HELP = {"--help", "-h"}
SHELL_COMPLETION = ("--shell-completion", "-sc")

LARGE_SWEEP = 64
"""Jobs up to which every combination of a sweep is composed before the first starts."""

# Hydra's joblib and submitit workers import this module before they compose.
plugins.install_source()


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


def dispatch(arguments: Sequence[str]) -> None:
    """Find out what is asked for and do it."""
    command, rest = split_command(arguments)
    if "--version" in rest:
        print(f"seqtrain {__version__}")
        return
    if command != "check":
        without_torch.register(plugins.import_builtin)
    if rest and rest[0] in SHELL_COMPLETION:
        importlib.import_module("seqtrain.commands.completion").main(rest[1:])
    elif not COMMANDS[command].config_name:
        importlib.import_module(f"seqtrain.commands.{command}").main(rest)
    elif HELP.intersection(rest):
        from seqtrain.commands.help import help_text

        print(help_text(command, [quote_path(argument) for argument in rest if argument not in HELP]))
    elif of_fairseq := answer(rest):
        raise ConfigError("\n".join(of_fairseq))
    elif any(argument.startswith("resume=") for argument in rest):
        resume(command, rest)
    else:
        compose_and_run(command, rest)


def split_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the command, ``train`` if none is named, and the other arguments.

    Raises:
        ConfigError: the first word is neither a command nor an override.
    """
    command, rest = "train", list(arguments)
    if rest and rest[0] in COMMANDS:
        command, rest = rest[0], rest[1:]
    elif rest and re.fullmatch(r"[\w-]+", rest[0]) and not rest[0].startswith("-"):
        close = difflib.get_close_matches(rest[0], COMMANDS, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"{rest[0]!r} is no command and no KEY=VALUE; {meant}Commands: {', '.join(COMMANDS)}")
    return command, rest


def quote_path(argument: str) -> str:
    """Quote the value of a key that takes a path, so that Hydra takes it as it was typed."""
    key, separator, value = argument.partition("=")
    if not separator or key.lstrip("+") not in PATH_KEYS or not value or value[0] in "'\"[":
        return argument
    return f"{key}={quote(value)}"


def compose_and_run(command: str, arguments: Sequence[str]) -> None:
    """Compose and run, or let Hydra do what one of its flags asks for, such as ``-m`` and ``--cfg``.

    Raises:
        ConfigError: there are mistakes in what is composed, or a word is no override.
    """
    flags = get_args_parser().parse_args(list(arguments))
    name = flags.config_name or COMMANDS[command].config_name
    config_dir = Path(flags.config_dir).expanduser() if flags.config_dir else None
    overrides = [quote_path(override) for override in flags.overrides]
    check_words(overrides)
    if flags.multirun:
        check_sweep(name, overrides, config_dir)
        without_torch.undo()
        run_through_hydra(command, arguments)
        return
    node = compose_node(name, overrides, config_dir)
    if flags.cfg or flags.info or flags.hydra_help:
        run_through_hydra(command, arguments)
        return
    to_config(node)
    if without_torch.undo():
        node = compose_node(name, overrides, config_dir)
    if flags.experimental_rerun:
        run_through_hydra(command, arguments)
    else:
        run(command, node)


def check_words(overrides: Sequence[str]) -> None:
    """Check that all words are overrides.

    Raises:
        ConfigError: one is not.
    """
    for word in overrides:
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"{word!r} is no KEY=VALUE; quote values that hold spaces")


def check_sweep(config_name: str, overrides: Sequence[str], config_dir: Path | None) -> None:
    """Compose the jobs of a sweep before the first starts: each combination, or in large sweeps each value.

    Raises:
        ConfigError: there are mistakes in some job; all are named.
    """
    lines: dict[str, None] = {}
    for job in jobs(overrides):
        try:
            to_config(compose_node(config_name, job, config_dir))
        except ConfigError as error:
            lines.update(dict.fromkeys(str(error).split("\n")))
    if lines:
        raise ConfigError("\n".join(lines))


def jobs(overrides: Sequence[str]) -> Iterator[list[str]]:
    """Yield the overrides of each job of a sweep; where they are over LARGE_SWEEP, enough to have each value once."""
    values = [sweep_values(override) for override in overrides]
    if math.prod(map(len, values)) <= LARGE_SWEEP:
        yield from map(list, itertools.product(*values))
    else:
        longest = max(map(len, values))
        yield from ([v[min(n, len(v) - 1)] for v in values] for n in range(longest))


def sweep_values(override: str) -> list[str]:
    """Return an override once for each value it sweeps over: of an interval the ends."""
    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException:
        return [override]
    key = override.partition("=")[0]
    if parsed.is_discrete_sweep():
        return [f"{key}={value}" for value in parsed.sweep_string_iterator()]
    if isinstance(interval := parsed.value(), IntervalSweep):
        return [f"{key}={end}" for end in (interval.start, interval.end)]
    return [override]


def run(command: str, node: DictConfig, directory: Path | None = None) -> object:
    """Run a command with a composed config; training in a run directory, that of the config if None."""
    cfg = to_config(node)
    module = importlib.import_module(f"seqtrain.commands.{command}")
    if command != "train":
        return module.run(cfg)
    from seqtrain.commands.hydra_files import new_run_directory

    return module.run(cfg, directory or new_run_directory(node))


def resume(command: str, arguments: Sequence[str]) -> None:
    """Go on with a run; its config is its checkpoint's.

    ``resume=auto`` starts it if there is nothing to go on with, and refuses overrides that would change what is past.
    """
    if command != "train":
        raise ConfigError(f"resume= goes with train, not with {command}")
    without_torch.undo()
    from seqtrain.checkpoint import complete
    from seqtrain.commands import resume as resuming

    others = [quote_path(argument) for argument in arguments if not argument.startswith("resume=")]
    directory = next(a for a in arguments if a.startswith("resume=")).removeprefix("resume=").strip("'\"")
    if directory != "auto":
        resuming.resume(Path(directory).expanduser(), others)
        return
    node = compose_node(COMMANDS[command].config_name, others)
    run_directory = Path(node.hydra.run.dir)
    if complete(run_directory / "checkpoints"):
        resuming.resume_same(run_directory, to_config(node), others)
    else:
        run(command, node)


def run_through_hydra(command: str, arguments: Sequence[str]) -> None:
    """Let Hydra itself do what its flags ask for."""
    import hydra

    register_all()
    sys.argv = ["seqtrain", *arguments]
    job = partial(run_job, command)
    name = COMMANDS[command].config_name
    hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=name)(job)()


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
    except SeqtrainError as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"seqtrain: {in_lines(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None


def in_lines(message: str) -> str:
    """Return a message with several mistakes as their number and a line for each."""
    lines = message.split("\n")
    return message if len(lines) == 1 else "\n  ".join([f"{len(lines)} mistakes:", *lines])
