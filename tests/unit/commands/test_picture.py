import sys
from pathlib import Path

import pytest

from seqtrain.commands._picture import check_output, write_picture
from seqtrain.errors import ConfigError, StorageError

CURVES = {"up": [0.0, 1.0, 2.0], "down": [2.0, 1.0]}


@pytest.mark.parametrize(("name", "begins"), [("a.png", b"\x89PNG\r\n"), ("a.svg", b"<?xml"), ("a.pdf", b"%PDF")])
def test_the_kind_follows_from_the_name(tmp_path: Path, name: str, begins: bytes) -> None:
    check_output(name)
    write_picture(CURVES, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.gif", "a", "", "png"])
def test_a_kind_that_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match=r"a picture's name ends in one of .png, .svg, .pdf$"):
        check_output(name)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r"needs the package matplotlib: pip install 'seqtrain\[plot\]'$"):
        check_output("a.png")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cannot write .*there/a.png: No such file or directory"):
        write_picture(CURVES, tmp_path / "there" / "a.png")
