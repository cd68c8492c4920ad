import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtrain.config import Device
from seqtrain.documents import DocumentError, build, fits, open_regular, read_json, read_yaml

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text("aé-:#{[\"'\n 1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab 1", min_size=1), inner, max_size=3),
    max_leaves=10,
)


@dataclass
class Example:
    count: int
    rate: float
    name: str = ""
    best: float | None = None
    windows: list[list[int]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    rest: Any = None


WHOLE: dict[str, Any] = {
    "count": 3,
    "rate": 0.5,
    "name": "x",
    "best": None,
    "windows": [[1, 2]],
    "sums": {"loss": 1},
    "rest": [{}],
}


def test_json(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, 2.5, null, true, "é"], "b": NaN}')
    data = read_json(tmp_path / "a.json")
    assert data["a"] == [1, 2.5, None, True, "é"]
    assert data["b"] != data["b"]


def test_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [1, 2.5, null, true, 'é']\nb: {c: $5, 3: 4}\n")
    assert read_yaml(tmp_path / "a.yaml") == {"a": [1, 2.5, None, True, "é"], "b": {"c": "$5", 3: 4}}


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=PLAIN)
def test_yaml_that_was_written_is_read_as_it_was(tmp_path: Path, data: Any) -> None:
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(data, allow_unicode=True), "utf-8")
    assert read_yaml(tmp_path / "a.yaml") == data


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no JSON (Expecting value"),
        (b"\xff", "is no UTF-8 text ("),
        (b'{"a": 1, "a": 1}', "is no JSON (the key 'a' is there twice)"),
        (b"[" * 65 + b"]" * 65, "nested more than 64 levels deep"),
        (b"[" * 1_000_000, "is no JSON ("),
        (b"9" * 5000 + b"x", "is no JSON ("),
        (b" " * (16 << 20) + b"1", "is over 16 MiB"),
    ],
)
def test_no_json(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DocumentError) as error:
        read_json(tmp_path / "a.json")
    assert str(error.value).startswith(f"{tmp_path / 'a.json'} ") and problem in str(error.value)


def test_depth_that_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" * 64 + b"]" * 64)
    assert read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x 1", "an anchor, an alias or a tag"),
        ("a: &x [1]\nb: *x", "an anchor, an alias or a tag"),
        ("!!python/name:os.system", "an anchor, an alias or a tag"),
        ("!!str 1", "an anchor, an alias or a tag"),
        ("{a: 1, a: 1}", "a key is there twice in the table that begins in line 1"),
        ("a: {b: {c: 1, c: 2}}", "a key is there twice"),
        ("null: 1", "a key is no text and no whole number"),
        ("true: 1", "a key is no text"),
        ("1.5: 1", "a key is no text"),
        ("a: 2001-01-01", "it holds a date"),
        ("a: [x, '${b}']", "plain values only"),
        ("'${b}': 1", "plain values only"),
        ("a: [", "cannot be used"),
        ("a: 1\n---\nb: 1", "cannot be used"),
    ],
)
def test_yaml_of_another_kind(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(DocumentError) as error:
        read_yaml(tmp_path / "a.yaml")
    assert str(error.value).startswith(f"{tmp_path / 'a.yaml'} cannot be used (") and problem in str(error.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path, tmp_path / "nowhere"):
        with pytest.raises(OSError):
            open_regular(path)
        with pytest.raises(DocumentError, match="cannot be read"):
            read_json(path)


def test_build() -> None:
    assert build(Example, WHOLE, "x") == Example(**WHOLE)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"count": True}, "count is True"),
        ({"count": 1.0}, "count is 1.0"),
        ({"rate": "0.5"}, "rate is '0.5'"),
        ({"name": None}, "name is None"),
        ({"best": "x"}, "best is 'x'"),
        ({"windows": [[1, "2"]]}, "windows is [[1, '2']]"),
        ({"sums": {"loss": []}}, "sums is {'loss': []}"),
        ({"more": 1}, "'more' is unknown"),
    ],
)
def test_what_does_not_fit(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(DocumentError, match=r"^state does not fit: ") as error:
        build(Example, WHOLE | changes, "state")
    assert problem in str(error.value)


def test_every_field_must_be_there() -> None:
    with pytest.raises(DocumentError, match="state does not fit: count is missing; name is missing"):
        build(Example, {name: value for name, value in WHOLE.items() if name not in ("count", "name")}, "state")
    with pytest.raises(DocumentError, match="state holds no table for Example"):
        build(Example, [3], "state")


def test_a_whole_number_is_a_float_too() -> None:
    assert fits(3, float) and not fits(3.0, int) and not fits(True, float)
    assert fits(["cpu"], list[Device]) and not fits(["gpu"], list[Device]) and not fits([[]], list[Device])
