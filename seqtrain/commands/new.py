"""``new``: write a plug-in to start from, with a preset and a test; nothing that is there is overwritten.

What it writes are the texts in ``templates/<kind>/``, with the plug-in's name in place of ``NAME`` and ``$name``, and
that of its class in place of ``$Name``.
"""

import argparse
import ast
import contextlib
import difflib
import keyword
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from string import Template

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqtrain.composition import quote
from seqtrain.errors import PluginError
from seqtrain.paths import atomic_file, writable
from seqtrain.plugins import PACKAGES, builtin_names, conf_directory

TEMPLATES = Path(__file__).parent / "templates"

DIRECTORY = "my-plugins"
"""Where plug-ins go if no directory is given: one of its own, for all Python files of a user directory are imported."""

OTHER_MEANING = {"null", "none", "true", "false", "on", "off", "yes", "no", "nan", "inf"}
"""Words that are no text in YAML or in Hydra's grammar."""


PYTEST_INI = """\
# The directory above is a package by a name that Python cannot import; with this, pytest does not try.
[pytest]
"""


def main(arguments: list[str]) -> None:
    """Write the files of a plug-in, and say how to go on.

    Raises:
        PluginError: the kind or the name cannot be, or files are in the way.
        SeqtrainError: the directory cannot be written.
    """
    words = _parser().parse_args(arguments)
    directory = Path(words.dir).expanduser()
    check_kind(words.kind)
    check_name(words.name)
    files = {directory / path: text for path, text in render(words.kind, words.name).items()}
    check_free(words.kind, words.name, directory, files)
    if is_package(directory) and not directory.resolve().name.isidentifier() and not (directory / "tests").exists():
        files[directory / "tests" / "pytest.ini"] = PYTEST_INI
    write(files, directory / "__init__.py", import_line(words.kind, words.name))
    print("\n".join(report(words.kind, directory, list(files))))


def is_package(directory: Path) -> bool:
    """Tell whether a user directory is imported by its ``__init__.py`` instead of file by file."""
    return (directory / "__init__.py").is_file()


def check_kind(kind: str) -> None:
    """Check that there is such a kind of plug-in.

    Raises:
        PluginError: there is none.
    """
    if kind not in PACKAGES:
        close = difflib.get_close_matches(kind, PACKAGES, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise PluginError(f"{kind!r} is no kind of plug-in; {meant}Kinds: {', '.join(PACKAGES)}")


def check_name(name: str) -> None:
    """Check that a name can be that of a file, of a Python module and of a choice on the command line.

    Raises:
        PluginError: it cannot.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        better = snake_case(name)
        such = f", such as {better}" if better else ""
        raise PluginError(f"{name!r} is no name for a plug-in: use a-z, 0-9 and _, a letter first{such}")
    if keyword.iskeyword(name) or name in OTHER_MEANING or name.startswith("test_"):
        meaning = "is the name of a test" if name.startswith("test_") else "means something else in Python or YAML"
        raise PluginError(f"{name!r} {meaning}; choose another name, such as my_{name}")


def snake_case(text: str) -> str:
    """Return a name for a plug-in that is much like ``text``: ``MyRNN-2`` becomes ``my_rnn_2``; nothing if none is."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return f"my_{name}" if name[:1].isdigit() else name


def render(kind: str, name: str) -> dict[Path, str]:
    """Return the files of a plug-in: their texts by their paths in the user directory.

    Raises:
        PluginError: the plug-in's class would be called like one that it is built of.
    """
    names = {"name": name, "Name": "".join(map(str.capitalize, name.split("_")))}
    files: dict[Path, str] = {}
    for template in sorted((TEMPLATES / kind).glob("*.txt")):
        folder = "tests" if template.name.startswith("test_") else kind
        text = Template(template.read_text(encoding="utf-8")).substitute(names)
        files[Path(folder, template.stem.replace("NAME", name))] = text
    if imported(files[Path(kind, f"{name}.py")]) & {names["Name"], f"{names['Name']}Config"}:
        raise PluginError(f"a {kind} {name!r} would be called like a class it is built of; try my_{name}")
    return files


def imported(code: str) -> set[str]:
    """Return the names that some Python code imports from modules."""
    imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names}


