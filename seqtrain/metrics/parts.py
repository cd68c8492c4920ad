"""Splits that consist of several sets: ``valid`` of ``valid.en-de`` and ``valid.de-en``. It scores their mean."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping


def with_wholes(splits: Iterable[str]) -> list[str]:
    """Return the names of splits, and before them those of which they are parts."""
    names = list(splits)
    return list(dict.fromkeys([*(name.partition(".")[0] for name in names), *names]))


def averages(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the means over the parts of a split: ``valid/loss`` of ``valid.en-de/loss`` and ``valid.de-en/loss``."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for key, value in metrics.items():
        split, _, name = key.rpartition("/")
        whole, dot, _ = split.partition(".")
        if dot:
            values[f"{whole}/{name}"].append(value)
    return {key: math.fsum(found) / len(found) for key, found in values.items()}
