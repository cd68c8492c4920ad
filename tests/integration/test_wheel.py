"""What is installed from a wheel is whole: it trains from another directory, without the checkout."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(directory), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    (found,) = directory.glob("seqtrain-*.whl")
    return found


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_yaml_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"seqtrain/cli.py", "seqtrain/conf/config.yaml", "seqtrain/conf/model/transformer_tiny.yaml"} <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"seqtrain"}


@pytest.mark.slow
def test_it_trains_from_another_directory(wheel: Path, tmp_path: Path, tiny: list[str]) -> None:
    installed = tmp_path / "installed"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(installed),
        str(wheel),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    found = subprocess.run(
        [sys.executable, "-c", "import seqtrain; print(seqtrain.__file__)"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.strip() == str(installed / "seqtrain" / "__init__.py")
    trained = subprocess.run(
        [sys.executable, "-m", "seqtrain", *tiny, "training.max_update=2", "hydra.run.dir=run"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert (tmp_path / "run/last/model.safetensors").is_file()
