"""Decoders that answer from processes of their own: both ends of a pipe of JSON lines.

Each tool runs in its own environment, so this needs nothing but the standard library and NumPy.
"""

import json
import multiprocessing
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).parents[1]
Sentences = list[list[int]]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What all tools are told alike, then what belongs to one."""

    threads: int
    beam: int
    max_length: int
    """Most tokens of an output, the end of sentence excluded."""
    hf_batch: int
    """Sentences that Hugging Face decodes together."""
    ct2_parallel: int
    """Batches that CTranslate2 decodes at a time; they share the threads."""


class Decoder(Protocol):
    """A tool with a model: ids in, ids out. Sources end with the end of sentence, outputs are without it."""

    versions: dict[str, str]

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""

    def greedy(self, sources: Sentences) -> tuple[Sentences, Array]:
        """Return the greedy outputs, and the logits (N, V) at each of their tokens, ends included."""


def serve(decoder: Decoder) -> None:
    """Answer each line of standard input until it ends; whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps(decoder.versions), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(_answer(decoder, json.loads(line))), file=answers, flush=True)


def _answer(decoder: Decoder, request: dict[str, Any]) -> dict[str, Any]:
    """Decode by beam search, all at once or one by one, or greedily where a file for the logits is named."""
    if request["singly"]:
        return {"seconds": [_timed(decoder, [source]) for source in request["sources"]]}
    if request["logits"]:
        outputs, logits = decoder.greedy(request["sources"])
        np.save(request["logits"], logits)
        return {"outputs": outputs}
    start = time.perf_counter()
    outputs = decoder.decode(request["sources"])
    return {"outputs": outputs, "seconds": time.perf_counter() - start, "peak_mb": _peak_mb()}


def _peak_mb() -> int:
    """Return the peak of this process, and of those that it has started, in megabytes."""
    pids = [os.getpid(), *(child.pid for child in multiprocessing.active_children())]
    found = [re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids]
    return sum(int(peak[1]) for peak in found if peak) // 1024


def _timed(decoder: Decoder, sources: Sentences) -> float:
    start = time.perf_counter()
    decoder.decode(sources)
    return time.perf_counter() - start


@dataclass(frozen=True)
class Tool:
    """How to start a decoder: the Python of its environment, its module beside this one, its model."""

    python: Path
    module: str
    model: Path
    parallel: int = 1
    """How many share the threads that libraries are told of by the environment."""

    def convert(self, exported: Path) -> None:
        """Make the tool's model of what seqtrain exported."""
        command = [str(self.python), "-m", f"benchmarks.{self.module}", "convert", str(exported), str(self.model)]
        subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)

    def start(self, settings: Settings) -> "Worker":
        """Start a process that loads the model."""
        told = json.dumps(asdict(settings))
        command = [str(self.python), "-m", f"benchmarks.{self.module}", "serve", str(self.model), told]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(settings.threads // self.parallel))
        return Worker(self.module, command, {**os.environ, **threads, "HF_HUB_OFFLINE": "1"})


class Worker:
    """A process with a decoder; :attr:`versions` tells of what software."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        self.versions = self._read()

    def decode(self, sources: Sentences, logits: Path | None = None) -> dict[str, Any]:
        """Return ``outputs``, ``seconds``, ``peak_mb``; given a file for logits, greedy outputs."""
        return self._ask({"sources": sources, "logits": logits and str(logits), "singly": False})

    def decode_singly(self, sources: Sentences) -> list[float]:
        """Return the seconds that each sentence takes by itself."""
        seconds: list[float] = self._ask({"sources": sources, "logits": None, "singly": True})["seconds"]
        return seconds

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._read()

    def close(self) -> int:
        """Let the process end, and return with what it did."""
        with self._process:  # closes the pipes, then waits
            pass
        return self._process.returncode

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} ended with {self.close()}; its messages stand above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def settings_of(told: str) -> Settings:
    """Return the settings that :meth:`Tool.start` told."""
    return Settings(**json.loads(told))


def by_length(sources: Sentences, size: int) -> list[list[int]]:
    """Return the numbers of the sources, longest first, in groups of ``size``."""
    numbers = sorted(range(len(sources)), key=lambda number: -len(sources[number]))
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
