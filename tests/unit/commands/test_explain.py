import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain.commands.explain import explain, main
from seqtrain.errors import ConfigError
from seqtrain.optimizers import _adam
from seqtrain.plugins import conf_directory

ROOT = Path(__file__).parents[3]

PRESETS = """\
from seqtrain.optimizers import register_optimizer_preset
from seqtrain.optimizers.adam import AdamConfig

register_optimizer_preset("mine_in_python", AdamConfig(lr=2e-3))
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with presets in Python and YAML, and a recipe that chooses; ``mine`` from where we are."""
    directory = tmp_path / "mine"
    (directory / "optimizer").mkdir(parents=True)
    (directory / "experiment").mkdir()
    (directory / "presets.py").write_text(PRESETS)
    (directory / "optimizer/slow.yaml").write_text("# Slow.\ndefaults: [adam_transformer, _self_]\n\nlr: 2e-4\n")
    (directory / "optimizer/both.yaml").write_text("defaults: [mine_in_python, _self_]\nlr: 1e-3\n")
    (directory / "experiment/recipe.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /optimizer: slow\n  - _self_\n\noptimizer:\n  lr: 1e-4\n"
    )
    monkeypatch.chdir(tmp_path)
    return directory


def default() -> str:
    """The line of the rate that configs of Adam have."""
    file = _adam.__file__
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    return f"{file}:{1 + next(n for n, line in enumerate(lines) if line.startswith('    lr: float'))}"


def test_from_the_dataclass_through_presets_and_a_recipe_to_the_command_line(user: Path) -> None:
    arguments = ["explain", "optimizer.lr", "hydra.searchpath=[mine]", "+experiment=recipe", "optimizer.lr=3e-4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "seqtrain", *arguments]
    done = subprocess.run(
        command, cwd=user.parent, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "optimizer.lr = 0.0003",
        "  a number, at least 0",
        "  Learning rate, the peak that the scheduler starts from.",
        f"    0.001   {default()}",
        f"    0.0005  {conf_directory() / 'optimizer/adam_transformer.yaml'}:4",
        "    0.0002  mine/optimizer/slow.yaml:4",
        "    0.0001  mine/experiment/recipe.yaml:7",
        "    3e-4    command line  <- counts",
    ]


@pytest.mark.usefixtures("user")
def test_through_a_preset_in_python() -> None:
    arguments = ["hydra.searchpath=[mine]", "optimizer=both", "optimizer.lr=3e-4"]
    assert list(explain("optimizer.lr", arguments)) == [
        "optimizer.lr = 0.0003",
        "  a number, at least 0",
        "  Learning rate, the peak that the scheduler starts from.",
        f"    0.001  {default()}",
        "    0.002  mine/presets.py:4",
        "    0.001  mine/optimizer/both.yaml:2",
        "    3e-4   command line  <- counts",
    ]


def test_a_field_and_what_set_it() -> None:
    lines = list(explain("optimizer.lr", ["optimizer=adam_transformer", "optimizer.lr=1e-2"]))
    assert lines[:3] == [
        "optimizer.lr = 0.01",
        "  a number, at least 0",
        "  Learning rate, the peak that the scheduler starts from.",
    ]
    texts = [line.split()[0] for line in lines[3:]]
    assert texts == ["0.001", "0.0005", "1e-2"]
    assert "optimizers/_adam.py:" in lines[3]
    assert "conf/optimizer/adam_transformer.yaml:" in lines[4]
    assert lines[5].endswith("command line  <- counts")


def test_a_reference_is_followed() -> None:
    lines = list(explain("lr_scheduler.total_num_update", ["training.max_update=77"]))
    assert lines[0] == "lr_scheduler.total_num_update = 77"
    assert lines[3].split()[0] == "${training.max_update}"


def test_a_value_that_is_missing() -> None:
    assert next(explain("optimizer.lr", ["optimizer.lr=???"])) == "optimizer.lr = (no value yet)"


def test_a_group() -> None:
    first, plugin, choices, *chain = explain("model", ["model=transformer_tiny"])
    assert first == "model = transformer_tiny"
    assert plugin.startswith("  transformer: An encoder, a decoder that attends to it") and plugin.endswith(")")
    assert choices.startswith("  one of ") and ", transformer, " in choices
    assert [line.split()[0] for line in chain] == ["transformer_number_names", "transformer_tiny"]


def test_a_section() -> None:
    lines = list(explain("tracking", []))
    assert lines == [
        "  tracking.tensorboard=false  (true or false)",
        "      Write TensorBoard event files into ``tensorboard/`` of the run directory.",
    ]


def test_a_key_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"^optimizer\.lrr: there is no such key; did you mean optimizer\.lr\?$"):
        list(explain("optimizer.lrr", []))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["training.seed", "training.seed=3"])
    assert capsys.readouterr().out.startswith("training.seed = 3\n")


@pytest.mark.parametrize(
    ("key", "overrides", "lines"),
    [
        (
            "lr_scheduler.update2lr",
            ["lr_scheduler=manual", "lr_scheduler.update2lr={3:1e-4}"],
            ["lr_scheduler.update2lr = {3: 0.0001}", "  a mapping, each value a number, at least 0"],
        ),
        (
            "optimizer.parts",
            ["optimizer=composite", "+optimizer@optimizer.parts.all.optimizer=sgd"],
            [
                "optimizer.parts = all",
                "  a mapping, each value a section",
                "  Parts by names of one's own",
                "    {}  ",
                "  optimizer.parts.all.pattern=null  (text or null)",
            ],
        ),
    ],
)
def test_a_mapping(key: str, overrides: list[str], lines: list[str]) -> None:
    found = list(explain(key, overrides))
    assert [line[: len(start)] for line, start in zip(found, lines, strict=False)] == lines
