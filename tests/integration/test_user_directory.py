"""User directories on ``hydra.searchpath``: Python and YAML of users, imported before the config is composed."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtrain import composition, plugins
from seqtrain.registry import REGISTRIES

Call = Callable[..., Any]

EXAMPLE = Path(__file__).parents[2] / "examples" / "my-module"

LINEAR = '''
from dataclasses import dataclass

from torch import nn

from seqtrain.models import Model, ModelConfig, register_model


@dataclass
class Config(ModelConfig):
    """A config."""

    dim: int = 4
    """Dimension."""


@register_model("NAME", Config)
class Linear(Model):
    """Predicts the next token from the one before."""

    def __init__(self, cfg, task):
        super().__init__(cfg, task)
        self.embedding = nn.Embedding(len(task.target_dictionary), cfg.dim)
        self.output = nn.Linear(cfg.dim, len(task.target_dictionary))

    def forward(self, prev_output_tokens, **_):
        return self.output(self.embedding(prev_output_tokens))
'''

SHORT = [
    "task=translation",
    "tokenizer=char",
    "lr_scheduler=inverse_sqrt",
    "training.max_update=3",
    "validation.final_split=''",
    "dataset.max_tokens=512",
    "training.device=cpu",
]


def forget(before: set[str]) -> None:
    """Forget the user directories that were imported since there were the modules ``before``."""
    for name in set(sys.modules) - before:
        if name.startswith("seqtrain.user."):
            del sys.modules[name]
    plugins._user_packages.clear()


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Leave nothing registered for other tests, and nothing on Python's path."""
    composition.register_all()
    modules, path = set(sys.modules), list(sys.path)
    packages = dict(plugins._user_packages)
    snapshots = {kind: registry.snapshot() for kind, registry in REGISTRIES.items()}
    yield
    assert sys.path == path
    forget(modules)
    plugins._user_packages.update(packages)
    for kind, snapshot in snapshots.items():
        REGISTRIES[kind].restore(snapshot)


@pytest.fixture
def short(data: Path, tmp_path: Path) -> list[str]:
    return [*SHORT, f"task.data={data}", f"hydra.run.dir={tmp_path / 'run'}"]


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """An empty user directory."""
    directory = tmp_path / "user-dir"
    directory.mkdir()
    return directory


def linear(file: Path, name: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(LINEAR.replace("NAME", name))


def test_the_example_in_processes_from_another_directory(run: Call, data: Path, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "my-module")
    search = "hydra.searchpath=[my-module]"
    trained = run(search, "model=my_transformer", *SHORT, f"task.data={data}", "hydra.run.dir=run", cwd=tmp_path)
    assert trained.code == 0, trained.err
    assert "model transformer" in trained.out
    assert (tmp_path / "run/last/model.safetensors").is_file()


def test_a_model_of_the_users_own_trains_resumes_and_decodes(call: Call, short: list[str], tmp_path: Path) -> None:
    search = f"hydra.searchpath=[{EXAMPLE}]"
    before = set(sys.modules)
    snapshots = {kind: registry.snapshot() for kind, registry in REGISTRIES.items()}
    trained = call(search, "model=my_gru", "model.embed_dim=8", *short)
    assert trained.code == 0, trained.err
    assert "model my_gru" in trained.out
    # As a new process would: nothing of the directory is there; the run says where it is.
    forget(before)
    for kind, snapshot in snapshots.items():
        REGISTRIES[kind].restore(snapshot)
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=4")
    assert resumed.code == 0, resumed.err
    (tmp_path / "in").write_text("one\n\ntwenty-two\n")
    options = [f"checkpoint={tmp_path / 'run'}", f"input={tmp_path / 'in'}", "generation.max_len_b=5"]
    decoded = call("generate", *options, search)
    assert decoded.code == 0, decoded.err
    assert len(decoded.out.splitlines()) == 3


def test_a_directory_that_has_moved_is_named_when_resuming(call: Call, short: list[str], tmp_path: Path) -> None:
    before, moved = set(sys.modules), shutil.copytree(EXAMPLE, tmp_path / "old")
    snapshots = {kind: registry.snapshot() for kind, registry in REGISTRIES.items()}
    assert call(f"hydra.searchpath=[{moved}]", "model=my_gru", "model.embed_dim=8", *short).code == 0
    forget(before)
    for kind, snapshot in snapshots.items():
        REGISTRIES[kind].restore(snapshot)
    moved.rename(tmp_path / "new")
    run, more = f"resume={tmp_path / 'run'}", "training.max_update=4"
    assert "there is no directory" in call(run, more).refused()
    resumed = call(run, more, f"hydra.searchpath=[{tmp_path / 'new'}]")
    assert resumed.code == 0, resumed.err


def test_a_checkpoint_names_the_plugin_it_lacks(call: Call, short: list[str], tmp_path: Path) -> None:
    before = set(sys.modules)
    snapshots = {kind: registry.snapshot() for kind, registry in REGISTRIES.items()}
    assert call(f"hydra.searchpath=[{EXAMPLE}]", "model=my_gru", "model.embed_dim=8", *short).code == 0
    forget(before)
    for kind, snapshot in snapshots.items():
        REGISTRIES[kind].restore(snapshot)
    message = call("generate", f"checkpoint={tmp_path / 'run'}", "input=-").refused()
    assert "no model is registered as 'my_gru'" in message and "hydra.searchpath=[DIR]" in message


def test_a_yaml_preset_of_the_users_model() -> None:
    cfg = composition.compose(["model=my_gru_wide"], searchpath=[EXAMPLE])
    assert (type(cfg.model).__name__, cfg.model.embed_dim) == ("GRUConfig", 128)  # type: ignore[attr-defined]


def test_only_yaml(user: Path) -> None:
    (user / "optimizer").mkdir()
    (user / "optimizer/fast.yaml").write_text("defaults: [adam, _self_]\nbetas: [0.5, 0.6]\n")
    assert composition.compose(["optimizer=fast"], searchpath=[user]).optimizer.betas == [0.5, 0.6]  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["mine.py", "model/mine.py"])
