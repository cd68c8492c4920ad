import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqtrain import plugins
from seqtrain.errors import PluginError
from seqtrain.plugins import builtin_names, import_builtin, import_user_directory


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    packages, modules = dict(plugins._user_packages), set(sys.modules)
    yield
    plugins._user_packages.clear()
    plugins._user_packages.update(packages)
    for name in set(sys.modules) - modules:
        if name.startswith("seqtrain.user."):
            del sys.modules[name]


def test_names_of_files_without_helpers() -> None:
    assert builtin_names("optimizer") == ["adam", "sgd"]
    assert builtin_names("tokenizer") == ["char", "sentencepiece", "whitespace"]


def test_import_builtin_can_be_called_again() -> None:
    import_builtin()
    import_builtin()


def test_a_package_is_imported_once_and_not_on_pythons_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "my-module.v2"
    directory.mkdir()
    (directory / "__init__.py").write_text("from .part import x\nprint('hello', x, __name__)\n")
    (directory / "part.py").write_text("x = 1\n")
    path = list(sys.path)
    import_user_directory(directory)
    import_user_directory(directory / ".." / directory.name)
    assert capsys.readouterr() == ("", "hello 1 seqtrain.user.my_module_v2\n")
    assert sys.path == path


def test_loose_files_import_in_order_also_in_folders_of_groups(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "other").mkdir()
    for number, file in enumerate(["b.py", "a.py", "model/c.py", "other/d.py"]):
        (tmp_path / file).write_text(f"number = {number}\n")
    import_user_directory(tmp_path)
    package = plugins._user_packages[tmp_path.resolve()]
    imported = [name.removeprefix(package) for name in sys.modules if name.startswith(f"{package}.")]
    assert [name for name in imported if name != ".model"] == [".a", ".b", ".model.c"]


def test_nothing_stays_of_a_directory_that_fails(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("")
    (tmp_path / "b.py").write_text("\n\n1 / 0\n")
    before = set(sys.modules)
    with pytest.raises(PluginError) as error:
        import_user_directory(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / 'b.py'}:3: cannot import this plug-in: ZeroDivisionError: division by zero"
    )
    assert {name for name in set(sys.modules) - before if name.startswith("seqtrain.user.")} == set()
    assert tmp_path.resolve() not in plugins._user_packages


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"there is no directory .*nowhere; check the path"):
        import_user_directory(tmp_path / "nowhere")
