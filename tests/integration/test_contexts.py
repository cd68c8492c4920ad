"""One test for each way of composing, and for each way of naming a user directory: its plug-ins and YAML are there."""

import ast
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqtrain
from tests.integration.linear_model import linear_model

Call = Callable[..., Any]

ROOT = Path(__file__).parents[2]

INIT = """
from seqtrain.models import register_model_preset

from .linear import LinearConfig

register_model_preset("linear_of_8", LinearConfig(dim=8))
"""

YAML = "defaults: [linear, _self_]\ndim: 16\n"

SEARCHPATH = "hydra.searchpath=[my-module]"

RECORD = """
import os
import sys
from pathlib import Path

Path(f"{os.environ['RECORDS']}/{os.getpid()}").write_text(repr((os.environ["PYTHONPATH"], sys.path)))
"""

SPAWN = """
import multiprocessing
import sys

import seqtrain

def child(cfg):
    again = seqtrain.compose(["model=linear_of_16"], searchpath=["my-module"])
    return type(cfg.model).__module__, cfg.model.dim, again.model.dim, type(again.model) is type(cfg.model)

if __name__ == "__main__":
    cfg = seqtrain.compose(["model=linear_of_8"], searchpath=["my-module"])
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(*pool.apply(child, (cfg,)))
"""


@pytest.fixture(autouse=True)
def pythons_path_stays() -> Iterator[None]:
    """Check that nothing touches where Python looks for modules."""
    path = [*sys.path, os.environ.get("PYTHONPATH")]
    yield
    assert [*sys.path, os.environ.get("PYTHONPATH")] == path


def write_plugins(directory: Path) -> Path:
    """Write a model, a preset of it in Python and one in YAML."""
    (directory / "model").mkdir(parents=True)
    (directory / "__init__.py").write_text(INIT)
    (directory / "linear.py").write_text(linear_model())
    (directory / "model" / "linear_of_16.yaml").write_text(YAML)
    return directory


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a user directory, ``my-module``, and nothing else: the current one of each test."""
    path = tmp_path_factory.mktemp("place")
    write_plugins(path / "my-module")
    return path


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as this process's current directory."""
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="module")
def short(data: Path) -> list[str]:
    """Overrides for a short training of the user's model."""
    return [
        SEARCHPATH,
        "model=linear_of_16",
        "task=translation",
        f"task.data={data}",
        "tokenizer=char",
        "lr_scheduler=inverse_sqrt",
        "training.max_update=2",
        "training.device=cpu",
        "validation.final_split=''",
        "dataset.max_tokens=512",
    ]


@pytest.fixture(scope="module")
def trained_linear(run: Call, short: list[str], place: Path) -> Path:
    """The run directory of the user's model, trained in a process of its own."""
    trained = run(*short, "hydra.run.dir=run", cwd=place)
    assert trained.code == 0, trained.err
    return place / "run"


def config_of(run_directory: Path) -> dict[str, Any]:
    """Return the config of a run, which has saved a model."""
    assert (run_directory / "last" / "model.safetensors").is_file()
    config: dict[str, Any] = yaml.safe_load((run_directory / "last" / "config.yaml").read_text())
    return config


