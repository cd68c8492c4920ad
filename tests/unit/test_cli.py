import os
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from seqtrain import __version__, cli
from seqtrain.cli import in_lines, split_command
from seqtrain.commands._words import quote_path, read_words
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
        (
            ["fairseq-generate", "bin", "--beam", "5"],
            "fairseq-generate: write generate, with split=test for a set of the task; format=fairseq writes its lines\n"
            "--beam 5: write generation.beam=5\nbin: leave it out: the checkpoint knows it; to decode a set of it",
        ),
        (["xyz"], "'xyz' is no command and no KEY=VALUE; Commands: "),
    ],
)
def test_words_that_are_neither(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        split_command(arguments)
    assert message in str(error.value)


def test_words_after_the_first() -> None:
    with pytest.raises(ConfigError, match=r"^'file' is no KEY=VALUE; quote values that hold spaces$"):
        read_words(["input=my", "file"], "generate")


def test_a_run_that_is_given_without_its_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^'{tmp_path}' is no KEY=VALUE; a run is given as checkpoint={tmp_path}$"):
        read_words([str(tmp_path), "input=-", "checkpoint=x"], "generate")


def test_flags_may_stand_anywhere() -> None:
    words = read_words(["training.seed=1,2", "-m", "task.data=a b", "-cn", "mine", "x=1"], "config")
    assert (words.config_name, words.flags.multirun) == ("mine", True)
    assert words.overrides == ["training.seed=1,2", "task.data='a b'", "x=1"]
    assert words.as_typed == ["-m", "-cn", "mine", *words.overrides]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-tokens", "4096", "training.sed=1"], "--max-tokens 4096: write dataset.max_tokens=4096"),
        (["--max_update=3", "training.sed=1"], "--max_update=3: write training.max_update=3"),
        (["oops", "training.sed=1", "again"], "'oops' is no KEY=VALUE; quote values that hold spaces"),
    ],
)
def test_all_that_is_wrong_with_the_words_and_the_overrides(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_words(words, "config")
    first, *_, last = str(error.value).split("\n")
    assert first.startswith(message)
    assert last.startswith("training.sed=1 (command line): there is no such key")


@pytest.mark.parametrize(
    ("message", "printed"),
    [("one", "one"), ("one\ntwo", "2 mistakes:\n  one\n  two"), ("all:\n  one\n  two", "all:\n  one\n  two")],
)
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


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["hydra.searchpath=my-module"], "hydra.searchpath=[my-module]"),
        (["+hydra.searchpath=[a,b]"], "hydra.searchpath=[a,b]"),
        (["hydra.searchpath=[a]", "hydra.searchpath=[b]"], "hydra.searchpath=[b]"),
        (["hydra.searchpath=${oc.env:DIR}"], "hydra.searchpath=${oc.env:DIR}"),
    ],
)
def test_the_search_path_as_people_write_it(given: list[str], taken: str) -> None:
    assert read_words([*given, "training.seed=1"], "config").overrides == [taken, "training.seed=1"]


def test_a_command_after_an_override() -> None:
    with pytest.raises(ConfigError, match=r"^'plugins' is no KEY=VALUE; a command comes first$"):
        read_words(["training.seed=1", "plugins"], "config")
