from pathlib import Path

import pytest

from seqtrain.schema.choices import Choices
from seqtrain.schema.editor import add_line, find_files, with_line

KINDS = ("config", "experiment", "model")
LINE = "# yaml-language-server: $schema=../model.json\n"
CHOICES = Choices({"model": {"transformer": "transformer"}}, {}, {"mine": {}}, {"mine": "train"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", LINE),
        ("a: 1\n", LINE + "a: 1\n"),
        ("\n# What it is.\na: 1\n", LINE + "\n# What it is.\na: 1\n"),
        ("# @package _global_\n#\n# What it is.\n", "# @package _global_\n" + LINE + "#\n# What it is.\n"),
        ("\n#@package _global_\n\na: 1", "\n#@package _global_\n" + LINE + "\na: 1"),
        ("a: 1\r\nb: 2\r\n", LINE.replace("\n", "\r\n") + "a: 1\r\nb: 2\r\n"),
        ("# yaml-language-server: $schema=old/config.json\na: 1\n", LINE + "a: 1\n"),
    ],
)
def test_the_line_and_where_it_stands(text: str, expected: str) -> None:
    assert with_line(text, "../model.json", KINDS) == expected
    assert with_line(expected, "../model.json", KINDS) == expected


def test_a_schema_of_somebody_elses_stays() -> None:
    text = "# yaml-language-server: $schema=https://example.org/other.json\na: 1\n"
    assert with_line(text, "../model.json", KINDS) == text


def test_a_file_gets_its_line_once(tmp_path: Path) -> None:
    file = tmp_path / "model" / "wide.yaml"
    file.parent.mkdir()
    file.write_text("defaults: [transformer, _self_]\n")
    assert add_line(file, tmp_path / ".seqtrain" / "schema" / "model.json", KINDS)
    assert file.read_text().startswith("# yaml-language-server: $schema=../.seqtrain/schema/model.json\n")
    assert not add_line(file, tmp_path / ".seqtrain" / "schema" / "model.json", KINDS)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text("a: 1\n")
    link = tmp_path / "link.yaml"
    link.symlink_to("real.yaml")
    add_line(link, tmp_path / "model.json", KINDS)
    assert link.is_symlink()
    assert (tmp_path / "real.yaml").read_text() == "# yaml-language-server: $schema=model.json\na: 1\n"


def test_the_kind_of_a_file(tmp_path: Path) -> None:
    files = {
        "mine.yaml": "defaults: [config, _self_]\n",
        "mkdocs.yaml": "site_name: another program's\n",
        "model/wide.yaml": "defaults: [transformer, _self_]\n",
        "model/notes.txt": "",
        "experiment/all.yaml": "# @package _global_\ntraining: {}\n",
        "debug/deep/all.yaml": "\n# @package _global_\n",
        "elsewhere/wide.yaml": "# @package model\n",
        "model/other.yaml": "# @package somewhere\n",
        "data/anything.yaml": "a: 1\n",
        ".hydra/config.yaml": "# @package _global_\n",
        "model/.hidden.yaml": "a: 1\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "experiment/binary.yaml").write_bytes(b"# @package _global_\n\xff")
    found = {file.relative_to(tmp_path).as_posix(): kind for file, kind in find_files(tmp_path, CHOICES)}
    assert found == {
        "mine.yaml": "config",
        "model/wide.yaml": "model",
        "experiment/all.yaml": "experiment",
        "debug/deep/all.yaml": "experiment",
        "elsewhere/wide.yaml": "model",
    }


def test_mode_and_byte_order_mark_stay(tmp_path: Path) -> None:
    file = tmp_path / "wide.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    file.chmod(0o600)
    for _ in range(2):
        add_line(file, tmp_path / "model.json", KINDS)
        assert file.read_bytes() == b"\xef\xbb\xbf# yaml-language-server: $schema=model.json\r\na: 1\r\n"
    assert file.stat().st_mode & 0o777 == 0o600
