"""What computes nothing imports no torch, and knows the same configs as what does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from seqtrain.composition import searchpath_override
from seqtrain.plugins import PACKAGES, builtin_names
from seqtrain.without_torch import HEAVY

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "my-module"

REGISTER = """
import sys
before = set(sys.modules)
from seqtrain import plugins, without_torch
light = set(sys.modules)
without_torch.register(plugins.import_builtin)
"""

DUMP = """
import json
from hydra.core.config_store import ConfigNode, ConfigStore
from omegaconf import OmegaConf
from seqtrain.fields import describe_fields
from seqtrain.registry import REGISTRIES

def nodes(repo, path):
    for name, node in repo.items():
        if not isinstance(node, ConfigNode):
            yield from nodes(node, f"{path}{name}/")
        elif node.provider == "seqtrain":
            yield path + name, (str(OmegaConf.get_type(node.node)), OmegaConf.to_yaml(node.node))

entries = [(kind, registry.entry(name)) for kind, registry in REGISTRIES.items() for name in registry.names()]
print(json.dumps({
    "nodes": dict(nodes(ConfigStore.instance().repo, "")),
    "plugins": {f"{kind}/{e.name}": [e.where, e.cls.__doc__, str(e.config_type)] for kind, e in entries},
    "fields": {f"{kind}/{e.name}": str(describe_fields(e.config_type)) for kind, e in entries},
    "bases": {f"{kind}/{e.name}": [c.__name__ for c in e.cls.__mro__
              if c.__module__.startswith("seqtrain.") and c.__module__ != "seqtrain.without_torch"]
              for kind, e in entries},
    "heavy": sorted({name.partition(".")[0] for name in sys.modules} & set(without_torch.HEAVY)),
}))
"""


@cache
def dump(code: str) -> dict[str, Any]:
    """Return what a process knows of configs after running some code."""
    result: dict[str, Any] = json.loads(in_a_process(code + DUMP))
    return result


def in_a_process(code: str, *arguments: str, cwd: Path = ROOT) -> str:
    """Return what Python prints that has imported nothing yet."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def without() -> dict[str, Any]:
    return dump(REGISTER)


def for_real() -> dict[str, Any]:
    return dump(f"import torch\n{REGISTER}")


def undone() -> dict[str, Any]:
    return dump(f"{REGISTER}\nassert without_torch.undo()")


def test_one_of_them_imports_no_torch() -> None:
    assert without()["heavy"] == []
    assert {"torch", "numpy"} <= set(for_real()["heavy"])


@pytest.mark.parametrize("process", [without, undone])
@pytest.mark.parametrize("what", ["nodes", "plugins", "fields", "bases"])
def test_the_same_is_registered(process: Callable[[], dict[str, Any]], what: str) -> None:
    assert process()[what] == for_real()[what]


def test_that_is_every_builtin_plugin() -> None:
    expected = {f"{kind}/{name}" for kind in PACKAGES for name in builtin_names(kind)}
    assert set(without()["plugins"]) == expected
    assert {f"{name}.yaml" for name in expected} <= set(without()["nodes"])


def test_no_other_package_sees_a_stand_in() -> None:
    """One that plug-ins import and that imports a heavy one in turn has to be named in HEAVY as well."""
    printed = in_a_process(
        f"{REGISTER}\nprint(*sorted({{name.partition('.')[0] for name in set(sys.modules) - light}}))"
    )
    assert set(printed.split()) <= {"seqtrain", *sys.stdlib_module_names}


def test_plugins_build_and_train_after_all() -> None:
    code = (
        f"{REGISTER}\n"
        "old = sys.modules['seqtrain.models.transformer'].Transformer\n"
        "assert without_torch.undo()\n"
        "import torch\n"
        "from seqtrain.registry import REGISTRIES\n"
        "new = REGISTRIES['model'].entry('transformer').cls\n"
        "assert new is not old and issubclass(new, torch.nn.Module)\n"
        "from seqtrain.models.transformer import Transformer\n"
        "from seqtrain.composition import compose\n"
        "cfg = compose(['model=transformer_tiny'])\n"
        "assert Transformer is new and REGISTRIES['model'].entry_of(cfg.model).cls is new\n"
        "REGISTRIES['optimizer'].build(cfg.optimizer, [('w', torch.nn.Parameter(torch.ones(1)))])\n"
    )
    in_a_process(code)


LIGHT: list[tuple[str, int]] = [
    ("--version", 0),
    ("--help", 0),
    ("--help model=transformer", 0),
    ("generate --help", 0),
    ("plugins", 0),
    ("plugins model/transformer", 0),
    ("explain optimizer.lr", 0),
    ("schema", 0),
    ("--cfg job", 0),
    ("generate --cfg job", 0),
    ("--info defaults", 0),
    ("-sc install=bash", 0),
    ("-sc query=bash", 0),
    ("trian", 2),
    ("modle=transformer", 2),
    ("model=transfromer", 2),
    ("modle.dropout=1", 2),
    ("model.dropout=7", 2),
    ("optimizer.lr=much", 2),
    ("-m model=transformer,nonsense", 2),
    ("--arch transformer", 2),
    ("generate", 2),
    ("generate cheese=1", 2),
    ("hydra.searchpath=[nowhere]", 2),
]


def run_light(arguments: list[str], cwd: Path) -> list[str]:
    """Run the program; return its exit code and which heavy packages it imported."""
    code = (
        "import contextlib, io, sys\n"
        "from seqtrain import cli\n"
        "ended = 0\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):\n"
        "    try:\n"
        "        cli.main(sys.argv[1:])\n"
        "    except SystemExit as end:\n"
        "        ended = end.code or 0\n"
        "from seqtrain.without_torch import HEAVY\n"
        "print(ended, *sorted({name.partition('.')[0] for name in sys.modules} & set(HEAVY)))\n"
    )
    return in_a_process(code, *arguments, cwd=cwd).split()


@pytest.mark.parametrize(("line", "code"), LIGHT)
def test_what_computes_nothing_imports_no_torch(
    line: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COMP_LINE", "seqtrain model.dr")
    assert run_light(line.split(), tmp_path) == [str(code)]


@pytest.mark.parametrize("line", ["--help", "plugins", "--cfg job"])
def test_yaml_of_a_user_needs_no_torch_either(line: str, tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer/fast.yaml").write_text("defaults: [adam, _self_]\nlr: 1.0\n")
    assert run_light([*line.split(), *searchpath_override([tmp_path])], tmp_path) == ["0"]


@pytest.mark.parametrize("line", ["--help", "plugins", "--cfg job model=my_gru"])
def test_python_of_a_user_gets_torch(line: str, tmp_path: Path) -> None:
    code, *heavy = run_light([*line.split(), *searchpath_override([EXAMPLE])], tmp_path)
    assert code == "0" and set(heavy) <= set(HEAVY) and "torch" in heavy
