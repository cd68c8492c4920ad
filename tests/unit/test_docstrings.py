"""Examples in docstrings do what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

import seqtrain

PACKAGE = Path(seqtrain.__file__).parent
WITH_EXAMPLES = [path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=lambda path: path.stem)
def test_examples_of_a_module(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(".".join(["seqtrain", *path.relative_to(PACKAGE).with_suffix("").parts]))
    done = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert done.attempted and not done.failed


def test_what_users_call_has_examples() -> None:
    assert {"composition.py", "options.py"} <= {path.name for path in WITH_EXAMPLES}
