"""A checkpoint of a stranger: it runs no code, reads no environment, writes nothing and takes no endless memory.

Its manifest fits whatever was put in.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtrain.checkpoint import Checkpoint
from seqtrain.manifest import write_manifest

Call = Callable[..., Any]
ROOT = Path(__file__).parents[2]
DECODE = ("generation.beam=1", "generation.max_len_b=5", "device=cpu")
EVIL = "from pathlib import Path\nPath({!r}).write_text('ran')\n"


@pytest.fixture
def theirs(trained: Path, tmp_path: Path) -> Path:
    """A checkpoint to change."""
    return shutil.copytree(trained / "checkpoints/update-00000024", tmp_path / "theirs")


def as_run(checkpoint: Path, trained: Path) -> tuple[Path, Path]:
    """Make a run of which a checkpoint is the only one; return both."""
    run = checkpoint.with_name("run")
    shutil.copytree(trained / ".hydra", run / ".hydra")
    (run / "checkpoints").mkdir()
    return run, checkpoint.rename(run / "checkpoints/update-00000024")


def sign(directory: Path) -> None:
    """Write a manifest that fits."""
    (directory / "manifest.json").unlink(missing_ok=True)
    write_manifest(directory)


def edit(directory: Path, **sections: dict[str, Any]) -> None:
    """Change values of a checkpoint's config, and sign."""
    config = yaml.safe_load((directory / "config.yaml").read_text())
    for name, values in sections.items():
        config[name] |= values
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    sign(directory)


def audited(*arguments: object) -> dict[str, Any]:
    """Run the program and return what it did."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "SECRET": "do not read"}
    command = [sys.executable, "-B", str(ROOT / "tests/fixtures/audited.py"), *map(str, arguments)]
    ended = subprocess.run(command, env=environment, capture_output=True, check=False)
    found: dict[str, Any] = json.loads(ended.stderr.decode().splitlines()[-1])
    return found | {"out": ended.stdout.decode(), "err": ended.stderr.decode()}


def spread_out(directory: Path, elsewhere: Path) -> None:
    """Name places all over the config, and ship code and files that are asked for nowhere."""
    edit(
        directory,
        task={"data": str(elsewhere / "data")},
        dataset={"cache_dir": str(elsewhere / "cache")},
        tracking={"tensorboard": True},
    )
    (directory / "plugins/evil").mkdir(parents=True)
    for file in ("__init__.py", "plugins/evil/__init__.py", "sitecustomize.py", "conftest.py", "tokenizer/torch.py"):
        (directory / file).write_text(EVIL.format(str(elsewhere / "ran")))
    sign(directory)


@pytest.mark.parametrize("command", ["generate", "average"])
def test_nothing_is_run_read_or_written(command: str, theirs: Path, trained: Path, tmp_path: Path) -> None:
    elsewhere, output = tmp_path / "elsewhere", tmp_path / "output"
    (tmp_path / "in").write_text("one\ntwo\n")
    options = [f"input={tmp_path / 'in'}", *DECODE] if command == "generate" else []
    ours = audited(command, f"checkpoint={trained}", f"output={tmp_path / 'ours'}", *options)
    spread_out(theirs, elsewhere)
    found = audited(command, f"checkpoint={theirs}", f"output={output}", *options)
    assert (ours["status"], found["status"]) == (0, 0), found["err"]
    assert output.exists() and not elsewhere.exists()
    assert found["started"] == [] == ours["started"]
    assert set(found["variables"]) <= set(ours["variables"]) - {"SECRET"}
    assert not [file for file in found["code"] if file.startswith(str(tmp_path))]
    written = {path for path in found["written"] if path != os.devnull}
    assert written and all(path == str(output) or f"/.tmp-{output.name}-" in path for path in written), written


@pytest.mark.parametrize(
    "value",
    ["${oc.env:SECRET}", '"\\x24{oc.env:SECRET}"', '"$\\u007boc.env:SECRET}"', "{a: ['${oc.env:SECRET}']}"],
)
@pytest.mark.parametrize("as_key", [False, True])
def test_interpolations_are_refused(value: str, as_key: bool, theirs: Path, call: Call) -> None:
    config = (theirs / "config.yaml").read_text()
    line = f"? {value}\n: 1\n" if as_key else f"extra: {value}\n"
    (theirs / "config.yaml").write_text(config + line)
    sign(theirs)
    message = call("generate", f"checkpoint={theirs}", "input=/dev/null").refused()
    assert f"{theirs / 'config.yaml'} cannot be used" in message
    assert "plain values only" in message or "unhashable key" in message


def bomb() -> str:
    lists = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(["a0: &a0 [x]", *lists])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (bomb(), "an anchor, an alias or a tag"),
        ("!!python/object/apply:os.system ['touch ran']", "an anchor, an alias or a tag"),
        ("a: !!binary aGVsbG8=", "an anchor, an alias or a tag"),
        ("[" * 100_000, "more than 64 levels deep"),
        ("a: " + "{b: " * 100 + "}" * 100, "more than 64 levels deep"),
        ("a: 1" + ":1" * 100_000, "more than 65536 characters"),
        ("a: " + "9" * 50_000, "int"),
        ("model: {}\n" * 2, "a key is there twice"),
        ("null: 2", "a key is no text"),
        ("1: 2", "1=2: must be a section"),
        ("model: {_name: transformer, 1: 2}", "config.yaml: "),
        ("1: {}", "config.yaml: "),
        ("a: 2001-01-01", "it holds a date"),
        ("", "holds no config"),
        ("- a", "holds no config"),
        ("\udcff", "no UTF-8 text"),
        ("a: \0", "cannot be used"),
        ("x" * (1 << 20) + "x", "is over 1 MiB"),
    ],
)
def test_yaml_that_is_no_config(text: str, problem: str, theirs: Path, call: Call) -> None:
    (theirs / "config.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    sign(theirs)
    message = call("generate", f"checkpoint={theirs}", "input=/dev/null").refused()
    assert str(theirs / "config.yaml") in message and problem in message
    assert len(message) < 1000


@pytest.mark.parametrize("file", ["training/state.json", "plugins.json", "manifest.json"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 1000, "{}", "[]", "3", '{"a": 1, "a": 2}', " " * (17 << 20)])
def test_json_of_another_shape(file: str, text: str, theirs: Path, trained: Path, call: Call) -> None:
    run, theirs = as_run(theirs, trained)
    (theirs / file).write_text(text)
    if file != "manifest.json":
        sign(theirs)
    assert file in call(f"resume={run}").refused()


MEMORY = 4 << 30
"""Address space that hostile checkpoints are loaded in, in bytes; an honest one needs less than half of it."""
LOAD = """
import sys, seqtrain
from seqtrain.errors import CheckpointError
for path in sys.argv[1:]:
    try:
        print("loaded", seqtrain.load(path, device="cpu").checkpoint.path)
    except CheckpointError as error:
        print(error)
