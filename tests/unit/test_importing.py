import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqtrain import user_packages
from seqtrain.errors import PluginError
from seqtrain.importing import all_or_nothing, import_directory, only_relative_imports
from seqtrain.plugins import kinds


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    modules, finders = set(sys.modules), list(sys.meta_path)
    yield
    assert sys.meta_path == finders
    for name in set(sys.modules) - modules:
        if name.startswith("seqtrain.user."):
            del sys.modules[name]


def import_(directory: Path) -> None:
    with user_packages.importable(directory) as name:
        try:
            with all_or_nothing(name, directory), only_relative_imports(directory):
                import_directory(name, directory, kinds)
        finally:
            user_packages.no_longer_importable(directory)


def refused(directory: Path, **files: str) -> str:
    for name, text in files.items():
        (directory / f"{name}.py").write_text(text)
    with pytest.raises(PluginError) as error:
        import_(directory)
    assert not [name for name in sys.modules if name.startswith("seqtrain.user.")]
    return str(error.value).replace(str(directory), "DIR")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nif x\n", "DIR/mine.py:2: cannot import this plug-in: SyntaxError: expected ':'"),
        ("def f():\nreturn 1\n", "DIR/mine.py:2: cannot import this plug-in: IndentationError: "),
        ("import nothing_4711\n", "DIR/mine.py:1: cannot import this plug-in: ModuleNotFoundError: No module named"),
        ("from json import nothing\n", "DIR/mine.py:1: cannot import this plug-in: ImportError: cannot import name"),
        ("raise ValueError('a\\nb')\n", "DIR/mine.py:1: cannot import this plug-in: ValueError: a b"),
        ("import json\njson.loads('{')\n", "DIR/mine.py:2: cannot import this plug-in: JSONDecodeError: Expecting"),
        (
            "import sys\n\nsys.exit(3)\n",
            "DIR/mine.py:3: calls sys.exit() when it is imported; keep that below `if __na",
        ),
        (
            "from seqtrain.models.transformer import TransformerConfig\nTransformerConfig(dropout=7)\n",
            "DIR/mine.py:2: TransformerConfig.dropout=7 must be at least 0",
        ),
        (
            "from seqtrain.models import REGISTRY\nREGISTRY.entry('nothing')\n",
            "DIR/mine.py:2: no model is registered as 'nothing'",
        ),
        (
            "from seqtrain.models import register_model_preset\nregister_model_preset('x', 3)\n",
            "DIR/mine.py:2: model 'x': a preset is the config of a registered model",
        ),
    ],
)
def test_a_failure_is_one_line_of_the_users_own(tmp_path: Path, text: str, message: str) -> None:
    told = refused(tmp_path, mine=text)
    assert told.startswith(message) and "\n" not in told and "seqtrain/" not in told


def test_the_way_to_a_failure_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path, __init__="\nfrom . import a\n", a="from .b import f\nf()\n", b="def f():\n    1 / 0\n")
    assert told == (
        "DIR/b.py:2: cannot import this plug-in: ZeroDivisionError: division by zero, "
        "imported at DIR/a.py:2, imported at DIR/__init__.py:2"
    )


def test_control_c_is_no_mistake_but_leaves_nothing_either(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        import_(tmp_path)
    assert not [name for name in sys.modules if name.startswith("seqtrain.user.")]


@pytest.mark.parametrize("where", ["elsewhere", "beside", "inside"])
@pytest.mark.parametrize(
    "line", ["import my_module", "from my_module.part import x", "import part", "from model.part import x"]
)
def test_an_absolute_import_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, line: str) -> None:
    directory = tmp_path / "my_module"
    (directory / "model").mkdir(parents=True)
    (directory / "model" / "part.py").write_text("x = 1\n")
    if where != "elsewhere":  # as the current directory would be
        monkeypatch.syspath_prepend(tmp_path if where == "beside" else directory)
    modules = set(sys.modules)
    told = refused(directory, __init__="from . import use\n", use=f"\n{line}\n", part="x = 1\n")
    assert told == (
        f"DIR/use.py:2: `{line}` imports this directory by an absolute name; its modules import each other relatively: "
        "`from . import NAME` or `from .MODULE import NAME`, imported at DIR/__init__.py:1"
    )
    assert set(sys.modules) == modules


def test_what_lies_elsewhere_may_have_the_directorys_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "lib_4711"
    directory.mkdir()
    (tmp_path / "site" / "lib_4711").mkdir(parents=True)
    (tmp_path / "site" / "lib_4711" / "inner.py").write_text("x = 2\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (directory / "__init__.py").write_text("from lib_4711.inner import x\nassert x == 2\n")
    import_(directory)
    for name in ("lib_4711.inner", "lib_4711"):
        del sys.modules[name]


def test_a_script_may_fall_back_on_an_absolute_import(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("x = 1\n")
    (tmp_path / "use.py").write_text("try:\n    import part\nexcept ImportError:\n    from . import part\n")
    import_(tmp_path)
