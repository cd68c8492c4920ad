"""``seqtrain check`` on user directories."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seqtrain import plugins
from seqtrain.commands import check
from seqtrain.commands.check import Candidate
from seqtrain.errors import PluginError

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "my-module"
BROKEN = ROOT / "tests" / "fixtures" / "broken_plugins"

Run = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Forget the directories that a test imports."""
    before = set(plugins.user_directories())
    yield
    for directory in set(plugins.user_directories()) - before:
        plugins.forget_user_directory(directory)


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """A directory with a sound schedule, one with a fault, and a preset of the first."""
    directory = tmp_path / "my-module"
    (directory / "lr_scheduler").mkdir(parents=True)
    for name in ("healthy_schedule", "schedule_with_hidden_state"):
        shutil.copy(BROKEN / f"{name}.py", directory)
    (directory / "lr_scheduler/mine.yaml").write_text("defaults: [healthy_schedule, _self_]\n")
    return directory


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command; return its exit code and what it printed."""

    def run(*arguments: object) -> tuple[int, str]:
        capsys.readouterr()
        code = 0
        try:
            check.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        return code, capsys.readouterr().out

    return run


def test_what_holds_and_what_does_not(run: Run, user: Path) -> None:
    code, out = run(user)
    assert code == 1
    lines = out.splitlines()
    assert f"lr_scheduler/healthy_schedule  {user / 'healthy_schedule.py'}:14" in lines
    assert f"lr_scheduler/mine  {user / 'lr_scheduler/mine.yaml'}" in lines
    (broken,) = [line for line in lines if " is broken: " in line]
    assert broken == (
        "lr_scheduler/schedule_with_hidden_state: resume is broken: the rate is 0.970874 after a resume, 0.242718 "
        "before: return from state_dict all that lr_at depends on"
    )
    assert lines[-1] == "not all guarantees hold for 1 of 3: lr_scheduler/schedule_with_hidden_state"


def test_one_plugin_or_one_kind(run: Run, user: Path) -> None:
    code, out = run(user, "lr_scheduler/mine", "lr_scheduler/healthy_schedule")
    assert code == 0
    assert out.splitlines()[-1] == "all guarantees hold: lr_scheduler/healthy_schedule, lr_scheduler/mine"
    assert run(user, "lr_scheduler")[0] == 1


def test_the_example_with_overrides(run: Run) -> None:
    code, out = run(EXAMPLE, "model/my_gru", "model.embed_dim=8", "criterion.label_smoothing=0.3")
    assert code == 0, out
    table = {line[:25].strip(): line[25:].split("  ")[0].strip() for line in out.splitlines()[1:]}
    assert table["causality"] == table["compiles"] == table["gradients"] == "holds"
    assert table["incremental decoding"] == "not concerned"


def test_an_override_that_does_not_fit_is_told(run: Run, user: Path) -> None:
    code, out = run(user, "lr_scheduler/mine", "lr_scheduler.speed=3")
    assert code == 1
    assert "lr_scheduler/mine: composes is broken: lr_scheduler.speed" in out


def test_after_the_time_is_over(run: Run, user: Path) -> None:
    code, out = run(user, "lr_scheduler/mine", "--seconds", "0")
    assert code == 1
    assert "lr_scheduler/mine: config is not run: 0 seconds are over" in out


def test_a_name_that_is_not_there(user: Path) -> None:
    with pytest.raises(PluginError, match=r"^lr_scheduler/mien: .* did you mean lr_scheduler/mine\? there are: "):
        check.main([str(user), "lr_scheduler/mien"])


def test_nothing_to_check(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="registers no plug-in and has no YAML in model, criterion, task"):
        check.main([str(tmp_path)])


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="there is no directory"):
        check.main([str(tmp_path / "nowhere")])


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        check.main([])
    assert end.value.code == 2
    assert "usage: seqtrain check" in capsys.readouterr().err


def test_a_plugin_is_called_by_kind_and_name() -> None:
    assert str(Candidate("model", "mine", "FILE:1")) == "model/mine"
