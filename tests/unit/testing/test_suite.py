from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqtrain.config import ModelConfig
from seqtrain.criterions.cross_entropy import CrossEntropyConfig
from seqtrain.models import REGISTRY, TaskInfo
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.optimizers.sgd import SGDConfig
from seqtrain.testing.guarantees import Verdict, name_of
from seqtrain.testing.suite import SUITES, run_suite, task_for

ROOT = Path(__file__).parents[3]
SIZES = {"embed_dim": 8, "ffn_embed_dim": 8, "layers": 1, "attention_heads": 1}
TINY: dict[str, Any] = {f"{side}_{name}": value for side in ("encoder", "decoder") for name, value in SIZES.items()}


@dataclass
class FaultyConfig(ModelConfig):
    """Config of a model that cannot be built."""


class Faulty(Transformer):
    def __init__(self, cfg: FaultyConfig, task: TaskInfo) -> None:
        raise TypeError("no")


@pytest.fixture
def faulty() -> Iterator[FaultyConfig]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    yield FaultyConfig()
    REGISTRY.forget({__name__})


def test_each_check_of_the_kind_has_a_result() -> None:
    results = list(run_suite(SGDConfig(), Path("/nowhere")))
    assert [result.guarantee for result in results] == [
        "config",
        "lr",
        "rate zero",
        "trains",
        "gradients",
        "lr scale",
        "layer decay",
        "resume",
    ]
    assert {result.verdict for result in results} == {Verdict.holds}
    assert results[2].meaning == "An update at rate 0 changes nothing."


def test_after_the_time_is_over_nothing_is_begun() -> None:
    results = list(run_suite(CrossEntropyConfig(), Path("/nowhere"), seconds=0))
    assert len(results) == len(SUITES["criterion"].checks)
    assert {(result.verdict, result.reason) for result in results} == {(Verdict.not_run, "0 seconds are over")}


def test_guarantees_of_a_kind_have_names_of_their_own() -> None:
    for suite in SUITES.values():
        names = [check.__name__ for check in suite.checks]
        assert len(set(names)) == len(names)
        assert all(check.__doc__ for check in suite.checks)


def test_the_tutorial_says_what_each_guarantee_means() -> None:
    tutorial = (ROOT / "docs" / "tutorials" / "check.md").read_text(encoding="utf-8")
    cells = [line.split(" | ")[0].removeprefix("| ") for line in tutorial.splitlines() if line.startswith("| ")]
    explained = {name for cell in cells for name in cell.split(", ")} - {"guarantee", "---"}
    assert explained == {name_of(check) for suite in SUITES.values() for check in suite.checks}


def test_a_model_gets_one_dictionary_if_it_needs_that() -> None:
    separate, joint = (task_for(TransformerConfig(**TINY, share_all_embeddings=share)) for share in (False, True))
    assert separate.source_dictionary is not separate.target_dictionary
    assert joint.source_dictionary is joint.target_dictionary


def test_a_model_that_cannot_be_built_breaks_what_needs_it(faulty: FaultyConfig) -> None:
    results = {result.guarantee: result for result in run_suite(faulty, Path(__file__).parent)}
    assert results.pop("config").verdict is Verdict.holds
    line = Faulty.__init__.__code__.co_firstlineno + 1
    assert {(result.verdict, result.reason) for result in results.values()} == {
        (Verdict.broken, f"TypeError: no ({__file__}:{line})")
    }
