"""``new``: what it refuses, what it writes, and that it writes all or nothing."""

import errno
import os
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from seqtrain.commands import new
from seqtrain.errors import PluginError, SeqtrainError
from seqtrain.plugins import PACKAGES

ROOT = Path(__file__).parents[3]
PYPROJECT = ROOT / "pyproject.toml"


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def refused(*arguments: str) -> str:
    with pytest.raises(SeqtrainError) as error:
        new.main(list(arguments))
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def one_of_each(here: Path) -> Path:
    """A directory with a plug-in of each kind."""
    for kind in PACKAGES:
        new.main([kind, f"my_{kind}"])
    return here / "my-plugins"


def test_what_it_writes_and_says(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new.main(["model", "my_rnn"])
    assert files(here) == {
        "my-plugins/model/my_rnn.py",
        "my-plugins/model/my_rnn_small.yaml",
        "my-plugins/tests/test_my_rnn.py",
    }
    assert capsys.readouterr().out.splitlines() == [
        "wrote my-plugins/model/my_rnn.py",
        "wrote my-plugins/model/my_rnn_small.yaml",
        "wrote my-plugins/tests/test_my_rnn.py",
        "test it:",
        "  python -m pytest my-plugins/tests/test_my_rnn.py",
        "train with it:",
        "  python -m seqtrain 'hydra.searchpath=[my-plugins]' model=my_rnn_small training.max_update=20",
    ]


def test_the_tutorial_shows_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/tutorials/new.md").read_text(encoding="utf-8")
    command, printed, *_ = re.findall(r"(?:^    .*\n)+", page, re.MULTILINE)
    program, what, *arguments = shlex.split(command)
    assert (program, what) == ("seqtrain", "new")
    new.main(arguments)
    assert textwrap.indent(capsys.readouterr().out, "    ") == printed
    for kind in PACKAGES:
        assert f"| `{kind}` |" in page


def test_names_are_filled_in(one_of_each: Path) -> None:
    for path in one_of_each.rglob("*.*"):
        assert not re.search(r"NAME|\$", path.name + path.read_text(encoding="utf-8")), path
    text = (one_of_each / "lr_scheduler/my_lr_scheduler.py").read_text(encoding="utf-8")
    assert '@register_lr_scheduler("my_lr_scheduler", MyLrSchedulerConfig)\nclass MyLrScheduler(LRScheduler):' in text


def test_a_preset_is_based_on_the_plugin_and_called_otherwise(one_of_each: Path) -> None:
    for kind in PACKAGES:
        (preset,) = (one_of_each / kind).glob("*.yaml")
        assert preset.stem.startswith(f"my_{kind}_")
        base = "my_scorer@_here_" if kind == "scorer" else f"my_{kind}"
        assert f"defaults: [{base}, _self_]\n" in preset.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_code_passes_ruff(one_of_each: Path, command: list[str]) -> None:
    for kind in PACKAGES:
        new.main([kind, f"{kind}_with_a_long_name"])
    ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--no-cache", "--config", str(PYPROJECT), "."]
    done = subprocess.run(ruff, cwd=one_of_each, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(
    not (ROOT / ".mypy_cache").is_dir(), reason="takes a minute before `make check` has filled mypy's cache"
)
def test_the_code_passes_mypy(one_of_each: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", *map(str, one_of_each.rglob("*.py"))]
    done = subprocess.run(mypy, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_place_that_needs_quotes(capsys: pytest.CaptureFixture[str]) -> None:
    new.main(["criterion", "mine", "--dir", "my dir's"])
    *_, test, _, training = capsys.readouterr().out.splitlines()
    assert test == """  python -m pytest 'my dir'"'"'s/tests/test_mine.py'"""
    words = ["python", "-m", "seqtrain", r"hydra.searchpath=['my dir\'s']", "criterion=mine_strong"]
    assert shlex.split(training) == [*words, "training.max_update=20"]


@pytest.mark.parametrize(
    ("text", "element"),
    [
        ("my-plugins", "my-plugins"),
        ("/a/b.c_d", "/a/b.c_d"),
        ("../x", "../x"),
        (".", "."),
        ("my dir", "my dir"),
        (" my dir", "' my dir'"),
        ("a,b", "'a,b'"),
        ("12", "'12'"),
        ("null", "'null'"),
        ("a=b", "'a=b'"),
    ],
)
def test_in_hydras_grammar(text: str, element: str) -> None:
    assert new.in_hydras_grammar(text) == element


def test_the_home_directory(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    new.main(["task", "mine", "--dir=~/deep/er"])
    assert (here / "home/deep/er/task/mine.py").is_file()


def test_several_in_one_directory(one_of_each: Path) -> None:
    assert len(files(one_of_each)) == 3 * len(PACKAGES)


def test_a_package_gets_a_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init = here / "mine/__init__.py"
    init.parent.mkdir()
    init.write_bytes(b'"""Mine."""\n\nfrom . import other')
    new.main(["optimizer", "my_rms", "--dir", "mine"])
    line = b"from .optimizer import my_rms  # noqa: F401  # registers optimizer=my_rms\n"
    assert init.read_bytes() == b'"""Mine."""\n\nfrom . import other\n' + line
    assert "added a line to mine/__init__.py, which imports it\n" in capsys.readouterr().out


def test_an_empty_package_gets_a_line(here: Path) -> None:
    (here / "__init__.py").touch()
    new.main(["optimizer", "my_rms", "--dir", "."])
    assert (here / "__init__.py").read_text().startswith("from .optimizer import my_rms  #")


def test_a_package_keeps_its_bytes_its_mode_and_its_link(here: Path) -> None:
    real = here / "elsewhere.py"
    real.write_bytes(b"# coding: latin-1\r\nNAME = '\xfc'\r\n")
    real.chmod(0o600)
    (here / "mine").mkdir()
    (here / "mine/__init__.py").symlink_to(real)
    new.main(["optimizer", "my_rms", "--dir", "mine"])
    line = b"from .optimizer import my_rms  # noqa: F401  # registers optimizer=my_rms\n"
    assert real.read_bytes() == b"# coding: latin-1\r\nNAME = '\xfc'\r\n" + line
    assert real.stat().st_mode & 0o777 == 0o600
    assert (here / "mine/__init__.py").is_symlink()


def test_all_or_nothing_when_the_line_cannot_be_written(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the last bytes of ``__init__.py`` are to be written."""
    (here / "mine").mkdir()
    (here / "mine/__init__.py").write_text("before\n")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    message = refused("optimizer", "my_rms", "--dir", "mine")
    assert message == f"cannot write {here}/mine/__init__.py: No space left on device; choose another place"
    assert files(here) == {"mine/__init__.py"}
    assert (here / "mine/__init__.py").read_text() == "before\n"


def test_tests_in_a_package_that_pytest_cannot_import(here: Path) -> None:
    for name in ("my-package", "my_package", "my-old-package"):
        (here / name).mkdir()
        (here / name / "__init__.py").touch()
    (here / "my-old-package/tests").mkdir()
    for name in ("my-package", "my_package", "my-old-package", "my-plugins"):
        new.main(["task", "mine", "--dir", name])
    assert [str(path) for path in here.rglob("pytest.ini")] == [str(here / "my-package/tests/pytest.ini")]
    new.main(["task", "another", "--dir", "my-package"])


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("modle", "'modle' is no kind of plug-in; did you mean model? Kinds: task, model, "),
        ("scheduler", "'scheduler' is no kind of plug-in; did you mean lr_scheduler? Kinds: "),
        ("xyz", "'xyz' is no kind of plug-in; Kinds: "),
    ],
)
def test_no_such_kind(here: Path, kind: str, message: str) -> None:
    assert refused(kind, "mine").startswith(message)
    assert not files(here)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("MyRNN", "my_rnn"),
        ("my-rnn", "my_rnn"),
        ("RNNModel2", "rnn_model2"),
        ("2nd", "my_2nd"),
        ("_mine", "mine"),
        ("my rnn!", "my_rnn"),
        ("model/mine", "model_mine"),
        ("grösse", "gr_sse"),
    ],
)
def test_no_name(here: Path, name: str, suggestion: str) -> None:
    what = f"{name!r} is no name for a plug-in: use a-z, 0-9 and _, a letter first"
    assert refused("model", name) == f"{what}, such as {suggestion}"
    assert not files(here)


def test_no_name_to_make_anything_of() -> None:
    assert refused("model", "..") == "'..' is no name for a plug-in: use a-z, 0-9 and _, a letter first"


@pytest.mark.parametrize("name", ["class", "lambda", "null", "on", "nan", "test_model"])
def test_a_name_with_a_meaning(name: str) -> None:
    assert refused("model", name).endswith(f"choose another name, such as my_{name}")


@pytest.mark.parametrize(("kind", "name"), [("model", "encoder_decoder_model"), ("model", "model"), ("task", "batch")])
def test_a_name_whose_class_is_taken(here: Path, kind: str, name: str) -> None:
    expected = f"a {kind} {name!r} would be called like a class it is built of; try my_{name}"
    assert refused(kind, name) == expected
    assert not files(here)


@pytest.mark.parametrize("name", ["transformer", "transformer_tiny"])
def test_a_name_that_is_built_in(here: Path, name: str) -> None:
    assert refused("model", name) == f"model={name} is built in; choose another name, such as my_{name}"
    assert not files(here)


def test_a_built_in_name_of_another_kind_is_free(here: Path) -> None:
    new.main(["criterion", "transformer"])
    assert (here / "my-plugins/criterion/transformer.py").is_file()


def test_nothing_is_overwritten(here: Path) -> None:
    new.main(["model", "mine"])
    (here / "my-plugins/model/mine.py").write_text("edited\n")
    (here / "my-plugins/model/mine_small.yaml").unlink()
    message = refused("model", "mine")
    assert message == (
        "my-plugins/model/mine.py, my-plugins/tests/test_mine.py: there already; choose another name or another --dir"
    )
    assert files(here) == {"my-plugins/model/mine.py", "my-plugins/tests/test_mine.py"}
    assert (here / "my-plugins/model/mine.py").read_text() == "edited\n"


def test_a_yaml_of_the_plugins_name_is_in_the_way(here: Path) -> None:
    (here / "my-plugins/model").mkdir(parents=True)
    (here / "my-plugins/model/mine.yaml").touch()
    assert refused("model", "mine").startswith("my-plugins/model/mine.yaml: there already;")


def test_a_module_that_hides_the_folder(here: Path) -> None:
    (here / "my-plugins").mkdir()
    (here / "my-plugins/model.py").touch()
    message = refused("model", "mine")
    assert message.startswith("my-plugins/model.py hides the folder my-plugins/model from Python; rename it")
    assert files(here) == {"my-plugins/model.py"}


@pytest.mark.parametrize("place", ["there", "there/tests"])
def test_all_or_nothing(here: Path, place: str) -> None:
    """The place of the last file cannot be written."""
    (here / place).parent.mkdir(exist_ok=True)
    (here / place).write_text("a file\n")
    message = refused("model", "mine", "--dir", "there")
    assert message.startswith("cannot write there/") and message.endswith("; choose another place")
    assert {path.relative_to(here) for path in here.rglob("*")} == {Path(place), *Path(place).parents} - {Path()}


def test_an_existing_folder_stays_when_writing_fails(here: Path) -> None:
    (here / "there/model").mkdir(parents=True)
    (here / "there/tests").touch()
    refused("model", "mine", "--dir", "there")
    assert (here / "there/model").is_dir() and not files(here / "there/model")


@pytest.mark.parametrize("arguments", [[], ["model"], ["model", "mine", "more"], ["model", "mine", "--nothing"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        new.main(arguments)
    assert end.value.code == 2
    assert "usage: seqtrain new" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        new.main(["--help"])
    assert end.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "one of task, model, criterion, optimizer, lr_scheduler, tokenizer" in printed
    assert "(default: my-plugins)" in printed


def test_every_kind_has_its_three_templates() -> None:
    assert {folder.name for folder in new.TEMPLATES.iterdir()} == set(PACKAGES)
    for kind in PACKAGES:
        assert len(new.render(kind, "mine")) == 3


def test_no_torch() -> None:
    code = "import sys; from seqtrain.commands import new; new.main(['model', 'mine']); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_errors_are_the_users_to_mend() -> None:
    assert issubclass(PluginError, SeqtrainError)
