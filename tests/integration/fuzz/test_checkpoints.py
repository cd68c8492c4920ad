"""Checkpoints that are damaged, and checkpoints of a stranger, whose manifest fits whatever was put in."""

import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console

import seqtrain
from seqtrain.checkpoint import Checkpoint
from seqtrain.commands.hydra_files import read_config, user_directories
from seqtrain.config import GenerationConfig
from seqtrain.errors import SeqtrainError
from seqtrain.manifest import write_manifest
from seqtrain.training import snapshots
from seqtrain.training.environment import environment
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.saved_state import taking_over
from seqtrain.training.session import Session
from seqtrain.training.trainer import Trainer

Mutate = Callable[[random.Random, bytes], bytes]
Change = Callable[[random.Random, Any], Any]

SHORT = GenerationConfig(beam=1, max_len_b=3)


def read(path: Path) -> tuple[Any, ...]:
    """Read all of a checkpoint."""
    saved = Checkpoint.open(path)
    snapshot = saved.snapshot()
    return saved.config(), saved.bundle(), saved.metrics(), saved.model(), snapshot.optimizer, repr(snapshot.state)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and any(isinstance(value, torch.Tensor) for value in one.values()):
        return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    return repr(one) == repr(other)


@contextmanager
def refused_or_fine(case: str, path: Path) -> Iterator[None]:
    """Nothing but a message that names the place may come of a case."""
    try:
        yield
    except SeqtrainError as error:
        assert str(path) in str(error), f"{case}: {error}"
    except Exception as error:
        raise AssertionError(f"{case}: {type(error).__name__}: {error}") from error


@contextmanager
def replaced(file: Path, content: bytes) -> Iterator[None]:
    """Give a file another content for a while."""
    before = file.read_bytes()
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(before)


def names(directory: Path) -> list[str]:
    return sorted(p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file())


def test_there_are_at_least_ten_thousand_cases(cases: dict[str, tuple[int, int]]) -> None:
    assert sum(some + more for some, more in cases.values()) >= 10_000


def test_an_accident(seeds: range, copy: Path, original: Path, mutate: Mutate) -> None:
    expected = read(copy)
    for seed in seeds:
        rng = random.Random(seed)
        name = rng.choice(names(copy))
        before = (copy / name).read_bytes()
        swapped = (original.with_name("update-00000008") / rng.choice([name, *names(original)])).read_bytes()
        damaged = rng.choice([mutate(rng, before), mutate(rng, before), swapped])
        with replaced(copy / name, damaged), refused_or_fine(f"{name}, seed {seed}", copy):
            found = read(copy)
            harmless = name == "manifest.json" or damaged == before
            assert harmless and all(map(same, found, expected)), f"the damage was not found: {name}, seed {seed}"


def stranger(seed: int, directory: Path, file: str, mutate: Mutate, change: Change) -> bytes:
    """Return what a stranger might put in a file: something else that can be read, or anything."""
    rng, content = random.Random(seed), (directory / file).read_bytes()
    if file.endswith(".json") and rng.random() < 0.7:
        return json.dumps(change(rng, json.loads(content))).encode()
    if file.endswith(".yaml") and rng.random() < 0.7:
        return yaml.safe_dump(change(rng, yaml.safe_load(content)), sort_keys=False).encode()
    if file.endswith(".safetensors") and rng.random() < 0.8:
        size = int.from_bytes(content[:8], "little")
        header = mutate(rng, content[8 : 8 + size])
        if rng.random() < 0.6:
            tensors = json.loads(content[8 : 8 + size])
            name = rng.choice(sorted(tensors))
            header = json.dumps({**tensors, name: change(rng, tensors[name])}).encode()
        return len(header).to_bytes(8, "little") + header + content[8 + size :]
    return mutate(rng, content)


@contextmanager
def from_a_stranger(seed: int, directory: Path, file: str, content: bytes) -> Iterator[None]:
    """Give a file of a checkpoint another content for a while, with a manifest that fits; a case may be refused."""
    with replaced(directory / file, content):
        if file != "manifest.json":
            (directory / "manifest.json").unlink()
            write_manifest(directory)
        with refused_or_fine(f"{file}, seed {seed}", directory):
            yield


def test_a_strangers_checkpoint_is_read_or_refused(seeds: range, copy: Path, mutate: Mutate, change: Change) -> None:
    files = names(copy)
    for seed in seeds:
        file = files[seed % len(files)]
        with from_a_stranger(seed, copy, file, stranger(seed, copy, file, mutate, change)):
            read(copy)


def test_a_strangers_checkpoint_translates_or_is_refused(
    seeds: range, copy: Path, mutate: Mutate, change: Change
) -> None:
    files = ["config.yaml", "config.yaml", "tokenizer/dict.joined.txt", "model.safetensors"]
    for seed in seeds:
        file = files[seed % len(files)]
        with from_a_stranger(seed, copy, file, stranger(seed, copy, file, mutate, change)):
            seqtrain.load(copy, device="cpu").translate(["one", ""], SHORT)


@pytest.fixture(scope="module")
def session(original: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    cfg = Checkpoint.open(original).config()
    run = RunDirectory(tmp_path_factory.mktemp("run"), cfg.saving)
    return Session(cfg, run, Console(file=io.StringIO()))


def test_a_strangers_state_is_taken_over_or_refused(
    seeds: range, copy: Path, session: Session, mutate: Mutate, change: Change
) -> None:
    parts = session.build()
    files = ["training/state.json", "training/state.json", "training/optimizer.safetensors"]
    for seed in seeds:
        file = files[seed % len(files)]
        with from_a_stranger(seed, copy, file, stranger(seed, copy, file, mutate, change)):
            saved = Checkpoint.open(copy)
            with taking_over(copy / "training/state.json"):
                trainer = Trainer(session.cfg, parts, session.hooks(), session.recovery(parts), session.scaler)
                snapshots.compare(trainer, saved, environment(session.device))
                snapshots.put_back(trainer, session.ema, saved)
                parts.lr_scheduler.lr_at(trainer.state.num_updates)


def test_a_damaged_run_directory(seeds: range, trained: Path, tmp_path: Path, mutate: Mutate) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained / ".hydra", run / ".hydra")
    for seed in seeds:
        file = run / ".hydra" / ("config.yaml", "hydra.yaml")[seed % 2]
        with (
            replaced(file, mutate(random.Random(seed), file.read_bytes())),
            refused_or_fine(f"{file.name}, seed {seed}", run),
        ):
            user_directories(run)
            read_config(run)
