"""The tutorials, and all other pages with commands, work as they are printed.

A page is followed in an empty directory, from top to bottom. A code block with ``title="FILE"`` becomes that file. In a
``console`` block each line that begins with ``$`` is run, with those that a backslash continues it with; what follows
is what it must print, where ``...`` stands for anything. The ``pycon`` blocks of a page are one session of Python's.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from seqtrain import cli
from seqtrain.commands.completion import candidates

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TUTORIALS = [
    DOCS / "tutorials" / f"{name}.md"
    for name in ("model", "criterion", "task", "optimizer", "lr_scheduler", "preset", "sweep", "porting-from-fairseq")
]
MULTI30K = Path(__file__).parents[3] / "shared" / "data" / "multi30k"
ON_MULTI30K = [
    pytest.mark.slow,
    pytest.mark.skipif(not MULTI30K.is_dir(), reason="needs Multi30k in ../shared/data/multi30k"),
]
LONG = {"multi30k": ON_MULTI30K, "number-names": [pytest.mark.slow]}
"""Pages that train for minutes."""
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "\n```console\n" in page.read_text(encoding="utf-8")]
"""All that have commands to run."""

BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
BUILDS_ON = {"sweep": ["criterion"]}
"""Pages whose files another page says that it uses."""
ON_THE_EXAMPLE = ["check", "completion"]
"""Pages whose ``my-module`` is the example of the repository."""
WITHOUT_PLUGINS = "how-to"
"""Folder of pages without code of the user's: their commands run in this process, which saves most of the time."""


class Command(NamedTuple):
    """A command of a page and what it must print."""

    line: str
    output: str

    @property
    def pattern(self) -> str:
        """The output as a regular expression."""
        return re.escape(self.output.strip()).replace(re.escape("..."), ".*?")

    @property
    def code(self) -> int:
        """The exit code: 2 where the page shows what seqtrain says about a mistake."""
        return 2 if self.output.startswith("seqtrain: ") else 0


def blocks(page: Path) -> Iterator[tuple[str, str, str]]:
    """Yield language, file and text of each code block."""
    yield from BLOCK.findall(page.read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[Command]:
    """Yield the commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        line = re.match(r"(?:.*\\\n)*.*\n", part)
        assert line is not None
        yield Command(line[0].strip(), part[line.end() :])


def write(directory: Path, file: str, text: str) -> None:
    (directory / file).parent.mkdir(parents=True, exist_ok=True)
    (directory / file).write_text(text, encoding="utf-8")


def run_here(command: Command, call: Callable[..., Any]) -> tuple[int, str]:
    """Run a command of seqtrain's in this process and directory; return its exit code and what it printed."""
    done = call(*shlex.split(command.line.replace("\\\n", " "))[3:])
    return done.code, re.sub(r" +$", "", done.err + done.out, flags=re.MULTILINE).strip()


def run(command: Command, directory: Path) -> tuple[int, str]:
    """Run a command with the Python and the seqtrain of these tests; return its exit code and what it printed.

    Spaces at the ends of lines, which fill a table, are left out.
    """
    line = re.sub(r"\bpython\b", shlex.quote(sys.executable), command.line)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        line,
        shell=True,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, re.sub(r" +$", "", done.stdout, flags=re.MULTILINE).strip()


def run_session(page: Path, number: int, text: str, names: dict[str, Any]) -> None:
    """Run a block of a Python session in this process and directory; it has the names of the blocks before it."""
    test = doctest.DocTestParser().get_doctest(text, names, f"{page.name}, session {number}", str(page), 0)
    said: list[str] = []
    failed = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=said.append, clear_globs=False).failed
    assert not failed, "".join(said)
    names.update(test.globs)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the repository's example."""
    ignore = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(ROOT / "examples/my-module", tmp_path / "my-module", ignore=ignore)


@pytest.mark.parametrize("page", [pytest.param(page, marks=LONG.get(page.stem, ()), id=page.stem) for page in PAGES])
def test_a_page_does_what_it_says(
    page: Path,
    call: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.chdir(tmp_path)
    if page.stem in ON_THE_EXAMPLE:
        request.getfixturevalue("example")
    if page.stem == "multi30k":
        (tmp_path / "multi30k").symlink_to(MULTI30K)
    for other in BUILDS_ON.get(page.stem, []):
        for _language, file, text in blocks(page.with_stem(other)):
            if file:
                write(tmp_path, file, text)
    names: dict[str, Any] = {}
    for number, (language, file, text) in enumerate(blocks(page)):
        if file:
            write(tmp_path, file, text)
        if language == "pycon":
            run_session(page, number, text, names)
        for command in commands(text) if language == "console" else ():
            here = page.parent.name == WITHOUT_PLUGINS and command.line.startswith("python -m seqtrain ")
            code, printed = run_here(command, call) if here else run(command, tmp_path)
            assert code == command.code, f"{command.line}\n{printed}"
            assert re.fullmatch(command.pattern, printed, re.DOTALL), f"{command.line}\n{printed}"


def test_these_pages_have_commands() -> None:
    others = {DOCS / "completion.md", DOCS / "editor.md", DOCS / "tutorials/check.md"}
    assert {*TUTORIALS, *others, *(DOCS / "how-to").glob("*.md")} == set(PAGES)


def test_completion_offers_what_its_page_shows(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example.parent)
    text = (DOCS / "completion.md").read_text(encoding="utf-8")
    lines = re.findall(r"^    (seqtrain .*)<TAB> +(\S.*)$", text, re.MULTILINE)
    assert len(lines) == text.count("<TAB>") >= 9
    for line, shown in lines:
        offered, expected = candidates(line), shown.split()
        pairs = list(zip(offered, expected, strict=expected[-1] != "..."))
        assert all(full.endswith(part) or part == "..." for full, part in pairs), f"{line}: {offered}"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("what", ["install", "uninstall"])
def test_the_page_names_what_the_shells_evaluate(what: str, shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (DOCS / "completion.md").read_text(encoding="utf-8")
    assert f"-sc {what}={shell if what == 'install' else 'SHELL'}" in text
    cli.main(["-sc", f"{what}={shell}"])
    assert "seqtrain" in capsys.readouterr().out


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_a_page_shows_a_whole_plug_in_and_what_is_guaranteed(page: Path) -> None:
    languages = [language for language, file, _ in blocks(page) if file or language == "console"]
    assert languages[0] != "console" or page.stem in ("porting-from-fairseq", "sweep")
    assert "console" in languages and {"python", "yaml"} & set(languages)
    assert "\n## What is guaranteed, and how to check it\n" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_index_links_every_page() -> None:
    linked = {(DOCS / target).resolve() for target in LINK.findall((DOCS / "README.md").read_text(encoding="utf-8"))}
    assert {page.resolve() for page in DOCS.rglob("*.md")} - linked <= {
        (DOCS / "README.md").resolve(),
        *(page.resolve() for page in (DOCS / "adr").glob("0*.md")),
    }
