"""Plug-ins of packages: one that pip installs and finds by its entry point, and one that ``pkg://`` names."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.integration.linear_model import linear_model

ROOT = Path(__file__).parents[2]

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "installed-linear"
version = "1.0"

[project.entry-points."seqtrain.plugins"]
linear = "installed_linear"
"""

Run = Callable[..., str]


def write_package(directory: Path, name: str) -> None:
    """Write a package with a model, and a preset of it in YAML."""
    (directory / "model").mkdir(parents=True)
    (directory / "__init__.py").write_text("from . import linear\n")
    (directory / "linear.py").write_text(linear_model(name))
    (directory / "model" / f"{name}_of_16.yaml").write_text(f"defaults: [{name}, _self_]\ndim: 16\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where both packages are installed: one by pip, the other as it is."""
    source, site = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    write_package(source / "installed_linear", "by_pip")
    (source / "pyproject.toml").write_text(PYPROJECT)
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, str(source)], check=True, timeout=120)
    write_package(site / "plain_package", "by_pkg")
    return site


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The current directory of all runs."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def python(site: Path, place: Path) -> Run:
    """Run the program where the packages are installed, and return what it prints."""

    def python(*arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), str(site)])}
        command = [sys.executable, "-m", "seqtrain", *arguments]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    return python


@pytest.fixture(scope="module")
def short(data: Path) -> list[str]:
    """Overrides for a short training."""
    return [
        "task=translation",
        f"task.data={data}",
        "tokenizer=char",
        "lr_scheduler=inverse_sqrt",
        "training.max_update=1",
        "training.device=cpu",
        "validation.final_split=''",
    ]


@pytest.fixture(scope="module")
def swept(python: Run, short: list[str], place: Path) -> Path:
    """A sweep by joblib over a preset of each package."""
    sweep = ["-m", "hydra/launcher=joblib", "hydra.sweep.dir=sweep", "model=by_pip_of_16,by_pkg_of_16"]
    python(*sweep, *short, "hydra.searchpath=[pkg://plain_package]")
    return place / "sweep"


def model_of(run_directory: Path) -> object:
    """Return what a run's checkpoint says of its model."""
    return yaml.safe_load((run_directory / "last" / "config.yaml").read_text())["model"]


def test_a_sweep_in_processes_of_joblib(swept: Path) -> None:
    assert [model_of(swept / job) for job in ("0", "1")] == [
        {"_name": "by_pip", "dim": 16},
        {"_name": "by_pkg", "dim": 16},
    ]


def test_a_run_of_an_entry_point_is_resumed(python: Run, short: list[str], place: Path) -> None:
    python(*short, "model=by_pip", "model.dim=8", "hydra.run.dir=run")
    python("resume=run", "training.max_update=2")
    assert (place / "run/checkpoints/update-00000002").is_dir()
    assert model_of(place / "run") == {"_name": "by_pip", "dim": 8}


def test_a_run_of_a_package_on_the_search_path_is_resumed(python: Run, swept: Path, place: Path) -> None:
    shutil.copytree(swept / "1", place / "resumed", symlinks=True)
    python("resume=resumed", "training.max_update=2")
    assert (place / "resumed/checkpoints/update-00000002").is_dir()


def test_generate(python: Run, swept: Path, place: Path) -> None:
    (place / "input").write_text("one\n\ntwo\n")
    decoded = python("generate", f"checkpoint={swept / '0'}", "input=input", "generation.max_len_b=5", "device=cpu")
    assert len(decoded.splitlines()) == 3


def test_a_users_yaml_named_like_a_packages(python: Run, site: Path, place: Path) -> None:
    (place / "user/model").mkdir(parents=True)
    (place / "user/model/by_pip_of_16.yaml").write_text("defaults: [by_pip, _self_]\n")
    assert python("hydra.searchpath=[user]", "model=by_pip_of_16", code=2) == (
        f"seqtrain: {place}/user/model/by_pip_of_16.yaml:1: model/by_pip_of_16 is there already, in "
        f"{site}/installed_linear/model/by_pip_of_16.yaml; give this file another name\n"
    )
