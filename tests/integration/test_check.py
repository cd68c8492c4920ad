"""``seqtrain check`` as users run it: what it prints, and its exit code."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my-module"
BROKEN = ROOT / "tests" / "fixtures" / "broken_plugins"


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The example, with a sound criterion and one with a fault that it imports."""
    directory = shutil.copytree(EXAMPLE, tmp_path / "my-module", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("healthy_criterion", "mean_instead_of_sum"):
        shutil.copy(BROKEN / f"{name}.py", directory)
    with (directory / "__init__.py").open("a") as package:
        package.write("\nfrom . import healthy_criterion, mean_instead_of_sum  # noqa: E402, F401\n")
    return directory


def test_a_model_a_preset_in_python_and_a_criterion_that_hold(run: Run, user: Path) -> None:
    names = ["model/my_gru", "model/my_transformer", "criterion/healthy_criterion"]
    done = run("check", "my-module", *names, "criterion.sentence_avg=true", cwd=user.parent)
    assert (done.code, done.err) == (0, ""), done.out
    lines = done.out.splitlines()
    gru = 1 + (user / "gru.py").read_text().splitlines().index('@register_model("my_gru", GRUConfig)')
    preset = 1 + (user / "__init__.py").read_text().splitlines().index("register_model_preset(")
    assert [line for line in lines if line.startswith(("model/", "criterion/"))] == [
        f"model/my_gru  {user / 'gru.py'}:{gru}",
        f"model/my_transformer  {user / '__init__.py'}:{preset}",
        f"criterion/healthy_criterion  {user / 'healthy_criterion.py'}:17",
    ]
    assert lines[-1] == f"all guarantees hold: {', '.join(names)}"


def test_a_criterion_with_a_fault(run: Run, user: Path) -> None:
    done = run("check", "my-module", "criterion", cwd=user.parent)
    assert (done.code, done.err) == (1, "")
    lines = done.out.splitlines()
    assert lines[-1] == "not all guarantees hold for 1 of 2: criterion/mean_instead_of_sum"
    assert any(line.startswith("criterion/mean_instead_of_sum: sum is broken: ") for line in lines)


def test_a_directory_that_cannot_be_imported(run: Run, user: Path) -> None:
    (user / "gru.py").write_text("1 / 0\n")
    done = run("check", "my-module", cwd=user.parent)
    assert f"{user / 'gru.py'}:1: cannot import this plug-in: ZeroDivisionError" in done.refused()