"""
LARGE: list[dict[str, dict[str, Any]]] = [
    {"model": {"encoder_ffn_embed_dim": 10**9}},
    {"model": {"encoder_ffn_embed_dim": 2**62}},
    {"model": {"encoder_layers": 10**9}},
    {"model": {"positions": "learned"}, "task": {"max_source_positions": 10**9}},
]


def test_a_model_that_its_file_cannot_hold(theirs: Path, tmp_path: Path) -> None:
    directories = [shutil.copytree(theirs, tmp_path / str(number)) for number in range(len(LARGE) + 1)]
    for directory, sections in zip(directories, [*LARGE, {"task": {"max_source_positions": 10**12}}], strict=True):
        edit(directory, **sections)
    ended = subprocess.run(
        [sys.executable, "-c", LOAD, *map(str, directories)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),  # no threads
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    *refused, loaded = ended.stdout.splitlines()
    assert loaded == f"loaded {directories[-1]}"
    for directory, message in zip(directories[:-1], refused, strict=True):
        assert message.startswith(f"{directory / 'model.safetensors'} is too small for the model of config.yaml")


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"\xff" * 8, "is over the limit"),
        ((100 << 20).to_bytes(8, "little"), "is over the limit"),
        ((10 << 20).to_bytes(8, "little"), "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_a_header_that_lies(header: bytes, problem: str, theirs: Path, call: Call) -> None:
    (theirs / "model.safetensors").write_bytes(header + b"{}")
    sign(theirs)
    message = call("generate", f"checkpoint={theirs}", "input=/dev/null").refused()
    assert str(theirs / "model.safetensors") in message and problem in message


def link(file: Path) -> None:
    target = file.rename(file.parents[1] / "elsewhere")
    file.symlink_to(target)


def pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/zero")


def directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("change", [link, pipe, device, directory])
@pytest.mark.parametrize("file", ["model.safetensors", "manifest.json"])
def test_what_is_no_file(change: Callable[[Path], None], file: str, theirs: Path, call: Call) -> None:
    change(theirs / file)
    result = call("generate", f"checkpoint={theirs}", "input=/dev/null")
    if (change, file) != (link, "manifest.json"):  # which is read wherever it lies: it is what all else is held against
        assert str(theirs / file) in result.refused() or f"{theirs} is no checkpoint" in result.refused()


@pytest.mark.parametrize("name", ["tokenizer/more.txt", "training/more.json"])
def test_files_that_were_added(name: str, theirs: Path, call: Call) -> None:
    (theirs / name).write_text("x")
    message = call("generate", f"checkpoint={theirs}", "input=/dev/null").refused()
    assert f"{theirs / name} was added later (remove it)" in message


def test_notes_beside_a_checkpoint_are_nobodys_business(theirs: Path) -> None:
    (theirs / "notes.txt").write_text("the good one")
    (theirs / "notes").mkdir()
    (theirs / "notes/more.txt").write_text("really")
    assert Checkpoint.open(theirs).path == theirs


def test_state_of_training_that_the_manifest_lacks(theirs: Path, tmp_path: Path, trained: Path, call: Call) -> None:
    (theirs / "training").rename(tmp_path / "kept")
    sign(theirs)
    (tmp_path / "line").write_text("one\n")
    assert call("generate", f"checkpoint={theirs}", f"input={tmp_path / 'line'}", "generation.max_len_b=2").code == 0
    (tmp_path / "kept").rename(theirs / "training")
    run, _ = as_run(theirs, trained)
    assert "holds a model but no state of training" in call(f"resume={run}").refused()


def test_no_tokenizer(theirs: Path, call: Call) -> None:
    shutil.rmtree(theirs / "tokenizer")
    sign(theirs)
    message = call("generate", f"checkpoint={theirs}", "input=/dev/null").refused()
    assert f"{theirs / 'tokenizer'} is missing" in message
