import os

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seqtrain import __version__, cli
from seqtrain.cli import check_sweep, check_words, in_lines, jobs, quote_path, split_command
from seqtrain.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("arguments", "command", "rest"),
    [
        ([], "train", []),
        (["training.seed=2"], "train", ["training.seed=2"]),
        (["generate", "input=-"], "generate", ["input=-"]),
        (["train", "generate=1"], "train", ["generate=1"]),
        (["~model.dropout"], "train", ["~model.dropout"]),
        (["--help"], "train", ["--help"]),
        (["evaluate", "--cfg", "job"], "evaluate", ["--cfg", "job"]),
    ],
)
def test_command(arguments: list[str], command: str, rest: list[str]) -> None:
    assert split_command(arguments) == (command, rest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["genrate"], "'genrate' is no command and no KEY=VALUE; did you mean generate? Commands: train, prepare, "),
        (["xyz"], "'xyz' is no command and no KEY=VALUE; Commands: "),
    ],
)
def test_words_that_are_neither(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        split_command(arguments)
    assert message in str(error.value)


@pytest.mark.parametrize("words", [["training.seed=1", "generate"], ["input=my", "file"]])
def test_words_after_the_first(words: list[str]) -> None:
    with pytest.raises(ConfigError, match=f"^'{words[1]}' is no KEY=VALUE; quote values that hold spaces$"):
        check_words(words)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [[]]),
        (["a=1", "b=2"], [["a=1", "b=2"]]),
        (["a=1,2", "b=x"], [["a=1", "b=x"], ["a=2", "b=x"]]),
        (["a=1,2", "b=3,4"], [["a=1", "b=3"], ["a=1", "b=4"], ["a=2", "b=3"], ["a=2", "b=4"]]),
        (["a=range(0,3)"], [["a=0"], ["a=1"], ["a=2"]]),
        (["a=interval(0.1,0.5)"], [["a=0.1"], ["a=0.5"]]),
        (["a=choice(x,y)"], [["a=x"], ["a=y"]]),
        (["a=[1,2]"], [["a=[1,2]"]]),
    ],
)
def test_the_jobs_of_a_sweep(overrides: list[str], expected: list[list[str]]) -> None:
    assert list(jobs(overrides)) == expected


def test_a_large_sweep_has_each_value_once() -> None:
    values = ",".join(map(str, range(10)))
    assert list(jobs([f"a={values}", f"b={values}", "c=1,2"])) == [
        [f"a={n}", f"b={n}", f"c={min(n + 1, 2)}"] for n in range(10)
    ]


def test_all_mistakes_of_a_sweep_before_it_starts() -> None:
    with pytest.raises(ConfigError) as error:
        check_sweep("config", ["model.dropout=0.1,2,x", "training.sed=1"], None)
    assert [line.partition(":")[0] for line in str(error.value).split("\n")] == [
        "training.sed=1 (command line)",
        "model.dropout=2 (command line)",
        "model.dropout=x (command line)",
    ]


@pytest.mark.parametrize(("message", "printed"), [("one", "one"), ("one\ntwo", "2 mistakes:\n  one\n  two")])
def test_several_mistakes_are_counted(message: str, printed: str) -> None:
    assert in_lines(message) == printed


PATHS = st.text(st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1).filter(
    lambda path: path[0] not in "'\"[" and "${" not in path
)
"""Names that a file can have, apart from what Hydra's own notation is for: quotes, lists and interpolations."""


@given(PATHS)
def test_a_path_survives_hydras_grammar(path: str) -> None:
    (override,) = OverridesParser.create().parse_overrides([quote_path(f"input={path}")])
    assert OmegaConf.create({"input": override.value()}).input == path


@pytest.mark.parametrize(
    "argument", ["training.seed=1", "model=a b", "input='a b'", "checkpoint=[a,b]", "input", "input=", "--cfg"]
)
def test_other_arguments_are_left_as_they_are(argument: str) -> None:
    assert quote_path(argument) == argument


def test_interpolations_in_paths_stay_interpolations() -> None:
    assert quote_path("hydra.run.dir=runs/${now:%Y}") == "hydra.run.dir='runs/${now:%Y}'"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--version"])
    assert capsys.readouterr().out == f"seqtrain {__version__}\n"


@pytest.mark.parametrize(
    ("error", "code", "printed"),
    [(DataError("no such"), 2, "seqtrain: no such\n"), (KeyboardInterrupt(), 130, "")],
)
def test_errors_of_users_end_with_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, printed: str
) -> None:
    def fail(arguments: list[str]) -> None:
        raise error

    monkeypatch.setattr(cli, "dispatch", fail)
    with pytest.raises(SystemExit) as end:
        cli.main([])
    assert end.value.code == code
    assert capsys.readouterr().err == printed


def test_the_full_error_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "HYDRA_FULL_ERROR", "1")
    with pytest.raises(ConfigError):
        cli.main(["genrate"])
