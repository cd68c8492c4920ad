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

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig

from seqtrain import __version__, plugins
from seqtrain.commands import COMMANDS
from seqtrain.composition import compose_node, conf_directory, quote, register_all, to_config
from seqtrain.errors import ConfigError, SeqtrainError

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
    overrides = [quote_path(argument) for argument in rest]
    if "--version" in rest:
        print(f"seqtrain {__version__}")
    elif rest in (["--help"], ["-h"]):
        from seqtrain.commands.help import help_text

        print(help_text(command))
    elif any(argument.startswith("resume=") for argument in rest):
        resume(command, rest)
    elif any(argument.startswith("-") for argument in rest):
        run_through_hydra(command, rest)
    else:
        run(command, compose_node(COMMANDS[command].config_name, overrides))


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
    if not any(argument.startswith("-") for argument in rest):
        for word in rest:
            if "=" not in word and not word.startswith("~"):
                raise ConfigError(f"{word!r} is no KEY=VALUE; quote values that hold spaces")
    return command, rest


def quote_path(argument: str) -> str:
    """Quote the value of a key that takes a path, so that Hydra takes it as it was typed."""
    key, separator, value = argument.partition("=")
    if not separator or key.lstrip("+") not in PATH_KEYS or not value or value[0] in "'\"[":
        return argument
    return f"{key}={quote(value)}"


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
    from seqtrain.checkpoint import complete
    from seqtrain.commands import resume as resuming

    if command != "train":
        raise ConfigError(f"resume= goes with train, not with {command}")
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
    """Let Hydra itself do what its flags ask for, such as ``-m`` and ``--cfg``."""
    import hydra

    register_all()
    name = COMMANDS[command].config_name
    if not any(argument.startswith(("--config-", "-c")) and argument != "--cfg" for argument in arguments):
        # Hydra ends with its own messages and another exit code: what can be refused before it starts is.
        compose_node(name, [a for a in arguments if "=" in a and not a.startswith("-") and not is_sweep(a)])
    sys.argv = ["seqtrain", *arguments]
    job = partial(run_job, command)
    hydra.main(version_base="1.3", config_path=str(conf_directory()), config_name=name)(job)()


def is_sweep(override: str) -> bool:
    """Tell whether an override has several values, one for each job."""
    try:
        return bool(OverridesParser.create().parse_override(override).is_sweep_override())
    except HydraException:
        return False


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
        print(f"seqtrain: {error}", file=sys.stderr)
        raise SystemExit(2) from None
