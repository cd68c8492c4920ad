from pathlib import Path

from seqtrain.commands.help import help_text
from seqtrain.composition import searchpath_override

EXAMPLE = Path(__file__).parents[3] / "examples" / "my-module"


def test_choices_of_a_user_too() -> None:
    text = help_text("train", searchpath_override([EXAMPLE]))
    for name in ("my_gru", "my_gru_wide", "my_transformer"):
        assert name in text


def test_the_fields_of_what_is_chosen() -> None:
    lines = help_text("train", ["optimizer=sgd_nesterov", "optimizer.weight_decay=0.5"]).splitlines()
    assert lines[0].startswith("optimizer=sgd: Stochastic gradient descent")
    assert "  optimizer.dampening=0.0  (a number, at least 0 and at most 1)" in lines
    (decay,) = [line for line in lines if line.startswith("  optimizer.weight_decay=")]
    assert decay == "  optimizer.weight_decay=0.5  (a number, at least 0, default 0.0, set in command line)"
    (momentum,) = [line for line in lines if line.startswith("  optimizer.momentum=")]
    assert "default 0.0, set in " in momentum and "conf/optimizer/sgd_nesterov.yaml:" in momentum


def test_another_command() -> None:
    text = help_text("average")
    assert text.startswith("average checkpoints: average checkpoint=RUN")
    assert "  last=5  (an integer, at least 1)" in text
