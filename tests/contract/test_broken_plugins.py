"""The contract suite catches each of fifteen faults by the check that is there for it, and passes sound plug-ins."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seqtrain import composition, plugins
from seqtrain.registry import REGISTRIES
from seqtrain.testing.guarantees import Verdict
from seqtrain.testing.suite import SUITES, run_suite

DIRECTORY = Path(__file__).parents[1] / "fixtures" / "broken_plugins"

MODEL, CRITERION, SCHEDULE, OPTIMIZER = "model", "criterion", "lr_scheduler", "optimizer"

FAULTS = [
    (MODEL, "mask_off_by_one", "causality", "a later token changes the logits at position 0: check the causal mask"),
    (MODEL, "padding_attended", "padding", "padding of source_tokens changes the logits: mask it"),
    (MODEL, "position_counted_with_padding", "padding", "count positions and lengths without it"),
    (MODEL, "stale_cache", "incremental decoding", "decode_step differs from a full pass at position 3"),
    (
        MODEL,
        "cache_not_reordered",
        "reordering",
        "after state.reorder(order) a hypothesis goes on with another's state",
    ),
    (MODEL, "parameter_without_gradient", "gradients", "temperature gets no gradient: use it"),
    (MODEL, "parameter_unregistered", "registered parameters", "keep modules in an nn.ModuleList instead of a list"),
    (MODEL, "dropout_in_eval", "deterministic", "evaluation depends on chance: give functional.dropout training="),
    (MODEL, "logits_in_the_wrong_dtype", "logits", "logits are torch.float64, should be torch.float32"),
    (CRITERION, "mean_instead_of_sum", "sum", "the loss and each metric must be sums, divided by nothing"),
    (CRITERION, "wrong_sample_size", "sample size", "sample_size is 4, but 15 target tokens have a gradient, of 15"),
    (
        CRITERION,
        "eos_left_out",
        "end of sentence",
        "the end of a sentence (eos) has no gradient: leave out padding alone",
    ),
    (SCHEDULE, "schedule_that_reads_the_current_rate", "base rate", "take self.base_lr instead"),
    (SCHEDULE, "schedule_with_hidden_state", "resume", "return from state_dict all that lr_at depends on"),
    (OPTIMIZER, "optimizer_state_not_saved", "resume", "state_dict must return all that step depends on"),
]

FOLLOW = {
    "parameter_unregistered": {"checkpoint"},
    "stale_cache": {"prefilling"},
    "mean_instead_of_sum": {"accumulation"},
    "dropout_in_eval": {
        "padding",
        "batch",
        "causality",
        "incremental decoding",
        "reordering",
        "prefilling",
        "checkpoint",
        "logits",
        "bf16",
        "compiles",
    },
}
"""Guarantees that break together with the one that a fault is about."""


NOT_CONCERNED = {
    "projection": "the model has no projection_weights",
    "documents": "it is no language model",
    "attention": "the model does not tell its attention to the source",
}
"""Guarantees that concern none of the models."""


@pytest.fixture(scope="module", autouse=True)
def imported() -> Iterator[None]:
    """Import the directory, and forget it afterwards."""
    composition.register_all()
    plugins.import_user_directory(DIRECTORY)
    yield
    plugins.forget_user_directory(DIRECTORY)


def broken(kind: str, name: str) -> dict[str, str]:
    """Return the guarantees that a plug-in of the directory breaks, and why."""
    results = list(run_suite(REGISTRIES[kind].entry(name).config_type(), DIRECTORY))
    assert len(results) == len(SUITES[kind].checks)
    return {result.guarantee: result.reason for result in results if result.verdict is not Verdict.holds}


@pytest.mark.parametrize(("kind", "name", "guarantee", "words"), FAULTS, ids=[name for _, name, *_ in FAULTS])
def test_a_fault_is_caught_by_its_check(kind: str, name: str, guarantee: str, words: str) -> None:
    found = {guarantee: reason for guarantee, reason in broken(kind, name).items() if guarantee not in NOT_CONCERNED}
    assert words in found.pop(guarantee)
    assert found.keys() <= FOLLOW.get(name, set()), found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MODEL, "healthy_model"),
        (CRITERION, "healthy_criterion"),
        (SCHEDULE, "healthy_schedule"),
        (OPTIMIZER, "healthy_optimizer"),
    ],
)
def test_the_sound_plugin_keeps_every_guarantee(kind: str, name: str) -> None:
    found = broken(kind, name)
    assert found == (NOT_CONCERNED if kind == MODEL else {})


def test_every_fault_has_its_file() -> None:
    files = {file.stem for file in DIRECTORY.glob("*.py")}
    assert files == {name for _, name, *_ in FAULTS} | {
        f"healthy_{x}" for x in (MODEL, CRITERION, "schedule", OPTIMIZER)
    }
