import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqtrain import user_packages


def test_a_directory_is_importable_until_it_is_removed(tmp_path: Path) -> None:
    before = os.environ.get(user_packages.VARIABLE)
    with user_packages.importable(tmp_path / "a" / "1-2") as name:
        assert name == "seqtrain.user.1_2"
    with (
        user_packages.importable(tmp_path / "b" / "1-2") as other,
        user_packages.importable(tmp_path / "b" / "1-2") as again,
    ):
        assert other == again != name
    assert user_packages.directories()[other] == tmp_path / "b" / "1-2"
    user_packages.no_longer_importable(tmp_path / "a" / "1-2")
    user_packages.no_longer_importable(tmp_path / "b" / "1-2")
    assert os.environ.get(user_packages.VARIABLE) == before


def test_after_an_error_the_environment_is_as_it_was(tmp_path: Path) -> None:
    before = os.environ.get(user_packages.VARIABLE)
    with pytest.raises(ZeroDivisionError), user_packages.importable(tmp_path):
        raise ZeroDivisionError
    assert os.environ.get(user_packages.VARIABLE) == before


def test_a_child_finds_the_same_packages_by_name(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent / "mine").mkdir(parents=True)
        (tmp_path / parent / "mine" / "part.py").write_text(f"x = {parent!r}\n")
    names = []
    for parent in ("a", "b"):
        with user_packages.importable(tmp_path / parent / "mine") as name:
            names.append(name)
    try:
        code = f"from {names[0]}.part import x\nfrom {names[1]}.part import x as y\nprint(x, y)"
        root = Path(__file__).parents[2]
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
        assert (done.stdout, done.stderr) == ("a b\n", "")
    finally:
        for parent in ("a", "b"):
            user_packages.no_longer_importable(tmp_path / parent / "mine")