def test_loose_files_without_init(user: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    linear(user / place, "loose")
    with (user / place).open("a") as file:
        file.write("\nprint('imported')\n")
    assert composition.compose(["model=loose", "model.dim=3"], searchpath=[user]).model.dim == 3  # type: ignore[attr-defined]
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "imported\n")


def test_two_directories_of_the_same_name(tmp_path: Path) -> None:
    for parent in ("a", "b"):
        (tmp_path / parent).mkdir()
        linear(tmp_path / parent / "mine" / "__init__.py", f"model_{parent}")
    directories = [tmp_path / parent / "mine" for parent in ("a", "b")]
    for name in ("model_a", "model_b"):
        composition.compose([f"model={name}"], searchpath=directories)


def test_a_directory_named_like_a_module_of_python(tmp_path: Path) -> None:
    linear(tmp_path / "json" / "__init__.py", "in_json")
    composition.compose(["model=in_json"], searchpath=[tmp_path / "json"])
    import json

    assert json.loads("1") == 1


def test_no_directory(call: Call, short: list[str], tmp_path: Path) -> None:
    message = call(*short, f"hydra.searchpath=[{tmp_path / 'nowhere'}]").refused()
    assert message == f"hydra.searchpath: there is no directory {tmp_path / 'nowhere'}; check the path"


def test_a_syntax_error_is_named_by_file_and_line(call: Call, short: list[str], user: Path) -> None:
    (user / "mine.py").write_text("one = 1\ntwo = = 2\n")
    message = call(*short, f"hydra.searchpath=[{user}]").refused()
    assert message.startswith(f"{user / 'mine.py'}:2: cannot import this plug-in: SyntaxError")
    assert "\n" not in message


def test_an_error_on_import_is_named_by_file_and_line(call: Call, short: list[str], user: Path) -> None:
    (user / "__init__.py").write_text("from . import other\n")
    (user / "other.py").write_text("\nimport nothing_of_this_name\n")
    message = call(*short, f"hydra.searchpath=[{user}]").refused()
    assert message.startswith(f"{user / 'other.py'}:2: cannot import this plug-in: ModuleNotFoundError")


@pytest.mark.parametrize("name", ["transformer", "twice"])
def test_a_name_that_is_taken(call: Call, short: list[str], user: Path, name: str) -> None:
    linear(user / "one.py", name)
    linear(user / "two.py", name)
    message = call(*short, f"hydra.searchpath=[{user}]").refused()
    assert f"model {name!r} is registered already, in " in message and "\n" not in message


def test_after_an_error_is_mended_the_directory_imports(call: Call, short: list[str], user: Path) -> None:
    linear(user / "one.py", "mended")
    (user / "two.py").write_text("=\n")
    call(*short, f"hydra.searchpath=[{user}]").refused()
    assert "mended" not in REGISTRIES["model"].names()
    (user / "two.py").write_text("")
    composition.compose(["model=mended"], searchpath=[user])


@pytest.mark.parametrize("text", ["dim: 3\n", "{}\n", "_name: transformer\n"])
def test_a_yaml_based_on_nothing(call: Call, short: list[str], user: Path, text: str) -> None:
    (user / "model").mkdir()
    (user / "model/bare.yaml").write_text(text)
    message = call(*short, f"hydra.searchpath=[{user}]", "model=bare").refused()
    assert "defaults: [NAME, _self_]" in message


def test_a_sweep_with_an_error_starts_nothing(run: Call, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/mine.py").write_text("=\n")
    ended = run("-m", "hydra.searchpath=[bad]", "training.seed=1,2", *SHORT, cwd=tmp_path)
    assert (ended.code, ended.out) != (0, "")
    assert f"{tmp_path / 'bad/mine.py'}:1: cannot import this plug-in" in ended.err
    assert not (tmp_path / "runs").exists()
