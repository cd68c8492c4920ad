"""Learning rates as a picture, through matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from seqtrain.errors import ConfigError
from seqtrain.paths import atomic_binary_file

FORMATS = (".png", ".svg", ".pdf")
SIZE, DPI = (8, 4.5), 150
"""Inches, and dots an inch: 1200 by 675."""


def check_output(output: str) -> None:
    """Check that a picture can be written under a name.

    Raises:
        ConfigError: its kind is none of ``FORMATS``, or matplotlib is not installed.
    """
    if Path(output).suffix not in FORMATS:
        raise ConfigError(f"output={output}: a picture's name ends in one of {', '.join(FORMATS)}")
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ConfigError("output= needs the package matplotlib: pip install 'seqtrain[plot]'") from None


def write_picture(curves: Mapping[str, Sequence[float]], output: Path) -> None:
    """Draw the rates of each update, by what the legend calls them, one curve over the other.

    Raises:
        StorageError: the place cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot(xlabel="update", ylabel="learning rate")
    for label, rates in curves.items():
        axes.plot(range(1, len(rates) + 1), rates, label=label)
    axes.set_ylim(bottom=0)
    figure.legend(loc="outside upper center", ncols=2)
    with atomic_binary_file(output) as file:
        figure.savefig(file, format=output.suffix.removeprefix("."), dpi=DPI)
