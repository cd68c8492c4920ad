"""The learning rate over training, in characters and as a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from matplotlib.image import imread

Call = Callable[..., Any]

CURVES = ("lr_scheduler=cosine,linear", "lr_scheduler.warmup_updates=100", "training.max_update=1000", "optimizer.lr=1")
SUMMARIES = [
    "lr_scheduler=cosine: first 0, peak 1 at update 101, last 3.05e-06",
    "lr_scheduler=linear: first 0, peak 1 at update 101, last 0.00111",
]


def test_in_a_pipe_without_colours(run: Call, tmp_path: Path) -> None:
    done = run("plot", *CURVES, cwd=tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[-2:] == [f"* {SUMMARIES[0]}", f"o {SUMMARIES[1]}"]
    assert lines[0].startswith("  1 |") and lines[8].startswith("0.5 |") and lines[16].startswith("  0 |*")
    assert lines[-3].endswith("1,000 updates") and max(map(len, lines[:-2])) == 80
    assert done.out.isascii() and "\x1b" not in done.out
    assert not list(tmp_path.iterdir())


def test_as_wide_as_the_terminal(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    done = call("plot", *CURVES)
    assert max(map(len, done.out.splitlines()[:-2])) == 50


def test_a_picture(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "schedule of mine.png"
    file.write_text("an older one")
    done = call("plot", *CURVES, f"output={file}")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [*SUMMARIES, f"picture: {file}"]
    picture = imread(file)
    assert picture.shape == (675, 1200, 4)
    inked = (picture[..., :3] < 0.9).any(axis=-1)
    assert 0.01 < inked.mean() < 0.2
    # two curves of two colours, among black and white
    colours = {tuple(colour) for colour in (picture[inked][:, :3] * 255).round().astype(int).tolist()}
    assert {(31, 119, 180), (255, 127, 14)} <= colours


def test_a_preset_and_a_recipe_count(call: Call) -> None:
    recipe = call("plot", "+experiment=multi30k_en_de")
    assert "lr_scheduler=inverse_sqrt: first 1e-07, peak" in recipe.out
    preset = call("plot", "lr_scheduler=inverse_sqrt_4k", "training.max_update=8000", "optimizer.lr=5e-4")
    assert "* lr_scheduler=inverse_sqrt: first 1e-07, peak 0.0005 at update 4,001, last 0.000354" in preset.out


def test_what_a_drawing_cannot_show_is_said(call: Call) -> None:
    done = call("plot", "lr_scheduler=reduce_lr_on_plateau")
    assert done.out.splitlines()[-1] == "  goes by the validation loss too: drawn as if it always fell"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["lr_scheduler=cosin"], "lr_scheduler=cosin (command line): there is no such choice; did you mean cosine?"),
        (["lr_scheduler=cosine,linar"], "did you mean linear?"),
        (
            ["lr_scheduler=cosine", "training.max_update=0", "training.max_epoch=2"],
            "lr_scheduler needs to know when training ends: set training.max_update",
        ),
        (["lr_scheduler=cosine", "lr_scheduler.min_lr=1", "optimizer.lr=0.1"], "lr_scheduler.min_lr=1 is above"),
        (["output=a.gif"], "output=a.gif: a picture's name ends in one of .png, .svg, .pdf"),
        (["output=there/a.png"], "cannot write there/a.png"),
        (["-m", "lr_scheduler=cosine,linear"], "plot draws schedules: leave out -m"),
        (["resume=run"], "plot draws schedules: leave out resume=run"),
        (["cosine"], "'cosine' is no KEY=VALUE"),
    ],
)
def test_mistakes(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in call("plot", *words).refused()
    assert not list(tmp_path.iterdir())


def test_help(call: Call) -> None:
    done = call("plot", "--help")
    assert done.code == 0 and done.out.startswith("usage: seqtrain plot [output=FILE] [OVERRIDE ...]")
