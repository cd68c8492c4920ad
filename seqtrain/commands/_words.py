"""The words of a command line: Hydra's flags, in any place, and overrides."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hydra._internal.config_repository import IConfigRepository
from hydra._internal.utils import get_args_parser
from omegaconf import DictConfig

from seqtrain.commands import COMMANDS
from seqtrain.composition import compose_node, discover, quote
from seqtrain.config import Plugins
from seqtrain.errors import ConfigError
from seqtrain.fairseq_flags import answer

SEARCHPATH, PLUGINS = "hydra.searchpath=", "plugins="

PATH_KEYS = (
    "input",
    "output",
    "source",
    "target",
    "checkpoint",
    "lm_path",
    "resume",
    "data",
    "task.data",
    "dataset.cache_dir",
    "hydra.run.dir",
    "tokenizer.model_file",
    "tokenizer.dictionary",
    "tokenizer.codes",
    "tokenizer.encoder_json",
    "tokenizer.vocab_bpe",
    "criterion.teacher",
    "saving.finetune_from",
)
"""Keys whose values are taken as typed, whatever they mean in Hydra's grammar."""

ALLOWED_IN_RERUN = (
    "task.data=",
    "criterion.teacher=",
    "saving.finetune_from=",
    "dataset.cache_dir=",
    "training.device=",
    "training.log_interval=",
    "tracking.tensorboard=",
)
"""Overrides that change where a run is repeated, and not what is computed."""

KEYS_OF_TOOLS = {
    "verify": ("updates=", "keep="),
    "plot": ("output=",),
    "rerun": ("checkpoint=", PLUGINS, "hydra.run.dir=", SEARCHPATH, *ALLOWED_IN_RERUN),
}
"""Words of their own that tools take besides flags; those of ``TAKE_OVERRIDES`` take all overrides too."""

TAKE_OVERRIDES = ("verify", "plot")


TAKE_CHECKPOINTS = ("generate", "score", "evaluate", "average")
"""Commands whose configs have the key ``checkpoint``."""


class Words(NamedTuple):
    """What a command line asks for: the primary config, in a directory of the user's own or seqtrain's, and overrides.

    ``flags`` are Hydra's; ``as_typed`` are the words in the order in which Hydra itself takes them.
    """

    config_name: str
    overrides: list[str]
    config_dir: Path | None
    flags: Namespace
    as_typed: list[str]

    def compose(self) -> DictConfig:
        """Compose the root, Hydra's own node included.

        Raises:
            ConfigError: there are mistakes; all are named.
        """
        return compose_node(self.config_name, self.overrides, self.config_dir)

    def sources(self) -> IConfigRepository:
        """Return Hydra's sources, with all plug-ins registered that the words name.

        Raises:
            ConfigError: an override cannot be read.
            PluginError: a user directory is missing or cannot be imported.
        """
        return discover(self.overrides, self.config_name, self.config_dir)


