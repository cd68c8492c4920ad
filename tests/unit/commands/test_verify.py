from pathlib import Path

import pytest

from seqtrain.commands import verify
from seqtrain.commands._causes import When
from seqtrain.errors import ConfigError
from seqtrain.training.trace import Difference, Kind, Record


def test_words_of_its_own_and_those_for_training() -> None:
    words = ["--config-dir", "there", "updates=3", "model=x", "keep=a b", "--config-name=mine", "~tokenizer"]
    options, rest = verify.parse(words)
    assert (options.updates, options.keep, options.trace) == (3, Path("a b"), None)
    assert rest == ["--config-dir", "there", "model=x", "--config-name=mine", "~tokenizer"]
    assert verify.parse([])[0].updates == 20
    assert verify.parse(["keep=~/a", "keep=~/b"])[0].keep == Path.home() / "b"


@pytest.mark.parametrize("value", ["", "0", "1", "-3", "2.5", "ten", "²"])
def test_a_length_that_is_none(value: str) -> None:
    with pytest.raises(ConfigError, match="at least 2 for a stop in the middle"):
        verify.parse([f"updates={value}"])


@pytest.mark.parametrize("code", [0, 1, 2])
def test_a_temporary_directory_stays_only_for_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit), verify.directory_for(None) as directory:
        raise SystemExit(code)
    assert directory.exists() == (code == 1)


def test_things_in_another_order(capsys: pytest.CaptureFixture[str]) -> None:
    one = Record(1, 2, Kind.output, "model.a", "float32[] 1")
    with pytest.raises(SystemExit):
        verify._fail(Difference(one, one._replace(name="model.b")), When.hash_seed, "run 2", [Path("a.jsonl")])
    assert capsys.readouterr().out.splitlines()[:3] == [
        "run 2 differs from run 1",
        "  run 1:      update 1, micro-batch 2, output of model.a: float32[] 1",
        "  run 2:      update 1, micro-batch 2, output of model.b: float32[] 1",
    ]


def test_a_trace_that_ends_before_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    one = Record(1, 0, Kind.metric, "valid/loss", "1.0")
    with pytest.raises(SystemExit):
        verify._fail(Difference(one, None, after_resume=True), When.resume, "run 3", [])
    out = capsys.readouterr().out
    assert out.startswith("run 3 differs from run 1 after the resume\n") and "  run 3:      has ended\n" in out
