"""What is done before anything is computed, counted: modules that are loaded, plug-ins discovered, configs composed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {
    "matplotlib",
    "numpy",
    "rich",
    "sacrebleu",
    "safetensors",
    "schedulefree",
    "sentencepiece",
    "tensorboard",
    "torch",
}
"""Packages that no answer needs."""
COUNTING = """
import json, os, sys
from importlib.machinery import SourceFileLoader
loads, calls, before, load = {}, {}, set(sys.modules), SourceFileLoader.exec_module

def exec_module(self, module):
    if module.__name__.startswith("seqtrain"):
        loads[module.__name__] = loads.get(module.__name__, 0) + 1
    load(self, module)

def counted(place, name):
    function = getattr(place, name)
    def counting(*arguments, **options):
        calls[name] = calls.get(name, 0) + 1
        return function(*arguments, **options)
    setattr(place, name, counting)

SourceFileLoader.exec_module = exec_module
"""
TOLD = """
packages = sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
print(json.dumps({"loads": loads, "calls": calls, "packages": packages}))
"""
PROGRAM = f"""{COUNTING}
import importlib.metadata
from seqtrain import cli, composition, sources
counted(importlib.metadata, "entry_points")
counted(composition, "hydra_compose")
counted(composition, "find_mistakes")
cli.run = lambda *_: print(end="")
sys.stdout = open(os.devnull, "w")
try:
    cli.main(sys.argv[1:])
except SystemExit:
    pass
sys.stdout = sys.__stdout__
{TOLD}"""
PLUGINS = 60
"""Modules of plug-ins, at least."""


def counts(code: str, *words: str) -> dict[str, Any]:
    """Return what a process counts that has imported nothing yet."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, check=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def plugin_loads(loads: dict[str, int]) -> set[int]:
    """Return how many times plug-ins were loaded, all of them."""
    kinds = ("models", "criterions", "tasks", "optimizers", "lr_schedulers", "scorers", "data.tokenizers")
    found = [n for name, n in loads.items() for kind in kinds if name.startswith(f"seqtrain.{kind}.")]
    assert len(found) >= PLUGINS
    return set(found)


def test_an_import_loads_one_module() -> None:
    found = counts(f"{COUNTING}\nimport seqtrain\n{TOLD}")
    assert found["loads"] == {"seqtrain": 1}
    assert found["packages"] == ["seqtrain"]


@pytest.mark.parametrize(("word", "composed"), [("--help", 0), ("model.dropout=7", 1)])
def test_an_answer_takes_one_discovery_and_nothing_heavy(word: str, composed: int) -> None:
    found = counts(PROGRAM, word)
    assert not HEAVY.intersection(found["packages"])
    assert plugin_loads(found["loads"]) == {1}
    assert found["calls"].get("hydra_compose", 0) == composed
    assert found["calls"].get("entry_points", 0) <= 1


def test_a_run_takes_two_discoveries_and_compositions() -> None:
    found = counts(PROGRAM, "training.max_update=1")
    assert plugin_loads(found["loads"]) == {2}  # without torch, then with it
    assert max(found["loads"].values()) == 2
    assert found["calls"]["hydra_compose"] == 2
    assert found["calls"]["find_mistakes"] == 1