def check_free(kind: str, name: str, directory: Path, files: Collection[Path]) -> None:
    """Check that nothing has the names of the plug-in, its preset or its files.

    Raises:
        PluginError: something has.
    """
    built_in = {*builtin_names(kind), *(file.stem for file in (conf_directory() / kind).glob("*.yaml"))}
    for path in files:
        if path.parent.name == kind and path.stem in built_in:
            raise PluginError(f"{kind}={path.stem} is built in; choose another name, such as my_{name}")
    twin, module = directory / kind / f"{name}.yaml", directory / f"{kind}.py"
    if module.exists():
        raise PluginError(f"{module} hides the folder {twin.parent} from Python; rename it, or choose another --dir")
    if there := [str(path) for path in (*files, twin) if path.exists() or path.is_symlink()]:
        raise PluginError(f"{', '.join(there)}: there already; choose another name or another --dir")


def import_line(kind: str, name: str) -> str:
    """Return what imports, and so registers, a plug-in in the ``__init__.py`` of its directory."""
    return f"from .{kind} import {name}  # noqa: F401  # registers {kind}={name}\n"


def write(files: Mapping[Path, str], init: Path, line: str) -> None:
    """Write new files, and add a line to ``init`` if it is there: all of it or nothing.

    A directory without ``__init__.py`` needs no such line: the files in its groups' folders are imported anyway.

    Raises:
        SeqtrainError: the file system refuses.
    """
    with contextlib.ExitStack() as undo:
        for path, text in files.items():
            with writable(path):
                _make_folder(path.parent, undo)
                with path.open("x", encoding="utf-8", newline="\n") as file:
                    undo.callback(path.unlink)
                    file.write(text)
        if init.is_file():
            content = init.read_bytes()
            newline = b"\n" if content and not content.endswith(b"\n") else b""
            with writable(init), atomic_file(init.resolve()) as package:
                package.buffer.write(content + newline + line.encode())
        undo.pop_all()


def _make_folder(folder: Path, undo: contextlib.ExitStack) -> None:
    """Make a folder and those above it that are missing."""
    if not folder.is_dir():
        _make_folder(folder.parent, undo)
        folder.mkdir()
        undo.callback(folder.rmdir)


def report(kind: str, directory: Path, files: Sequence[Path]) -> list[str]:
    """Return what to print: which files there are now, and the commands to go on with."""
    (preset,) = [path.stem for path in files if path.suffix == ".yaml"]
    (test,) = [path for path in files if path.parent.name == "tests" and path.suffix == ".py"]
    training = [f"hydra.searchpath=[{in_hydras_grammar(str(directory))}]", f"{kind}={preset}", "training.max_update=20"]
    return [
        *(f"wrote {path}" for path in files),
        *([f"added a line to {directory / '__init__.py'}, which imports it"] if is_package(directory) else []),
        "test it:",
        f"  {shlex.join(['python', '-m', 'pytest', str(test)])}",
        "train with it:",
        f"  {shlex.join(['python', '-m', 'seqtrain', *training])}",
    ]


def in_hydras_grammar(text: str) -> str:
    """Return ``text`` as an element of a list on the command line, quoted only where it has to be."""
    try:
        plain = OverridesParser.create().parse_override(f"key=[{text}]").value() == [text]
    except HydraException:
        plain = False
    return text if plain else quote(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="seqtrain new",
        description="Write a plug-in that works at once, to start from: its Python file, a preset, and a test. "
        "Files that are there are left as they are.",
        epilog="Example: seqtrain new model my_rnn --dir my-plugins",
    )
    parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(PACKAGES)}")
    parser.add_argument("name", metavar="NAME", help="what it is chosen by, KIND=NAME: a-z, 0-9 and _, a letter first")
    parser.add_argument(
        "--dir",
        metavar="DIR",
        default=DIRECTORY,
        help="user directory to write to, made if missing; all Python files in it and in its KIND folders are "
        "imported, or its __init__.py if it has one, to which a line is added (default: %(default)s)",
    )
    return parser
