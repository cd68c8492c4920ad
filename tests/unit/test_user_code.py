import json
from pathlib import Path

import pytest

from seqtrain import user_code
from seqtrain.user_code import UserCode, difference, frames_in, is_in, read_code, shortened


def test_reads_what_python_can_import(tmp_path: Path) -> None:
    for name in (
        "__init__.py", "my-part.py", "_helper.py", "model/deep/a.py", "model/a.yaml", "README.md", "tests/a.py",
        "test_a.py", "conftest.py", ".hidden/a.py", ".hidden.py", "__pycache__/a.py", "runs/2026-01-01/a.py", "a.pyc",
    ):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    code = read_code(tmp_path)
    assert code == UserCode(
        str(tmp_path),
        {name: name.encode() for name in ("__init__.py", "_helper.py", "my-part.py", "model/deep/a.py")},
        [],
    )


def test_leaves_out_links_to_elsewhere(tmp_path: Path) -> None:
    user = tmp_path / "user"
    user.mkdir()
    (user / "a.py").write_text("a")
    (user / "inside.py").symlink_to("a.py")
    (tmp_path / "secret.py").write_text("s")
    (user / "outside.py").symlink_to("../secret.py")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/b.py").write_text("b")
    (user / "folder").symlink_to("../folder")
    code = read_code(user)
    assert code.files == {"a.py": b"a", "inside.py": b"a"}
    assert code.left_out == [f"{user / 'outside.py'} (a link out of the directory)"]


def test_leaves_out_what_is_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_code, "MAX_BYTES", 1 << 20)
    for name, size in (("a.py", 600_000), ("b.py", 600_000), ("c.py", 400_000)):
        (tmp_path / name).write_bytes(b"#" * size)
    code = read_code(tmp_path)
    assert list(code.files) == ["a.py", "c.py"]
    assert code.left_out == [f"{tmp_path / 'b.py'} (over the limit of 1 MiB in all)"]


def test_the_difference_is_a_diff_of_each_file() -> None:
    before = UserCode("old", {"a.py": b"x = 1\ny = 2\n", "b.py": b"", "c.py": b"same\n"})
    now = UserCode("new", {"a.py": b"x = 1\ny = 3\n", "c.py": b"same\r\n", "more.py": b"z = 1\n"})
    assert difference(before, now) == [
        "--- old/a.py",
        "+++ new/a.py",
        "@@ -1,2 +1,2 @@",
        " x = 1",
        "-y = 2",
        "+y = 3",
        "new/b.py is gone",
    ]
    assert difference(before, before) == []


def test_a_long_diff_is_cut() -> None:
    assert shortened([]) == ""
    assert shortened(["a", "b"]) == "a\nb"
    lines = shortened(map(str, range(203))).splitlines()
    assert lines[-2:] == ["199", "... and 3 more lines"]


def test_the_frames_of_an_error_in_a_directory() -> None:
    def fail() -> None:
        json.loads("{")

    with pytest.raises(ValueError) as error:
        fail()
    here = Path(__file__).parent
    assert [frame.name for frame in frames_in(error.value, here)] == [
        "test_the_frames_of_an_error_in_a_directory",
        "fail",
    ]
    assert frames_in(error.value, here / "elsewhere") == []


@pytest.mark.parametrize(
    ("file", "expected"),
    [("/mine/a.py", True), ("/mine/model/a.py", True), ("/mine/.venv/lib/site-packages/a.py", False), ("/a.py", False)],
)
def test_what_is_in_a_directory(file: str, expected: bool) -> None:
    assert is_in(file, Path("/mine")) == expected
