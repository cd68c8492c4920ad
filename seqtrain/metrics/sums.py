"""Add up what batches report, average it, and display it.

Values may be tensors: adding does not wait for the device, averaging does.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from seqtrain.base import Sum


def add_sums(parts: Iterable[Mapping[str, Sum]]) -> dict[str, Sum]:
    """Return the sums of all parts by name, values and weights alike; a part need not have every name."""
    total: dict[str, Sum] = {}
    for part in parts:
        for name, (value, weight) in part.items():
            before = total.get(name, Sum(0.0, 0.0))
            total[name] = Sum(before.value + value, before.weight + weight)
    return total


def reduce_sums(sums: Mapping[str, Sum]) -> dict[str, float]:
    """Return each value divided by its weight, and the perplexity ``ppl = exp(nll_loss)`` where there is ``nll_loss``.

    A metric of no weight was not measured and is left out. A perplexity over the range of floats is infinite.
    """
    averages = {name: float(value) / float(weight) for name, (value, weight) in sums.items() if float(weight)}
    if "nll_loss" in averages:
        averages["ppl"] = _exp(averages["nll_loss"])
    return averages


def bits_per_unit(averages: Mapping[str, float], counts: Mapping[str, int]) -> dict[str, float]:
    """Return ``bits_per_character`` and the like: all of a text's ``nll_loss`` in bits, divided by its characters.

    Args:
        averages: with ``nll_loss``, in nats a token; else nothing is returned.
        counts: how many ``tokens`` the text has, and of what else it is made, in the plural; without tokens, nothing.
    """
    if "nll_loss" not in averages or "tokens" not in counts:
        return {}
    bits = averages["nll_loss"] / math.log(2) * counts["tokens"]
    units = {name: count for name, count in counts.items() if name != "tokens" and count}
    return {f"bits_per_{name.removesuffix('s')}": bits / count for name, count in units.items()}


def to_log_base(metrics: Mapping[str, float], base: float) -> dict[str, float]:
    """Return the metrics as they are displayed: those whose name ends in ``loss`` as logarithms to ``base``.

    Losses are in nats: base e leaves them so, 2 makes them bits.
    """
    return {name: value / math.log(base) if name.endswith("loss") else value for name, value in metrics.items()}


def strict_json(data: Mapping[str, Any], indent: int | None = None) -> str:
    """Return data as JSON that every reader takes: a number that is not finite becomes null."""
    return json.dumps(_finite(data), indent=indent, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
