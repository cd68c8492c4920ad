"""A small corpus, a tiny trained run that tests share read-only, and two ways to call the program."""

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqtrain import cli
from seqtrain.data.number_names import english, german

ROOT = Path(__file__).parents[2]

TINY = [
    "task=translation",
    "tokenizer=char",
    "model=transformer_tiny",
    "lr_scheduler=inverse_sqrt",
    "model.encoder_layers=1",
    "model.encoder_embed_dim=16",
    "model.encoder_ffn_embed_dim=16",
    "model.decoder_layers=1",
    "model.decoder_embed_dim=16",
    "model.decoder_ffn_embed_dim=16",
    "task.max_source_positions=40",
    "task.max_target_positions=40",
    "optimizer.lr=1e-2",
    "lr_scheduler.warmup_updates=10",
    "training.max_update=24",
    "training.log_interval=5",
    "dataset.max_tokens=1024",
    "validation.final_split=''",
    "training.device=cpu",
    "generation.beam=1",
    "generation.max_len_b=20",
]
"""A model, and a training of it, that are as small as can be."""

DECODE = ("generation.beam=2", "generation.max_len_b=20", "device=cpu")
"""Short outputs: the tiny model has not learned to stop."""


@dataclass(frozen=True)
class Result:
    """How a call of the program ended, and what it printed."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """Return the one message of a call that the user has to mend."""
        assert self.code == 2, (self.code, self.out, self.err)
        assert self.err.startswith("seqtrain: ") and "Traceback" not in self.err, self.err
        return self.err.removeprefix("seqtrain: ").strip()


Call = Callable[..., Result]
Run = Callable[..., Result]
Start = Callable[..., "subprocess.Popen[bytes]"]


def write_pairs(directory: Path, prefix: str, numbers: Sequence[int], *, compress: bool = False) -> None:
    """Write the names of numbers as ``<prefix>.en`` and ``<prefix>.de``, gzipped where asked."""
    for language, name in (("en", english), ("de", german)):
        text = "".join(f"{name(number)}\n" for number in numbers).encode()
        if compress:
            (directory / f"{prefix}.{language}.gz").write_bytes(gzip.compress(text, mtime=0))
        else:
            (directory / f"{prefix}.{language}").write_bytes(text)


def write_corpus(directory: Path) -> Path:
    """Write a corpus of 260 + 20 + 21 sentence pairs; the test set is gzipped."""
    directory.mkdir(parents=True)
    write_pairs(directory, "train", range(260))
    write_pairs(directory, "valid", range(260, 280))
    write_pairs(directory, "test", range(280, 301), compress=True)
    return directory


@pytest.fixture(scope="session")
def session_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where what all tests share lies."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="session", autouse=True)
def cache(session_dir: Path) -> Iterator[Path]:
    """A cache of prepared data of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQTRAIN_CACHE", str(session_dir / "cache"))
        yield session_dir / "cache"


@pytest.fixture(scope="session")
def data(session_dir: Path) -> Path:
    """The corpus that tests share and leave as it is."""
    return write_corpus(session_dir / "data")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus of a test's own, to damage."""
    return write_corpus(tmp_path / "corpus")


@pytest.fixture(scope="session")
def pairs() -> Callable[..., None]:
    """The function that writes a pair of files."""
    return write_pairs


@pytest.fixture(scope="session")
def tiny(data: Path) -> list[str]:
    """Overrides for a training as small as can be."""
    return [*TINY, f"task.data={data}"]


@pytest.fixture(scope="session")
def trained(session_dir: Path, data: Path) -> Path:
    """The run directory of a tiny model, with checkpoints at updates 8, 16 and 24 among others."""
    run_directory = session_dir / "trained"
    cli.main(
        [
            *TINY,
            f"task.data={data}",
            f"hydra.run.dir={run_directory}",
            "saving.interval_updates=8",
            "saving.keep_last=0",
        ]
    )
    return run_directory


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the program in this process."""

    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = 0
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def train(call: Call, data: Path, tmp_path: Path) -> Call:
    """Train the tiny model into ``tmp_path/run``, with overrides."""

    def train(*overrides: object) -> Result:
        return call(*TINY, f"task.data={data}", f"hydra.run.dir={tmp_path / 'run'}", *overrides)

    return train


@pytest.fixture
def generate(call: Call, trained: Path) -> Call:
    """Translate with the shared model; outputs are short, for it has not learned to stop."""

    def generate(*overrides: object) -> Result:
        return call("generate", f"checkpoint={trained}", *DECODE, *overrides)

    return generate


@pytest.fixture(scope="session")
def start() -> Start:
    """Start the program in a process of its own: one thread, and the package of this checkout."""
    # A shell's background jobs ignore Ctrl-C, as these tests may be, and with them what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def start(*arguments: object, cwd: Path, **options: Any) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-m", "seqtrain", *map(str, arguments)]
        return subprocess.Popen(command, cwd=cwd, env=environment, **(pipes | options))

    return start


@pytest.fixture(scope="session")
def run(start: Start) -> Run:
    """Run the program in a process of its own to its end."""

    def run(*arguments: object, cwd: Path, stdin: bytes | None = None, timeout: float = 120) -> Result:
        with start(*arguments, cwd=cwd, **({} if stdin is None else {"stdin": subprocess.PIPE})) as process:
            try:
                out, err = process.communicate(stdin, timeout=timeout)
            finally:
                process.kill()
        return Result(process.returncode, out.decode(), err.decode())

    return run