def python(*arguments: str, cwd: Path, path: Sequence[Path] = ()) -> "subprocess.CompletedProcess[str]":
    """Run Python with more directories on its path."""
    places = os.pathsep.join(map(str, [ROOT, *path]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": places}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


# Ways of composing


def test_a_run(trained_linear: Path) -> None:
    assert config_of(trained_linear)["model"] == {"_name": "linear", "dim": 16}


@pytest.mark.parametrize("launcher", ["basic", pytest.param("joblib", marks=pytest.mark.slow), "submitit_local"])
def test_a_sweep_with_each_launcher(run: Call, short: list[str], place: Path, launcher: str) -> None:
    sweep = ["-m", f"hydra/launcher={launcher}", f"hydra.sweep.dir={launcher}", "model=linear,linear_of_8"]
    swept = run(*sweep, *(override for override in short if not override.startswith("model=")), cwd=place)
    assert swept.code == 0, swept.err
    assert [config_of(place / launcher / job)["model"]["dim"] for job in ("0", "1")] == [4, 8]


@pytest.mark.parametrize(
    ("launcher", "models"),
    [
        ("", ["linear_of_8"]),
        pytest.param("joblib", ["of_loose", "of_group"], marks=pytest.mark.slow),
        pytest.param("submitit_local", ["linear_of_8"], marks=pytest.mark.slow),
    ],
)
def test_all_kinds_of_directories_and_one_called_json(
    run: Call, short: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launcher: str, models: list[str]
) -> None:
    if launcher and sys.version_info < (3, 11):
        pytest.skip("Python 3.10 looks for its modules in the current directory of a launcher's process first")
    records = tmp_path / "records"
    records.mkdir()
    monkeypatch.setenv("RECORDS", str(records))
    write_plugins(tmp_path / "json")
    for file, name in (("loose/file.py", "of_loose"), ("by-group/model/file.py", "of_group")):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(linear_model(name) + RECORD)
    sweep = ["-m", f"hydra/launcher={launcher}"] if launcher else []
    options = [*short[2:], "hydra.searchpath=[json,loose,by-group]", "hydra.sweep.dir=runs", "hydra.run.dir=runs/0"]
    done = run(*sweep, *options, f"model={','.join(models)}", cwd=tmp_path)
    assert done.code == 0, done.err
    names = [config_of(tmp_path / "runs" / str(job))["model"]["_name"] for job in range(len(models))]
    assert names == [model.replace("_of_8", "") for model in models]
    recorded = [ast.literal_eval(file.read_text()) for file in records.iterdir()]
    assert len(recorded) >= 1 + bool(launcher)
    for python_path, sys_path in recorded:
        assert python_path == str(ROOT)
        assert {path for path in map(Path, sys_path) if path.is_relative_to(tmp_path)} <= {tmp_path}


def test_a_sweep_by_optuna_over_a_users_field(run: Call, short: list[str], place: Path) -> None:
    sweeper = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweep.dir=optuna"]
    study = ["hydra.sweeper.study_name=mine", "hydra.sweeper.storage=sqlite:///study.db"]
    swept = run(*sweeper, *study, "model.dim=choice(2,3)", *short, cwd=place)
    assert swept.code == 0, swept.err
    best = yaml.safe_load((place / "optuna" / "optimization_results.yaml").read_text())
    assert best["name"] == "optuna" and best["best_params"]["model.dim"] in (2, 3)
    assert {config_of(place / "optuna" / job)["model"]["dim"] for job in ("0", "1")} <= {2, 3}


def test_resume(run: Call, trained_linear: Path, place: Path) -> None:
    shutil.copytree(trained_linear, place / "resumed", symlinks=True)
    resumed = run("resume=resumed", "training.max_update=3", cwd=place)
    assert resumed.code == 0, resumed.err
    assert (place / "resumed/checkpoints/update-00000003").is_dir()
    assert config_of(place / "resumed")["model"]["dim"] == 16


@pytest.mark.usefixtures("here")
def test_cfg_job(call: Call) -> None:
    shown = call("--cfg", "job", "-p", "model", SEARCHPATH, "model=linear_of_16")
    assert (shown.code, shown.err) == (0, "")
    assert yaml.safe_load(shown.out) == {"_name": "linear", "dim": 16}


def test_info(run: Call, here: Path) -> None:
    shown = run("--info", "defaults", SEARCHPATH, "model=linear_of_16", cwd=here)  # in a process: Hydra sets up logging
    assert shown.code == 0 and "model/linear_of_16" in shown.out
    shown = run("--info", "searchpath", SEARCHPATH, cwd=here)
    assert shown.code == 0 and str(here / "my-module") in shown.out


@pytest.mark.usefixtures("here")
def test_help(call: Call) -> None:
    shown = call("--help", SEARCHPATH)
    assert shown.code == 0, shown.err
    assert all(name in shown.out for name in ("linear,", "linear_of_8", "linear_of_16"))


def test_plugins(call: Call, here: Path) -> None:
    shown = call("plugins", "model", SEARCHPATH)
    assert shown.code == 0, shown.err
    places = {line.split()[0]: line.split()[1] for line in shown.out.splitlines()[1:]}
    assert Path(places["linear"]) == Path("my-module/linear.py:17")
    assert Path(places["linear_of_8"]) == Path("my-module/__init__.py:6")
    assert Path(places["linear_of_16"]).name == "linear_of_16.yaml"
    assert (here / places["linear_of_16"]).is_file()


@pytest.mark.parametrize(
    ("word", "completions"),
    [("model=lin", "model=linear model=linear_of_16 model=linear_of_8"), ("model=linear model.d", "model.dim=")],
)
def test_shell_completion(run: Call, place: Path, monkeypatch: pytest.MonkeyPatch, word: str, completions: str) -> None:
    line = f"seqtrain {SEARCHPATH} {word}"
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_POINT", str(len(line)))
    completed = run("-sc", "query=bash", cwd=place)
    assert (completed.code, completed.out.split()) == (0, completions.split())


@pytest.mark.usefixtures("here")
def test_compose() -> None:
    assert seqtrain.compose(["model=linear_of_8"], searchpath=["my-module"]).model.dim == 8  # type: ignore[attr-defined]
    assert seqtrain.compose(["model=linear_of_16", SEARCHPATH]).model.dim == 16  # type: ignore[attr-defined]


def test_compose_in_a_spawned_process(place: Path) -> None:
    (place / "spawn.py").write_text(SPAWN)
    done = python("spawn.py", cwd=place)
    assert (done.stdout, done.stderr) == ("seqtrain.user.my_module.linear 8 16 True\n", "")


def test_generate_and_evaluate(run: Call, trained_linear: Path, place: Path) -> None:
    decode = [f"checkpoint={trained_linear}", SEARCHPATH, "generation.max_len_b=5", "device=cpu"]
    decoded = run("generate", *decode, "input=-", cwd=place, stdin=b"one\n\ntwenty-two\n")
    assert decoded.code == 0, decoded.err
    assert len(decoded.out.splitlines()) == 3
    evaluated = run("evaluate", *decode, "split=valid", cwd=place)
    assert evaluated.code == 0, evaluated.err
    assert json.loads(evaluated.out)


# Ways of naming a user directory


def test_a_primary_config_of_the_users_own(run: Call, short: list[str], place: Path) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "exp.yaml").write_text(
        "defaults: [config, override model: linear_of_8, _self_]\nhydra: {searchpath: [my-module]}\n"
    )
    overrides = [override for override in short if not override.startswith(("hydra.", "model="))]
    primary = ["--config-dir", "mine", "--config-name", "exp"]
    trained = run(*primary, *overrides, "hydra.run.dir=primary", cwd=place)
    assert trained.code == 0, trained.err
    assert config_of(place / "primary")["model"]["dim"] == 8
    swept = run(*primary, "-m", *overrides, "model.dim=2,3", "hydra.sweep.dir=primary-sweep", cwd=place)
    assert swept.code == 0, swept.err
    assert [config_of(place / "primary-sweep" / job)["model"]["dim"] for job in ("0", "1")] == [2, 3]


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["--help"], "linear_of_16"),
        (["--help", "model=linear_of_16"], "model.dim=16"),
        (["--cfg", "job", "-p", "model"], "dim: 8"),
        (["explain", "model.dim"], "model.dim = 8"),
        (["explain", "training.max_update"], "exp.yaml:3  <- counts"),
        (["plugins", "model"], "linear_of_16"),
        (["-sc", "query=bash"], "model=linear_of_16"),
    ],
)
def test_a_primary_config_is_explained_as_well(
    call: Call, here: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], printed: str
) -> None:
    (here / "own").mkdir(exist_ok=True)
    (here / "own" / "exp.yaml").write_text(
        "defaults: [config, override model: linear_of_8, _self_]\n"
        "hydra: {searchpath: [my-module]}\ntraining: {max_update: 7}\n"
    )
    primary = ["--config-dir", "own", "--config-name", "exp"]
    monkeypatch.setenv("COMP_LINE", f"seqtrain {' '.join(primary)} model=lin")
    shown = call(*arguments, *primary) if arguments[0] != "-sc" else call(*arguments)
    assert shown.code == 0, shown.err
    assert printed in shown.out


