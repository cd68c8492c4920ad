"""The jobs of a sweep, composed before the first one starts."""

import itertools
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException
from omegaconf import OmegaConf

from seqtrain.commands._words import Words
from seqtrain.composition import hydra_loader, to_config
from seqtrain.errors import ConfigError

LARGE_SWEEP = 64
"""Jobs up to which every combination of a sweep is composed before the first starts."""


def check_sweep(words: Words) -> None:
    """Compose the jobs of a sweep before the first starts: each combination, or in large sweeps each value.

    Raises:
        ConfigError: there are mistakes in some job; all are named.
    """
    found: dict[str, list[list[str]]] = {}
    all_jobs = list(jobs([*_of_sweeper(words), *words.overrides], words.config_dir))
    for job in all_jobs:
        try:
            to_config(words._replace(overrides=job).compose())
        except ConfigError as error:
            for line in str(error).split("\n"):
                found.setdefault(line, []).append([text for text in job if text not in words.overrides])
    if found:
        some = {line: jobs if len(jobs) < len(all_jobs) else [] for line, jobs in found.items()}
        raise ConfigError("\n".join(f"{line}{_in_jobs(jobs)}" for line, jobs in some.items()))


def for_hydra(words: Words) -> list[str]:
    """Return the words as Hydra has to have them: it holds what is not swept against the defaults of a swept group."""
    swept = {text.partition("=")[0] for text in words.overrides if len(_values(text)) > 1}
    flags = words.as_typed[: len(words.as_typed) - len(words.overrides)]
    return [*flags, *(_as_sweep(text) if text.partition(".")[0] in swept else text for text in words.overrides)]


def _as_sweep(text: str) -> str:
    key, _, value = text.partition("=")
    return text if len(_values(text)) > 1 else f"{key}=choice({value})"


def _in_jobs(jobs: list[list[str]]) -> str:
    """Return which jobs have a mistake, if not all do."""
    if not jobs:
        return ""
    more = f", and {len(jobs) - 1} more" if len(jobs) > 1 else ""
    return f" (in the job {' '.join(jobs[0])}{more})"


def jobs(overrides: Sequence[str], config_dir: Path | None = None) -> Iterator[list[str]]:
    """Yield the overrides of each job of a sweep; where they are over LARGE_SWEEP, enough to have each value once."""
    with hydra_loader(config_dir) as loader:
        parser = OverridesParser.create(config_loader=loader)
        values = [list(sweep_values(parser, override)) for override in overrides]
    if math.prod(map(len, values)) <= LARGE_SWEEP:
        yield from map(list, itertools.product(*values))
    else:
        longest = max(map(len, values))
        yield from ([v[min(n, len(v) - 1)] for v in values] for n in range(longest))


def sweep_values(parser: OverridesParser, text: str) -> Iterator[str]:
    """Yield an override once for each value it sweeps over: of an interval the ends."""
    try:
        override = parser.parse_override(text)
        key, value = text.partition("=")[0], override.value()
        if isinstance(value, IntervalSweep):
            yield from (f"{key}={end}" for end in (value.start, value.end))
        elif override.is_sweep_override():
            yield from (f"{key}={one}" for one in override.sweep_string_iterator())
        else:
            yield text
    except HydraException:
        yield text


def _values(text: str) -> list[str]:
    """Return an override's values as far as they are known without its group's choices."""
    return list(sweep_values(OverridesParser.create(), text))


def _of_sweeper(words: Words) -> list[str]:
    """Return the sweeps that a config sets for Hydra's sweeper, apart from those that the words replace."""
    single = [text for text in words.overrides if len(_values(text)) == 1]
    try:
        params = OmegaConf.select(words._replace(overrides=single).compose(), "hydra.sweeper.params") or {}
    except ConfigError:  # which each job has too
        return []
    typed = {text.partition("=")[0] for text in words.overrides}
    return [f"{key}={value}" for key, value in params.items() if key not in typed]
