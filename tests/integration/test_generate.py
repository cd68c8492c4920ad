"""``generate``: one line out for each line in, whatever the lines and the paths are like."""

import gzip
import io
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqtrain.commands import generate as generate_command
from seqtrain.config import GenerationConfig
from seqtrain.loading import load

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "one", "", "seventy-seven", "   ", "one hundred and ninety-nine", "one"]
"""Of mixed lengths, two of them empty, and one twice."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.en"
    file.write_text("".join(f"{line}\n" for line in LINES))
    return file


@pytest.fixture
def copy(trained: Path, tmp_path: Path) -> Path:
    """A copy of the shared run, to damage."""
    return shutil.copytree(trained, tmp_path / "copy", symlinks=True)


def test_one_line_out_for_each_line_in(generate: Call, trained: Path, source: Path, tmp_path: Path) -> None:
    result = generate(f"input={source}", f"output={tmp_path / 'out'}")
    assert (result.code, result.out) == (0, "")
    # The summary is all there is to say; tokens are those of the outputs, of which 5 are to be found.
    (summary,) = result.err.splitlines()
    figures = r"\d+ tokens\) in \d+\.\d s \(\d+\.\d\d sentences/s, \d+\.\d\d tokens/s\)"
    assert re.fullmatch(rf"Translated 5 sentences \({figures}", summary)
    lines = (tmp_path / "out").read_text().split("\n")
    assert len(lines) == len(LINES) + 1 and lines[-1] == ""
    assert (lines[2], lines[4]) == ("", "")
    # Each line alone, in order, gives what all together gave.
    model = load(trained)
    cfg = GenerationConfig(beam=2, max_len_b=20)
    assert lines[:-1] == [model.translate([line], cfg)[0] for line in LINES]


def test_nbest(generate: Call, source: Path) -> None:
    lines = generate(f"input={source}", "generation.nbest=2").out.split("\n")[:-1]
    assert len(lines) == 2 * len(LINES)
    assert lines[4:6] == ["", ""]
    assert lines[2] == lines[12] and lines[3] == lines[13] and lines[2] != lines[3]


@pytest.mark.parametrize("size", [1, 3])
def test_how_many_lines_are_read_ahead_does_not_show(generate: Call, source: Path, size: int) -> None:
    assert generate(f"input={source}", f"buffer_size={size}").out == generate(f"input={source}").out


def test_standard_input_to_standard_output_in_a_process(
    run: Call, generate: Call, trained: Path, source: Path, tmp_path: Path
) -> None:
    options = ["generation.beam=2", "generation.max_len_b=20"]
    piped = run("generate", f"checkpoint={trained}", *options, cwd=tmp_path, stdin=source.read_bytes())
    assert (piped.code, piped.err) == (0, "")
    assert piped.out == generate(f"input={source}").out


def test_a_reader_that_goes_away_is_no_error(start: Call, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "many").write_text("one\n" * 5000)
    options = [f"checkpoint={trained}", "input=many", "generation.beam=1", "generation.max_len_b=1"]
    with start("generate", *options, cwd=tmp_path, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_gzipped_input_and_a_last_line_without_its_end(generate: Call, source: Path, tmp_path: Path) -> None:
    (tmp_path / "source.gz").write_bytes(gzip.compress(source.read_bytes().removesuffix(b"\n")))
    assert generate(f"input={tmp_path / 'source.gz'}").out == generate(f"input={source}").out


@pytest.mark.parametrize("name", ["empty", "empty.gz"])
def test_an_empty_file(generate: Call, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    message = generate(f"input={file}", f"output={tmp_path / 'out'}").refused()
    assert message == f"input={file} is empty: there is nothing to decode"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("typed", [True, False])
def test_standard_input_may_end_before_a_line_where_it_is_typed(
    call: Call, trained: Path, monkeypatch: pytest.MonkeyPatch, *, typed: bool
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    monkeypatch.setattr("sys.stdin.isatty", lambda: typed)
    result = call("generate", f"checkpoint={trained}")
    message = "" if typed else "seqtrain: standard input is empty: there is nothing to decode\n"
    assert (result.code, result.out, result.err) == (0 if typed else 2, "", message)


@pytest.mark.parametrize("name", ["with space", "a=b", "(paren) [1]", "it's, {x}: $y", "ü\\", '"q"', "-"])
def test_any_path(call: Call, generate: Call, trained: Path, source: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / name
    place.mkdir()
    shutil.copytree(trained, place / "run", symlinks=True)
    shutil.copy(source, place / name)
    options = ["generation.beam=2", "generation.max_len_b=20"]
    paths = [f"checkpoint={place / 'run'}", f"input={place / name}", f"output={place / 'out'}"]
    result = call("generate", *paths, *options)
    assert result.code == 0, result.err
    assert (place / "out").read_text() == generate(f"input={source}").out


def test_the_end_of_a_long_line_is_not_translated_and_a_warning_names_it(generate: Call, tmp_path: Path) -> None:
    # The limit is 40 tokens with end of sentence: 39 characters.
    (tmp_path / "long").write_text("one\n" + "a" * 39 + "\n" + "a" * 40 + "\n" + "a" * 200 + "\n")
    result = generate(f"input={tmp_path / 'long'}")
    assert result.code == 0
    assert result.err.splitlines() == [
        f"warning: line {n} is over the model's limit of 40 tokens: its end is left out" for n in (3, 4)
    ]
    lines = result.out.split("\n")
    assert len(lines) == 5 and lines[1] == lines[2] == lines[3] != ""


def test_input_that_is_no_utf8(generate: Call, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("one\nfünf\n".encode("latin-1"))
    before = set(tmp_path.iterdir())
    message = generate(f"input={tmp_path / 'latin'}", f"output={tmp_path / 'out'}").refused()
    assert message.startswith(f"{tmp_path / 'latin'}:2: not UTF-8")
    assert set(tmp_path.iterdir()) == before


def test_no_input(generate: Call, tmp_path: Path) -> None:
    assert generate(f"input={tmp_path / 'nowhere'}").refused() == f"input={tmp_path / 'nowhere'}: there is no such file"
    assert generate(f"input={tmp_path}").refused() == f"input={tmp_path} is a directory: name a file"


def test_output_that_is_a_directory(generate: Call, source: Path, tmp_path: Path) -> None:
    message = generate(f"input={source}", f"output={tmp_path}").refused()
    assert message == f"output={tmp_path} is a directory: name a file"


@pytest.mark.parametrize("key", ["input", "prefix", "replace_unk"])
def test_output_that_would_replace_what_is_read(generate: Call, source: Path, tmp_path: Path, key: str) -> None:
    file, link = tmp_path / "read", tmp_path / "link"
    file.write_bytes(source.read_bytes())
    link.symlink_to(file)
    message = generate(f"input={source}", f"{key}={file}", f"output={link}").refused()
    assert message == f"output={link} would replace {key}={file}: name another file"
    assert file.read_bytes() == source.read_bytes()


@pytest.mark.parametrize("output", ["nowhere/out", "source.en/out"])
def test_output_that_cannot_be_written(generate: Call, source: Path, tmp_path: Path, output: str) -> None:
    message = generate(f"input={source}", f"output={tmp_path / output}").refused()
    assert message.startswith(f"cannot write {tmp_path / output}: ")
    assert [file.name for file in tmp_path.iterdir()] == ["source.en"]


def test_output_appears_only_whole(
    generate: Call, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").write_text("old\n")
    seen = []

    def spy(*_: object) -> Any:
        yield "first"
        seen.append((tmp_path / "out").read_text())
        raise KeyboardInterrupt

    monkeypatch.setattr(generate_command, "decoded_lines", spy)
    assert generate(f"input={source}", f"output={tmp_path / 'out'}").code == 130
    assert seen == ["old\n"]
    assert (tmp_path / "out").read_text() == "old\n"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "source.en"]


def test_output_into_a_pipe_leaves_the_pipe(generate: Call, source: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[str] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_text()), daemon=True)
    reader.start()
    assert generate(f"input={source}", f"output={pipe}").code == 0
    reader.join(timeout=10)
    assert pipe.is_fifo()
    assert len(received[0].splitlines()) == len(LINES)


def test_output_through_a_link_leaves_the_link(generate: Call, source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to("elsewhere/out")
    assert generate(f"input={source}", f"output={tmp_path / 'out'}").code == 0
    assert (tmp_path / "out").is_symlink()
    assert len((tmp_path / "elsewhere/out").read_text().splitlines()) == len(LINES)


def test_a_checkpoint_of_its_own(call: Call, generate: Call, trained: Path, source: Path) -> None:
    checkpoint = min((trained / "checkpoints").glob("update-*"))
    result = call("generate", f"checkpoint={checkpoint}", f"input={source}", "generation.max_len_b=20")
    assert result.code == 0
    assert len(result.out.splitlines()) == len(LINES)


def test_a_checkpoint_cut_short(call: Call, copy: Path, source: Path) -> None:
    model = (copy / "best").resolve() / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-1])
    assert "model.safetensors is cut short" in call("generate", f"checkpoint={copy}", f"input={source}").refused()


def test_a_checkpoint_with_a_flipped_bit(call: Call, copy: Path, source: Path) -> None:
    model = (copy / "best").resolve() / "model.safetensors"
    content = bytearray(model.read_bytes())
    content[-100] ^= 4
    model.write_bytes(content)
    assert "model.safetensors is damaged" in call("generate", f"checkpoint={copy}", f"input={source}").refused()


def test_a_checkpoint_of_another_version(call: Call, copy: Path, source: Path) -> None:
    file = (copy / "best").resolve() / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 99}))
    assert "has format version 99" in call("generate", f"checkpoint={copy}", f"input={source}").refused()


@pytest.mark.parametrize("name", ["nowhere", ".", "source.en"])
def test_no_checkpoint(call: Call, source: Path, tmp_path: Path, name: str) -> None:
    message = call("generate", f"checkpoint={tmp_path / name}", f"input={source}").refused()
    assert "name a run directory or a checkpoint directory" in message


def test_no_checkpoint_named(call: Call, source: Path) -> None:
    assert "checkpoint" in call("generate", f"input={source}").refused()


def test_a_broken_best_link_falls_back_to_last(call: Call, copy: Path, source: Path) -> None:
    (copy / "best").unlink()
    (copy / "best").symlink_to("checkpoints/update-99999999")
    assert call("generate", f"checkpoint={copy}", f"input={source}", "generation.max_len_b=5").code == 0