@pytest.mark.usefixtures("here")
def test_a_variable_of_the_environment(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PLUGINS", "my-module")
    searchpath = "hydra.searchpath=[${oc.env:MY_PLUGINS}]"
    in_yaml = ["--config-dir", tmp_path, "--config-name", "exp"]
    (tmp_path / "exp.yaml").write_text("defaults: [config, _self_]\nhydra: {searchpath: ['${oc.env:MY_PLUGINS}']}\n")
    for way in ([searchpath], in_yaml):
        shown = call("--cfg", "job", "-p", "model", "model=linear_of_16", *way)
        assert shown.code == 0, shown.err
        assert yaml.safe_load(shown.out)["dim"] == 16


def test_several_directories_in_both_orders(here: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "linear_of_32.yaml").write_text(YAML.replace("16", "32"))
    for name, dim in (("linear_of_16", 16), ("linear_of_32", 32)):
        for directories in ([tmp_path, here / "my-module"], [here / "my-module", tmp_path]):
            assert seqtrain.compose([f"model={name}"], searchpath=directories).model.dim == dim  # type: ignore[attr-defined]


def install(site: Path, package: str, version: str = "1.0") -> None:
    """Put what pip leaves of a distribution, with an entry point, into a directory."""
    information = site / f"{package}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    (information / "entry_points.txt").write_text(f"[seqtrain.plugins]\nlinear = {package}\n")


COMPOSE = ["-m", "seqtrain", "--cfg", "job", "-p", "model", "model=linear_of_16"]


def test_an_installed_package_on_the_search_path(place: Path, tmp_path: Path) -> None:
    write_plugins(tmp_path / "installed")
    found = python(*COMPOSE, "hydra.searchpath=[pkg://installed]", cwd=place, path=[tmp_path])
    assert found.returncode == 0, found.stderr
    assert yaml.safe_load(found.stdout) == {"_name": "linear", "dim": 16}
    missing = python(*COMPOSE, "hydra.searchpath=[pkg://installed.nothing]", cwd=place)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == (
        "seqtrain: no package 'installed' is installed (pkg://installed.nothing); install it, or name a directory\n"
    )


def test_an_installed_package_with_an_entry_point(place: Path, tmp_path: Path) -> None:
    write_plugins(tmp_path / "installed")
    install(tmp_path, "installed")
    found = python(*COMPOSE, cwd=place, path=[tmp_path])
    assert found.returncode == 0, found.stderr
    assert yaml.safe_load(found.stdout) == {"_name": "linear", "dim": 16}


def test_an_entry_point_that_cannot_be_imported(place: Path, tmp_path: Path) -> None:
    write_plugins(tmp_path / "installed")
    install(tmp_path, "installed")
    (tmp_path / "installed" / "linear.py").write_text("import torch\n\ntorch.nothing\n")
    failed = python(*COMPOSE, cwd=place, path=[tmp_path])
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == (
        f"seqtrain: installed 1.0 (entry point linear = installed): {tmp_path}/installed/linear.py:3: cannot import "
        "this plug-in: AttributeError: module 'torch' has no attribute 'nothing', imported at "
        f"{tmp_path}/installed/__init__.py:4; mend or uninstall it\n"
    )
