"""The jobs of a sweep, composed before the first one starts."""

import itertools
import math
from collections.abc import Iterator, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep
from hydra.errors import HydraException

from seqtrain.commands._words import Words
from seqtrain.composition import to_config
from seqtrain.errors import ConfigError

LARGE_SWEEP = 64
"""Jobs up to which every combination of a sweep is composed before the first starts."""


def check_sweep(words: Words) -> None:
    """Compose the jobs of a sweep before the first starts: each combination, or in large sweeps each value.

    Raises:
        ConfigError: there are mistakes in some job; all are named.
    """
    lines: dict[str, None] = {}
    for job in jobs(words.overrides):
        try:
            to_config(words._replace(overrides=job).compose())
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
