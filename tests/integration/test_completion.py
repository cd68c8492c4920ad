"""Completion in real shells: at a terminal, with the line that a user types, and the one that the shell makes of it."""

import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEQTRAIN = Path(sys.executable).with_name("seqtrain")
EXAMPLE = ROOT / "examples" / "my-module"

STARTED, RESULT = "started-up", "the-line-is"
SAY_STARTED, SAY_RESULT = "echo started'-'up", "echo the'-'line'-'is "
"""Commands that say so; as a terminal shows what is typed too, that looks otherwise."""
ANSWER_TIME = 60
"""Seconds that a shell may take; torch is imported in them."""

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], 'eval "$(seqtrain -sc install=bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(seqtrain -sc install=zsh)"'),
    "fish": (["fish", "--no-config", "--interactive"], "seqtrain -sc install=fish | source"),
}
"""How each shell is started, and what the docs tell its users to evaluate."""

AT_A_TERMINAL = "import pty, sys; pty.spawn(sys.argv[1:])"

Complete = Callable[[str], str]


class Terminal:
    """A shell that believes that somebody types."""

    def __init__(self, command: list[str], cwd: Path) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ZSH", "BASH", "FISH"))},
            "PATH": f"{SEQTRAIN.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(cwd),
            "TERM": "dumb",
            "OMP_NUM_THREADS": "1",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_A_TERMINAL, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment,
        )
        self.shown = ""

    def type(self, keys: str) -> None:
        """Press keys."""
        assert self.process.stdin is not None
        self.process.stdin.write(keys.encode())
        self.process.stdin.flush()

    def wait_for(self, text: str) -> str:
        """Return what is shown up to a text, and drop it."""
        assert self.process.stdout is not None
        end = time.monotonic() + ANSWER_TIME
        while text not in self.shown:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            more = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert more, f"no {text!r} in {self.shown!r}"
            self.shown += more.decode(errors="replace")
        before, _, self.shown = self.shown.partition(text)
        return before

    def close(self) -> None:
        """End the shell."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(params=["bash", pytest.param("zsh", marks=pytest.mark.slow), "fish"])
def complete(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Complete]:
    """Type a line and TAB into a shell; return the line as it is then."""
    command, setup = SHELLS[request.param]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{request.param} is not installed")
    terminal = Terminal(command, tmp_path)

    def complete(line: str) -> str:
        # Ctrl-A goes to the beginning, where a command is put before the line that says what it is.
        terminal.type(f"{line}\t\x01{SAY_RESULT}\r")
        terminal.wait_for(f"{RESULT} ")
        return terminal.wait_for("\n").strip()

    try:
        terminal.type(f"{setup}; {SAY_STARTED}\r")
        terminal.wait_for(STARTED)
        yield complete
    finally:
        terminal.close()


def test_commands_groups_choices_fields_and_values(complete: Complete) -> None:
    assert complete("seqtrain gener") == "seqtrain generat"
    assert complete("seqtrain evalu") == "seqtrain evaluate"
    assert complete("seqtrain generate che") == "seqtrain generate checkpoint="
    assert complete("seqtrain +exp") == "seqtrain +experiment="
    assert complete("seqtrain lr_scheduler=poly") == "seqtrain lr_scheduler=polynomial_decay"
    assert complete("seqtrain model.dropout=0 optimizer.weight") == "seqtrain model.dropout=0 optimizer.weight_decay="
    assert complete("seqtrain model.positions=le") == "seqtrain model.positions=learned"
    assert complete("seqtrain training.compile=t") == "seqtrain training.compile=true"
    assert complete("seqtrain nonsense") == "seqtrain nonsense"


def test_plugins_of_a_user(complete: Complete, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "my-module")
    (tmp_path / "my-module/noisy.py").write_text("print('this is not for the shell')\n")
    search = "'hydra.searchpath=[my-module]'"
    assert complete(f"seqtrain {search} model=my_tr") == "seqtrain hydra.searchpath=[my-module] model=my_transformer"


def test_a_query_prints_candidates_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("print('this is not for the shell')\n=\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COMP_LINE": "seqtrain hydra.searchpath=[.] optimizer=sg"}
    command = [str(SEQTRAIN), "-sc", "query=bash"]
    done = subprocess.run(
        command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "optimizer=sgd\noptimizer=sgd_nesterov\n")


def test_bash_keeps_the_words_of_other_programs(tmp_path: Path) -> None:
    script = (
        'before=$COMP_WORDBREAKS; eval "$(seqtrain -sc install=bash)"; complete -p seqtrain; '
        'eval "$(seqtrain -sc uninstall=bash)"; complete -p seqtrain; [ "$before" = "$COMP_WORDBREAKS" ]'
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{SEQTRAIN.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("_seqtrain_completion seqtrain") == 1
