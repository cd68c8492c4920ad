"""What ``docs/results.md`` says of a run."""

from collections.abc import Sequence
from typing import Any

from benchmarks._tables import markdown

SHOWN = 14
"""About so many validations are shown of a curve."""


def tables(scores: Sequence[dict[str, Any]], curve: Sequence[dict[str, float]]) -> str:
    """Return a table of scores, their signatures, and a table of the curve."""
    signatures = [f"SacreBLEU: `{signature}`" for signature in dict.fromkeys(x["signatures"]["bleu"] for x in scores)]
    return "\n\n".join([scores_table(scores), *signatures, curve_table(curve)])


def scores_table(scores: Sequence[dict[str, Any]]) -> str:
    """Return a table of BLEU and losses."""
    rows = [
        [x["checkpoint"], x["split"], f"{x['bleu']:.2f}", *(f"{x[name]:.4g}" for name in ("loss", "nll_loss", "ppl"))]
        for x in scores
    ]
    return markdown(["checkpoint", "split", "BLEU", "loss", "nll loss", "perplexity"], rows)


def curve_table(curve: Sequence[dict[str, float]]) -> str:
    """Return a table of some validations: every so many, the best and the last."""
    best = min(curve, key=lambda x: x["valid/loss"])
    every = max(1, len(curve) // SHOWN)
    shown = [x for number, x in enumerate(curve, start=1) if number % every == 0 or x is best or x is curve[-1]]
    rows = [
        [
            f"{x['epoch']:.0f}{' (best)' if x is best else ''}",
            f"{x['num_updates']:,.0f}",
            *(f"{x[f'valid/{name}']:.3f}" for name in ("loss", "nll_loss", "ppl")),
            f"{x['seconds'] / 60:.1f}",
        ]
        for x in shown
    ]
    return markdown(["epoch", "updates", "valid loss", "nll loss", "perplexity", "minutes"], rows)


def lines(curve: Sequence[dict[str, float]]) -> dict[str, list[tuple[float, float]]]:
    """Return the points of a plot: losses over epochs."""
    return {
        label: [(x["epoch"], x[name]) for x in curve]
        for label, name in (("seqtrain, loss", "valid/loss"), ("negative log-likelihood", "valid/nll_loss"))
    }
