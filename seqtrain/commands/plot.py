"""``plot``: the learning rate over training, in the terminal or as a picture."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqtrain import without_torch
from seqtrain.commands._chart import MARKS, chart
from seqtrain.commands._picture import check_output, write_picture
from seqtrain.commands._sweep import check_sweep, jobs
from seqtrain.commands._words import Words, read_config_words, value_of, words_parser
from seqtrain.composition import to_config
from seqtrain.config import TrainConfig
from seqtrain.errors import ConfigError

OUTPUT = "output="
"""Word that is no override."""

DESCRIPTION = """\
Draw the learning rate of each of training.max_update updates, with the config that `train` would compose: overrides,
presets, experiments and user directories count. Needs no data and builds no model. Of optimizer=composite it draws the
rate of each part.
"""
EPILOG = """\
Words:
  output=FILE   write a picture instead, .png, .svg or .pdf; an older one of that name is replaced
  OVERRIDE ...  as for train; several values, A,B, are drawn one over the other

Example:
  $ seqtrain plot lr_scheduler=cosine,linear lr_scheduler.warmup_updates=500 training.max_update=10000
"""
HEIGHT = 17
"""Lines of a chart, without its axis."""


def main(arguments: Sequence[str]) -> None:
    """Draw the schedules of the configs that the words compose.

    Raises:
        ConfigError: there are mistakes in the words or in what they compose.
        StorageError: the picture cannot be written.
    """
    output, rest = parse(arguments)
    words = read_config_words(rest, "plot draws schedules")
    check_sweep(words)  # with neither torch nor NumPy imported
    without_torch.undo()
    from seqtrain.commands._schedules import schedules_of

    schedules = [schedule for label, cfg in configs(words) for schedule in schedules_of(label, cfg)]
    check_number(schedules)
    if output is None:
        print("\n".join(chart([schedule.rates for schedule in schedules], shutil.get_terminal_size().columns, HEIGHT)))
        print("\n".join(f"{mark} {schedule.summary()}" for mark, schedule in zip(MARKS, schedules, strict=False)))
    else:
        write_picture({schedule.label: schedule.rates for schedule in schedules}, output)
        print("\n".join([*(schedule.summary() for schedule in schedules), f"picture: {output}"]))


def parse(arguments: Sequence[str]) -> tuple[Path | None, list[str]]:
    """Return where to write a picture, if anywhere, and the words that compose.

    Raises:
        ConfigError: a picture of that kind cannot be written.
    """
    parser = words_parser("plot", DESCRIPTION, EPILOG, "[output=FILE] [OVERRIDE ...]")
    words = parser.parse_known_args(list(arguments))[1]
    output = value_of(words, OUTPUT)
    if any(word.startswith(OUTPUT) for word in words):
        check_output(output)
    rest = [word for word in words if not word.startswith(OUTPUT)]
    return (Path(output).expanduser() if output else None), rest


def configs(words: Words) -> Iterator[tuple[str, TrainConfig]]:
    """Yield each config that the words compose, and what sets it apart from the others.

    Raises:
        ConfigError: there are more than can be told apart.
    """
    composed = list(jobs(words.overrides, words.config_dir))
    check_number(composed)
    for job in composed:
        cfg = to_config(words._replace(overrides=job).compose())
        assert isinstance(cfg, TrainConfig)
        apart = [override for override in job if override not in words.overrides]
        yield " ".join(apart) or f"lr_scheduler={cfg.lr_scheduler._name}", cfg


def check_number(schedules: Sequence[object]) -> None:
    """Refuse more schedules than can be told apart.

    Raises:
        ConfigError: there are more.
    """
    if len(schedules) > len(MARKS):
        raise ConfigError(f"plot draws at most {len(MARKS)} schedules at once, not {len(schedules)}: leave out values")