def words_parser(command: str, description: str, epilog: str, usage: str | None = None) -> ArgumentParser:
    """Return the parser of a command that takes words of its own: its help is printed as it is written.

    Args:
        command: its name.
        description: what it does.
        epilog: more about its words.
        usage: the words that it takes; from the parser's arguments if None.
    """
    return ArgumentParser(
        f"seqtrain {command}",
        usage=usage and f"seqtrain {command} {usage}",
        description=description,
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def read_words(words: Sequence[str], config_name: str) -> Words:
    """Read the words after a command whose primary config is ``config_name`` unless a flag names another.

    Raises:
        ConfigError: a word is no override, or a flag is fairseq's or nobody's. Mistakes in the overrides are named too.
    """
    words = _with_one_searchpath(words)
    command = next(name for name, command in COMMANDS.items() if command.config_name == config_name)
    if wrong := answer(words, command) or _no_overrides(words, command):
        rest = [word for word in words if not word.startswith("-") and _is_override(word)]
        raise ConfigError("\n".join([*wrong, *_mistakes_in(read_words(rest, config_name))]))
    parser = get_args_parser()
    parser.prog = "seqtrain"
    flags = parser.parse_intermixed_args(list(words))
    typed = list(flags.overrides)
    of_flags = list(words)
    for override in typed:
        of_flags.remove(override)
    if flags.config_path:
        raise ConfigError(f"--config-path {flags.config_path}: seqtrain's own configs are needed; use --config-dir")
    config_dir = Path(flags.config_dir).expanduser() if flags.config_dir else None
    # Of several runs, one takes each of the paths between commas.
    overrides = [o if flags.multirun and "," in o else quote_path(o) for o in typed]
    return Words(flags.config_name or config_name, overrides, config_dir, flags, [*of_flags, *overrides])


def read_config_words(words: Sequence[str], instead: str) -> Words:
    """Read the words of a tool that composes the config of training for itself.

    Args:
        words: the words after the command.
        instead: what it does, for who asks it for something else: ``verify trains one config``.

    Raises:
        ConfigError: a word asks for something else, or is no override.
    """
    read = read_words(words, "config")
    flags = read.flags
    if flags.multirun or flags.cfg or flags.info or flags.hydra_help or flags.experimental_rerun:
        raise ConfigError(f"{instead}: leave out {read.as_typed[0]}")
    if resumed := [word for word in words if word.startswith("resume=")]:
        raise ConfigError(f"{instead}: leave out {resumed[0]}")
    return read


def value_of(words: Iterable[str], key: str, default: str = "") -> str:
    """Return the value of a word that is no override, such as ``plugins=``, without quotes; the last one counts."""
    values = [word.removeprefix(key).strip("'\"") for word in words if word.startswith(key)]
    return values[-1] if values else default


def plugins_choice(words: Iterable[str]) -> Plugins:
    """Return whose code is to run the plug-ins of a run.

    Raises:
        ConfigError: there is no such choice.
    """
    value = value_of(words, PLUGINS, Plugins.installed.value)
    if value not in Plugins.__members__:
        raise ConfigError(f"{PLUGINS}{value}: must be one of {', '.join(Plugins.__members__)}")
    return Plugins(value)


def quote_path(argument: str) -> str:
    """Quote the value of a key that takes a path, so that Hydra takes it as it was typed."""
    key, separator, value = argument.partition("=")
    if not separator or key.lstrip("+") not in PATH_KEYS or not value or value[0] in "'\"[":
        return argument
    return f"{key}={quote(value)}"


def _no_overrides(words: Sequence[str], command: str) -> list[str]:
    """Return a line for each word that is neither an override nor a flag's value."""
    flags = {"-p", "--package", "-c", "--cfg", "-i", "--info", "-cn", "--config-name", "-cd", "--config-dir"}
    flags |= {"-cp", "--config-path", "--experimental-rerun", "-sc", "--shell-completion"}
    before = ["", *words]
    plain = [w for b, w in zip(before, words, strict=False) if b not in flags and not w.startswith(("-", "~"))]
    advice = {name: "a command comes first" for name in COMMANDS}
    wrong = [word for word in plain if not _is_override(word)]
    return [f"{word!r} is no KEY=VALUE; {advice.get(word) or _advice_on(word, command)}" for word in wrong]


def _advice_on(word: str, command: str) -> str:
    is_checkpoint = command in TAKE_CHECKPOINTS and Path(word).is_dir()
    return f"a run is given as checkpoint={word}" if is_checkpoint else "quote values that hold spaces"


def _is_override(word: str) -> bool:
    key, equals, _ = word.partition("=")
    return word.startswith("~") or bool(equals and key.lstrip("+"))


def _with_one_searchpath(words: Sequence[str]) -> list[str]:
    """Return the words with the last ``hydra.searchpath`` alone, of which Hydra takes the first; and as a list."""
    given = [word for word in words if word.lstrip("+").startswith(SEARCHPATH)]
    if not given:
        return list(words)
    value = given[-1].lstrip("+").removeprefix(SEARCHPATH)
    entries = value if value.startswith(("[", "'", '"', "$")) else f"[{value}]"
    return [f"{SEARCHPATH}{entries}", *(word for word in words if word not in given)]


def _mistakes_in(words: Words) -> list[str]:
    try:
        words.compose()
    except ConfigError as error:
        return str(error).split("\n")
    return []
