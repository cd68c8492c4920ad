"""``check``: what the plug-ins of a user's directory guarantee, by the contract suite."""

import difflib
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqtrain import composition
from seqtrain.commands._words import words_parser
from seqtrain.errors import ConfigError, PluginError, SeqtrainError
from seqtrain.registry import REGISTRIES
from seqtrain.testing.configs import plugin_in
from seqtrain.testing.guarantees import Result, Verdict
from seqtrain.testing.suite import SUITES, run_suite

STYLES = {Verdict.holds: "green", Verdict.broken: "bold red", Verdict.not_concerned: "dim", Verdict.not_run: "yellow"}

WIDTH = 140
"""Columns of a table that goes into a file."""

DESCRIPTION = """\
Run the contract suite on the plug-ins of a user directory, presets included, and say which guarantees hold.
Ends with 0 if all do, with 1 if one does not, with 2 if the directory cannot be imported.
"""
EPILOG = """\
Plug-ins are checked with their defaults. Overrides make a large model small, or give what has no default:
  seqtrain check DIR model/my_gru model.embed_dim=16
  seqtrain check DIR task task.data=CORPUS
"""


class Candidate(NamedTuple):
    """A plug-in or a preset of the directory, and its FILE:LINE."""

    kind: str
    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


def main(arguments: list[str]) -> None:
    """Check plug-ins and print a table for each.

    Raises:
        SeqtrainError: the directory cannot be imported or holds nothing of that name.
        SystemExit: with 1 if a guarantee does not hold.
    """
    if not __debug__:
        raise SeqtrainError("seqtrain check works by assertions: run Python without -O")
    options = parse(arguments)
    directory = Path(options.directory).expanduser().resolve()
    overrides = [word for word in options.words if "=" in word]
    chosen = choose(candidates_of(directory), [word for word in options.words if "=" not in word])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    failed = [one for one in chosen if not report(console, one, directory, overrides, options.seconds)]
    if failed:
        names = ", ".join(map(str, failed))
        console.print(f"not all guarantees hold for {len(failed)} of {len(chosen)}: {names}", soft_wrap=True)
        raise SystemExit(1)
    console.print(f"all guarantees hold: {', '.join(map(str, chosen))}", soft_wrap=True)


def parse(arguments: list[str]) -> Namespace:
    """Read the words of the command."""
    parser = words_parser("check", DESCRIPTION, EPILOG)
    parser.add_argument("directory", metavar="DIR", help="user directory, as on hydra.searchpath")
    parser.add_argument("words", metavar="KIND[/NAME] | KEY=VALUE", nargs="*", help="what to check, and overrides")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="time after which no further check of a plug-in is begun (60)"
    )
    return parser.parse_intermixed_args(arguments)


def candidates_of(directory: Path) -> list[Candidate]:
    """Import a user directory and return its plug-ins and presets, by kind and name.

    Raises:
        PluginError: it cannot be imported, or there are none.
    """
    composition.discover(composition.searchpath_override([directory]))
    found = []
    for kind in SUITES:
        yaml = {file.stem: str(file) for file in (directory / kind).glob("*.yaml")}
        for name, where in sorted((REGISTRIES[kind].places() | yaml).items()):
            if Path(where).is_relative_to(directory):
                found.append(Candidate(kind, name, where))
    if not found:
        raise PluginError(f"{directory} registers no plug-in and has no YAML in {', '.join(SUITES)}: nothing to check")
    return found


def choose(candidates: Sequence[Candidate], words: Sequence[str]) -> list[Candidate]:
    """Return the plug-ins that the words name, ``KIND`` or ``KIND/NAME``; all if there are none.

    Raises:
        PluginError: a word names none.
    """
    for word in words:
        if not any(word in (candidate.kind, str(candidate)) for candidate in candidates):
            there = [str(candidate) for candidate in candidates]
            close = difflib.get_close_matches(word, there, n=1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise PluginError(
                f"{word}: there is no such plug-in in the directory; {meant}there are: {', '.join(there)}"
            )
    return [one for one in candidates if not words or one.kind in words or str(one) in words]


def report(console: Console, candidate: Candidate, directory: Path, overrides: Sequence[str], seconds: float) -> bool:
    """Check a plug-in and print what came out; return whether all is well."""
    with console.status(f"{candidate} ..."):
        results = check(candidate, directory, overrides, seconds)
    console.print(Text(f"{candidate}  {candidate.where}", style="bold"), soft_wrap=True)
    console.print(table(results))
    for result in results:
        if result.verdict in (Verdict.broken, Verdict.not_run):
            line = Text(f"{candidate}: {result.guarantee} is {result.verdict.value}: {result.reason}")
            console.print(line, soft_wrap=True)
    console.print()
    return all(result.verdict in (Verdict.holds, Verdict.not_concerned) for result in results)


def check(candidate: Candidate, directory: Path, overrides: Sequence[str], seconds: float) -> list[Result]:
    """Compose the config of a plug-in and run the suite on it."""
    choice = f"{candidate.kind}={candidate.name}"
    own = [override for override in overrides if _concerns(override, candidate.kind)]
    try:
        cfg = composition.compose([choice, *own], searchpath=[directory])
    except ConfigError as error:
        return [Result("composes", f"{choice} composes into a config.", Verdict.broken, str(error))]
    return list(run_suite(plugin_in(cfg, candidate.kind), directory, seconds))


def table(results: Sequence[Result]) -> Table:
    """Return the results as a table: what is guaranteed, whether it holds, what that means or why it does not."""
    rows = Table("guarantee", "", "", box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    for guarantee, meaning, verdict, reason in results:
        said = reason if verdict is Verdict.not_concerned else meaning
        rows.add_row(guarantee, Text(verdict.value, style=STYLES[verdict]), Text(said.replace("``", "")))
    return rows


def _concerns(override: str, kind: str) -> bool:
    """Whether an override may be given with a plug-in of a kind: other kinds' fields may not be there."""
    key = override.lstrip("+~").partition("=")[0]
    group, dot, _ = key.partition(".")
    return not dot or group == kind or group not in REGISTRIES or (kind, group) == ("task", "tokenizer")
