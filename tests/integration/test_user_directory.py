"""User directories on ``hydra.searchpath``: which kinds there are, and what is said of mistakes in them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqtrain import composition
from seqtrain.plugins import forget_user_directory, user_directories
from seqtrain.registry import REGISTRIES

Call = Callable[..., Any]

EXAMPLE = Path(__file__).parents[2] / "examples" / "my-module"

PRESET = """from seqtrain.models import register_model_preset
from seqtrain.models.transformer import TransformerConfig

register_model_preset("my_transformer", TransformerConfig(encoder_layers=2, encoder_embed_dim=64, decoder_embed_dim=64))
"""

PLUGIN = '''
from dataclasses import dataclass

from seqtrain.{kind}s import {base}, {base}Config, register_{kind}


@dataclass
class Config({base}Config):
    """A config."""

    mine: int = 4
    """A number."""


@register_{kind}("{name}", Config)
class Plugin({base}):
    """A plug-in of the user's own."""
'''

METHODS = {
    "model": ("Model", "forward"),
    "criterion": ("Criterion", "forward"),
    "task": ("Task", "dataset"),
    "optimizer": ("Optimizer", "load_state_dict, lr, state_dict, step, zero_grad"),
    "lr_scheduler": ("LRScheduler", "lr_at"),
}
"""Base class and required methods of each kind."""

SHORT = [
    "task=translation",
    "tokenizer=char",
    "lr_scheduler=inverse_sqrt",
    "training.max_update=3",
    "validation.final_split=''",
    "dataset.max_tokens=512",
    "training.device=cpu",
]


def forget() -> None:
    """Forget the user directories that are imported, as a new process would not know them."""
    for directory in user_directories():
        forget_user_directory(directory)


@pytest.fixture
def short(data: Path, tmp_path: Path) -> list[str]:
    return [*SHORT, f"task.data={data}", f"hydra.run.dir={tmp_path / 'run'}"]


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """An empty user directory, whose name is no identifier."""
    directory = tmp_path / "user-dir"
    directory.mkdir()
    return directory


@pytest.fixture
def refused(call: Call, user: Path) -> Callable[[], str]:
    """Return the message about the user directory, which starts with a file of it."""

    def refused() -> str:
        message: str = call(f"hydra.searchpath=[{user}]").refused()
        assert message.startswith(f"{user}/"), message
        assert user.resolve() not in user_directories()
        return message.removeprefix(f"{user}/")

    return refused


def plugin(kind: str, name: str, more: str = "") -> str:
    """Return the text of a plug-in."""
    return PLUGIN.format(kind=kind, base=METHODS[kind][0], name=name) + more


def model(name: str) -> str:
    """Return the text of a model."""
    return plugin("model", name, "\n    def forward(self, **_): ...\n")


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


# Kinds of directories


def test_the_directory_of_fairseqs_documentation(run: Call, data: Path, tmp_path: Path) -> None:
    write(tmp_path / "my-module/__init__.py", PRESET)
    command = [f"hydra.searchpath=[{tmp_path / 'my-module'}]", "model=my_transformer", "task=translation"]
    small = ["training.max_update=2", f"task.data={data}", "tokenizer=char", "training.device=cpu"]
    trained = run(*command, *small, "validation.final_split=''", "hydra.run.dir=run", cwd=tmp_path)
    assert trained.code == 0, trained.err
    config = yaml.safe_load((tmp_path / "run/last/config.yaml").read_text())
    assert (config["model"]["_name"], config["model"]["encoder_layers"]) == ("transformer", 2)


def test_a_model_of_the_users_own_trains_resumes_and_decodes(call: Call, short: list[str], tmp_path: Path) -> None:
    search = f"hydra.searchpath=[{EXAMPLE}]"
    trained = call(search, "model=my_gru", "model.embed_dim=8", *short)
    assert trained.code == 0, trained.err
    assert "model my_gru" in trained.out
    forget()  # the run says where it is
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=4")
    assert resumed.code == 0, resumed.err
    (tmp_path / "in").write_text("one\n\ntwenty-two\n")
    options = [f"checkpoint={tmp_path / 'run'}", f"input={tmp_path / 'in'}", "generation.max_len_b=5"]
    decoded = call("generate", *options, search)
    assert decoded.code == 0, decoded.err
    assert len(decoded.out.splitlines()) == 3


def test_a_directory_that_has_moved_is_named_when_resuming(call: Call, short: list[str], tmp_path: Path) -> None:
    moved = shutil.copytree(EXAMPLE, tmp_path / "old")
    assert call(f"hydra.searchpath=[{moved}]", "model=my_gru", "model.embed_dim=8", *short).code == 0
    forget()
    moved.rename(tmp_path / "new")
    run, more = f"resume={tmp_path / 'run'}", "training.max_update=4"
    assert "there is no directory" in call(run, more).refused()
    resumed = call(run, more, f"hydra.searchpath=[{tmp_path / 'new'}]")
    assert resumed.code == 0, resumed.err


def test_a_yaml_preset_of_the_users_model() -> None:
    cfg = composition.compose(["model=my_gru_wide"], searchpath=[EXAMPLE])
    assert (type(cfg.model).__name__, cfg.model.embed_dim) == ("GRUConfig", 128)  # type: ignore[attr-defined]


def test_only_yaml(user: Path) -> None:
    write(user / "optimizer/fast.yaml", "defaults: [adam, _self_]\nbetas: [0.5, 0.6]\n")
    assert composition.compose(["optimizer=fast"], searchpath=[user]).optimizer.betas == [0.5, 0.6]  # type: ignore[attr-defined]


def test_an_experiment(user: Path) -> None:
    write(user / "experiment/mine.yaml", "# @package _global_\ndefaults: [override /model: loose, _self_]\n")
    write(user / "mine.py", model("loose"))
    assert composition.compose(["+experiment=mine"], searchpath=[user]).model.mine == 4  # type: ignore[attr-defined]


def test_loose_files_without_init(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(user / "mine.py", model("loose") + "\nprint('imported')\n")
    assert composition.compose(["model=loose", "model.mine=3"], searchpath=[user]).model.mine == 3  # type: ignore[attr-defined]
    assert capsys.readouterr() == ("", "imported\n")


def test_all_kinds_laid_out_by_group(user: Path) -> None:
    for kind, (_, methods) in METHODS.items():
        lines = "".join(f"\n    {method} = None" for method in methods.split(", "))
        write(user / kind / f"my_{kind}.py", plugin(kind, f"my_{kind}", lines))
        write(user / kind / "of_five.yaml", f"defaults: [my_{kind}, _self_]\nmine: 5\n")
    for choice, number in (("my_{}", 4), ("of_five", 5)):
        overrides = [f"{kind}={choice.format(kind)}" for kind in METHODS]
        cfg = composition.compose([*overrides, "optimizer.lr=1"], searchpath=[user])
        assert [getattr(cfg, kind).mine for kind in METHODS] == [number] * 5


def test_two_directories_of_the_same_name(tmp_path: Path) -> None:
    directories = [tmp_path / parent / "mine" for parent in ("a", "b")]
    for directory in directories:
        write(directory / "__init__.py", model(f"model_{directory.parent.name}"))
    configs = [composition.compose([f"model={name}"], searchpath=directories).model for name in ("model_a", "model_b")]
    assert type(configs[0]).__module__ != type(configs[1]).__module__


def test_a_directory_named_like_a_module_of_python(tmp_path: Path) -> None:
    write(tmp_path / "json" / "__init__.py", f"import json\n\nassert json.loads('1') == 1\n{model('in_json')}")
    composition.compose(["model=in_json"], searchpath=[tmp_path / "json"])
    import json

    assert json.loads("1") == 1


# Mistakes


def test_no_directory(call: Call, tmp_path: Path) -> None:
    missing = f"there is no directory {tmp_path / 'nowhere'}; check the path"
    message = call(f"hydra.searchpath=[{tmp_path / 'nowhere'}]").refused()
    assert message == f"hydra.searchpath (command line): {missing}"
    write(tmp_path / "primary.yaml", f"defaults: [config]\nhydra:\n  searchpath:\n    - {tmp_path}/nowhere\n")
    message = call("--config-dir", tmp_path, "--config-name", "primary").refused()
    assert message == f"hydra.searchpath ({tmp_path}/primary.yaml:4): {missing}"
    write(tmp_path / "primary.yaml", "defaults: [config]\nhydra: {searchpath: ['${oc.env:NOWHERE_4711,nowhere}']}\n")
    message = call("--config-dir", tmp_path, "--config-name", "primary").refused()
    assert message.startswith(f"hydra.searchpath ({tmp_path}/primary.yaml:2): there is no directory ")


def test_a_syntax_error(refused: Callable[[], str], user: Path) -> None:
    write(user / "mine.py", "one = 1\ntwo = = 2\n")
    assert refused() == "mine.py:2: cannot import this plug-in: SyntaxError: invalid syntax"


def test_an_error_on_import(refused: Callable[[], str], user: Path) -> None:
    write(user / "__init__.py", "from . import other\n")
    write(user / "other.py", "\nimport nothing_of_this_name\n")
    assert refused() == (
        "other.py:2: cannot import this plug-in: ModuleNotFoundError: No module named 'nothing_of_this_name', "
        f"imported at {user}/__init__.py:1"
    )


def test_an_exit_on_import(refused: Callable[[], str], user: Path) -> None:
    write(user / "mine.py", "import sys\n\nsys.exit()\n")
    assert refused().startswith("mine.py:3: calls sys.exit() when it is imported")


def test_an_absolute_import_of_itself(refused: Callable[[], str], user: Path) -> None:
    write(user / "one.py", "x = 1\n")
    write(user / "two.py", "\nfrom user_dir.one import x\n")
    assert refused().startswith(
        "two.py:2: `from user_dir.one import x` imports this directory by an absolute name; its modules import each "
        "other relatively: "
    )


@pytest.mark.parametrize("name", ["transformer", "twice"])
def test_a_name_that_is_taken(refused: Callable[[], str], user: Path, name: str) -> None:
    write(user / "one.py", model(name))
    write(user / "two.py", model(name))
    first, place = refused().split(" is registered already, in ")
    assert first == (f"one.py:15: model {name!r}" if name == "transformer" else f"two.py:15: model {name!r}")
    assert place.startswith(f"{user}/one.py:15" if name == "twice" else str(Path(composition.__file__).parent))


@pytest.mark.parametrize("kind", METHODS)
def test_a_class_that_lacks_a_required_method(refused: Callable[[], str], user: Path, kind: str) -> None:
    write(user / "mine.py", plugin(kind, "lacking"))
    assert refused() == f"mine.py:15: {kind} 'lacking': Plugin lacks the required {METHODS[kind][1]}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("@dataclass\n", "", "its config Config is no dataclass: write @dataclass above it"),
        ("class Config(ModelConfig)", "class Config", "its config Config must be a dataclass derived from ModelConfig"),
        (", Config)\nclass Plugin(Model)", ", Config)\nclass Plugin", "Plugin must derive from Model"),
    ],
)
def test_a_wrong_base(refused: Callable[[], str], user: Path, old: str, new: str, message: str) -> None:
    text = model("wrong")
    assert old in text
    write(user / "mine.py", text.replace(old, new))
    assert refused() == f"mine.py:{15 - (not new)}: model 'wrong': {message}"


def test_the_wrong_decorator(refused: Callable[[], str], user: Path) -> None:
    text = model("wrong").replace("@register_model", "@register")
    write(user / "mine.py", f"from seqtrain.criterions import register_criterion as register\n{text}")
    assert refused() == "mine.py:16: criterion 'wrong': Plugin must derive from Criterion; it is for register_model"


@pytest.mark.parametrize("name", ["transformer", "transformer_tiny", "mine"])
def test_a_yaml_that_hydra_would_ignore(refused: Callable[[], str], user: Path, name: str) -> None:
    write(user / "mine.py", model("mine"))
    write(user / "model" / f"{name}.yaml", "defaults: [transformer, _self_]\n")
    assert refused().startswith(f"model/{name}.yaml:1: model/{name} is there already, in ")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two user directories: a YAML preset, and a model of the same name."""
    write(tmp_path / "one/model/same.yaml", "defaults: [transformer, _self_]\n")
    write(tmp_path / "two/model/same.py", model("same"))
    return tmp_path / "one", tmp_path / "two"


@pytest.mark.parametrize("order", [1, -1])
def test_yaml_and_python_of_one_name_in_two_directories(call: Call, two: tuple[Path, Path], order: int) -> None:
    one, other = two
    searchpath = "hydra.searchpath=[{},{}]".format(*two[::order])
    assert call(searchpath, "model=same").refused() == (
        f"{one}/model/same.yaml:1: model/same is there already, in {other}/model/same.py:15; "
        "give this file another name"
    )
    assert not user_directories() and "same" not in REGISTRIES["model"].names()
    write(other / "model/same.py", model("another"))
    assert call(searchpath, "model=same", "--cfg", "job").code == 0


def test_one_name_twice_in_two_directories(call: Call, two: tuple[Path, Path]) -> None:
    one, other = two
    searchpath = f"hydra.searchpath=[{one},{other}]"
    (other / "model/same.py").rename(other / "model/same.yaml")
    assert call(searchpath).refused() == (
        f"{other}/model/same.yaml:1: model/same is there already, in {one}/model/same.yaml; give this file another name"
    )
    (other / "model/same.yaml").rename(other / "same.py")
    (one / "model/same.yaml").unlink()
    write(one / "__init__.py", model("same"))
    assert call(searchpath).refused() == (
        f"{other}/same.py:15: model 'same' is registered already, in {one}/__init__.py:15"
    )


def test_the_command_line_replaces_the_directories_of_a_primary_config(
    call: Call, two: tuple[Path, Path], tmp_path: Path
) -> None:
    assert composition.compose_node("config", []).hydra.searchpath == []
    write(tmp_path / "primary.yaml", f"defaults: [config, _self_]\nhydra: {{searchpath: [{two[0]}]}}\n")
    primary = ["--config-dir", tmp_path, "--config-name", "primary", "--cfg", "job", "-p", "model"]
    assert "_name: transformer" in call(*primary, "model=same").out
    assert "_name: same" in call(*primary, "model=same", f"hydra.searchpath=[{two[1]}]").out
    assert list(user_directories()) == list(two)


@pytest.mark.parametrize("text", ["mine: 3\n", "{}\n", "_name: transformer\n"])
def test_a_yaml_based_on_nothing(call: Call, user: Path, text: str) -> None:
    write(user / "model/bare.yaml", text)
    message = call(f"hydra.searchpath=[{user}]", "model=bare").refused()
    assert "defaults: [NAME, _self_]" in message


def test_all_directories_that_fail_are_named_and_the_others_load(call: Call, user: Path, tmp_path: Path) -> None:
    write(tmp_path / "bad/mine.py", "=\n")
    write(tmp_path / "worse/mine.py", "1 / 0\n")
    write(user / "mine.py", model("good"))
    message = call(f"hydra.searchpath=[{tmp_path}/bad,{tmp_path}/nowhere,{user},{tmp_path}/worse]").refused()
    lines = [line.strip() for line in message.splitlines() if "mistakes" not in line]
    assert lines == [
        f"{tmp_path}/bad/mine.py:1: cannot import this plug-in: SyntaxError: invalid syntax",
        f"hydra.searchpath (command line): there is no directory {tmp_path}/nowhere; check the path",
        f"{tmp_path}/worse/mine.py:1: cannot import this plug-in: ZeroDivisionError: division by zero",
    ]
    assert list(user_directories()) == [user]


def test_after_an_error_is_mended_the_directory_imports(refused: Callable[[], str], user: Path) -> None:
    write(user / "one.py", model("mended"))
    write(user / "two.py", "=\n")
    refused()
    assert "mended" not in REGISTRIES["model"].names()
    write(user / "two.py", "")
    composition.compose(["model=mended"], searchpath=[user])


def test_a_sweep_with_an_error_starts_nothing(run: Call, tmp_path: Path) -> None:
    write(tmp_path / "bad/mine.py", "=\n")
    ended = run("-m", "hydra.searchpath=[bad]", "training.seed=1,2", *SHORT, cwd=tmp_path)
    assert f"{tmp_path / 'bad/mine.py'}:1: cannot import this plug-in" in ended.refused()
    assert not (tmp_path / "runs").exists() and not (tmp_path / "multirun").exists()
