"""``generate`` asked for outputs that begin with something, and inputs that it reads ahead."""

import os
import pty
import signal
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE
from typing import IO, Any

import pytest

from seqtrain.data.number_names import german

Call = Callable[..., Any]

LINES = ["two hundred", "", "one", "ninety-nine"]
PREFIXES = ["zwei", "drei", "", "neun"]


def write(file: Path, lines: list[str]) -> Path:
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write(tmp_path / "source", LINES)


@pytest.mark.parametrize("form", ["text", "fairseq"])
def test_outputs_begin_with_prefixes(generate: Call, source: Path, tmp_path: Path, form: str) -> None:
    prefix = write(tmp_path / "prefix", PREFIXES)
    plain, asked = (generate(f"input={source}", f"format={form}", *words).out for words in ([], [f"prefix={prefix}"]))
    texts, without = (
        [line.split("\t")[-1] for line in found.splitlines() if form == "text" or line.startswith("D-")]
        for found in (asked, plain)
    )
    assert texts[0].startswith("zwei") and texts[3].startswith("neun")
    assert texts[1:3] == ["", without[2]] and texts != without


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (3, "prefix={prefix} ends after line 3, and input={source} goes on: there must be a prefix a line"),
        (0, "prefix={prefix} ends after line 0, and input={source} goes on: there must be a prefix a line"),
        (5, "input={source} ends after line 4, and prefix={prefix} goes on: there must be a prefix a line"),
    ],
)
def test_a_prefix_for_each_line(generate: Call, source: Path, tmp_path: Path, count: int, message: str) -> None:
    prefix = write(tmp_path / "prefix", [*PREFIXES, "fünf"][:count])
    result = generate(f"input={source}", f"prefix={prefix}", f"output={tmp_path / 'out'}")
    assert result.refused() == message.format(prefix=prefix, source=source)
    assert not (tmp_path / "out").exists()


def test_a_prefix_over_the_limit_of_length(generate: Call, source: Path, tmp_path: Path) -> None:
    # Characters are tokens, and fixtures limit outputs to 20.
    prefix = write(tmp_path / "prefix", ["a" * 20, "", "a" * 21, "b" * 30])
    result = generate(f"input={source}", f"prefix={prefix}", f"output={tmp_path / 'out'}")
    mistakes = result.refused()
    assert "line 3: its prefix has 21 tokens, and outputs have at most 20 " in mistakes
    assert "line 4: its prefix has 30 tokens" in mistakes and "line 1:" not in mistakes
    assert not (tmp_path / "out").exists()


def test_the_beginnings_of_references(generate: Call) -> None:
    outputs = generate("split=test", "generation.prefix_size=4").out.splitlines()
    references = [german(number) for number in range(280, 301)]
    assert [output[:4] for output in outputs] == [reference[:4] for reference in references]
    assert outputs != generate("split=test").out.splitlines()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["split=test", "prefix=FILE"], "prefix=FILE goes with input=FILE; with split=test set generation.prefix_size"),
        (["generation.prefix_size=2"], "generation.prefix_size=2 needs references: set split=test"),
        (["prefix=-"], "input=- and prefix=- both read standard input"),
    ],
)
def test_what_does_not_go_together(generate: Call, words: list[str], message: str) -> None:
    assert message in generate(*words).refused()


def test_outputs_contain_constraints(generate: Call, tmp_path: Path) -> None:
    lines = ["two hundred\tzwei\tneun", "", "one", "ninety-nine\t", "one\tneun\tzwei", "one\tneun\tzwei"]
    source = write(tmp_path / "constrained", lines)
    options = [f"input={source}", "generation.beam=4", "format=fairseq"]
    for order in ("ordered", "unordered"):
        found = generate(*options, f"generation.constraints={order}").out.splitlines()
        texts = [line.split("\t")[-1] for line in found if line.startswith("D-")]
        assert len(texts) == len(lines)
        assert all("zwei" in texts[number] and "neun" in texts[number] for number in (0, 4, 5))
        if order == "ordered":
            assert texts[0].index("zwei") < texts[0].index("neun") and texts[4].index("neun") < texts[4].index("zwei")
        assert [line for line in found if line[0] in "SC"][:5] == [
            "S-0\ttwo hundred",
            "C-0\tzwei",
            "C-0\tneun",
            "S-1\t",
            "S-2\tone",
        ]
    # The others are decoded as if there were none.
    plain = generate(f"input={write(tmp_path / 'plain', ['one', 'ninety-nine'])}", "generation.beam=4").out
    assert [texts[2], texts[3]] == plain.splitlines()


def test_a_constraint_that_no_output_can_have(generate: Call, tmp_path: Path) -> None:
    source = write(tmp_path / "source", ["one\teins", "two\t日本\tzwei", "three"])
    result = generate(f"input={source}", f"output={tmp_path / 'out'}", "generation.constraints=ordered")
    expected = "line 2: no output can have the constraint '日本': the target dictionary does not know all of it"
    assert result.refused() == expected
    assert not (tmp_path / "out").exists()


def test_constraints_of_a_split(generate: Call) -> None:
    message = generate("split=test", "generation.constraints=unordered").refused()
    assert message.startswith("generation.constraints=unordered reads lines with constraints: set input=FILE")


ANSWERS = ["generation.beam=2", "generation.max_len_b=20", "device=cpu"]


def test_a_pipe_that_waits_for_each_answer(start: Call, generate: Call, trained: Path, source: Path) -> None:
    expected = generate(f"input={source}").out.splitlines()
    with start(
        "generate", f"checkpoint={trained}", "buffer_size=1", *ANSWERS, cwd=source.parent, stdin=PIPE
    ) as process:
        found = []
        for line in LINES:
            process.stdin.write(f"{line}\n".encode())
            process.stdin.flush()
            found.append(process.stdout.readline().decode().removesuffix("\n"))
        process.stdin.close()
        assert process.stderr.read() == b""
    assert (process.returncode, found) == (0, expected)


@pytest.fixture
def terminal(start: Call, trained: Path, tmp_path: Path) -> Iterator[tuple[Any, IO[bytes]]]:
    """The program at a terminal, and the other end of it."""
    ours, theirs = pty.openpty()
    attributes = termios.tcgetattr(theirs)
    attributes[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, attributes)
    process = start("generate", f"checkpoint={trained}", *ANSWERS, cwd=tmp_path, stdin=theirs, stdout=theirs)
    os.close(theirs)
    with open(ours, "r+b", buffering=0) as end, process:
        yield process, end
        process.kill()


def ask(end: IO[bytes], line: str) -> str:
    """Type a line, and return the one that answers it."""
    end.write(f"{line}\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n"):
        answer += end.read(1)
    return answer.decode().removesuffix("\r\n")


def test_a_terminal_is_answered_line_by_line(terminal: tuple[Any, IO[bytes]], generate: Call, source: Path) -> None:
    process, end = terminal
    assert [ask(end, line) for line in LINES] == generate(f"input={source}").out.splitlines()
    end.write(b"\x04")  # end of input
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == b""


def test_an_interrupt_at_a_terminal(terminal: tuple[Any, IO[bytes]]) -> None:
    process, end = terminal
    ask(end, "one")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert process.stderr.read() == b""
