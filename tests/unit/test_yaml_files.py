from pathlib import Path

from seqtrain.yaml_files import yaml_lines


def test_lines_of_keys_and_items(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# comment\na:\n  b: 1\n  c: [2,\n    3]\n")
    assert yaml_lines(tmp_path / "a.yaml") == {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", "0"): 4,
        ("a", "c", "1"): 5,
    }
