"""What holds for every strategy, whatever else is asked for."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Dictionary, Hypothesis, Model, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.constrained import Constrained
from seqtrain.generation.diverse_beam import DiverseBeams
from seqtrain.generation.diverse_siblings import DiverseSiblings
from seqtrain.generation.sampling import Sampling
from seqtrain.generation.strategies import strategy_of

MakeModel = Callable[[TaskInfo], Model]
NetInput = Callable[[list[str]], dict[str, Tensor]]

PAD, EOS = Dictionary.pad, Dictionary.eos
SOURCES = ["a", "abcabc", "bb", "cab", "ccccc", "abc", "ba"]
CONSTRAINTS = torch.tensor(
    [[[5, 6], [4, PAD]], [[PAD, PAD]] * 2, [[4, 4], [4, PAD]], [[6, PAD], [PAD, PAD]], *[[[4, 5], [5, 4]]] * 3]
)
PREFIXES = torch.tensor([[4, 5], [6, PAD], [PAD, PAD], [4, 4], [5, PAD], [PAD, PAD], [6, 6]])
WIDTH = 4

STRATEGIES: dict[str, dict[str, Any]] = {
    "beam": {},
    "sampling": {"sampling": True},
    "topk": {"sampling": True, "sampling_topk": 3},
    "topp": {"sampling": True, "sampling_topp": 0.8},
    "groups": {"diverse_beam_groups": WIDTH, "diverse_beam_strength": 0.7},
    "siblings": {"diversity_rate": 0.4},
    "ordered": {"constraints": "ordered"},
    "unordered": {"constraints": "unordered"},
}
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "prefixes": {"prefixes": True},
    "min_len": {"min_len": 7},
    "limit": {"max_len_a": 0.5, "max_len_b": 3},
    "ngrams": {"no_repeat_ngram_size": 2},
    "one": {"beam": 1, "nbest": 1, "diverse_beam_groups": 1},
    "lengths": {"match_source_len": True},
    "penalties": {"suppress": [], "unkpen": 1.0, "lenpen": 0.3},
}


def inputs_of(net_input: dict[str, Tensor], options: dict[str, Any]) -> dict[str, Tensor]:
    inputs = {**net_input, "line_numbers": torch.arange(len(SOURCES)) + 11}
    if "constraints" in options:
        inputs["constraint_tokens"] = CONSTRAINTS
    if options.pop("prefixes", False):
        inputs["prefix_tokens"] = PREFIXES
    return inputs


def combined(strategy: str, condition: str) -> dict[str, Any]:
    options = {"beam": WIDTH, "nbest": WIDTH, "max_len_b": 14, "suppress": ["?"], **STRATEGIES[strategy]}
    changed = {name: x for name, x in CONDITIONS[condition].items() if name != "diverse_beam_groups" or name in options}
    return {**options, **changed}


def same(found: list[list[Hypothesis]], expected: list[list[Hypothesis]]) -> bool:
    """Return whether tokens are the same and scores are close."""
    pairs = [pair for each in zip(found, expected, strict=True) for pair in zip(*each, strict=True)]
    return all(
        torch.equal(x.tokens, y.tokens) and torch.allclose(x.positional_scores, y.positional_scores, atol=1e-4)
        for x, y in pairs
    )


@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_outputs_are_valid_and_do_not_depend_on_batches_or_caches(
    *,
    strategy: str,
    condition: str,
    recurrent_model: MakeModel,
    full_recurrent_model: MakeModel,
    task: TaskInfo,
    net_input: NetInput,
) -> None:
    options = combined(strategy, condition)
    inputs = inputs_of(net_input(SOURCES), options)
    cfg = GenerationConfig(**options)
    generator = SequenceGenerator(cfg, recurrent_model(task), task)
    found = generator.generate(inputs)
    for row, hypotheses in enumerate(found):
        check(hypotheses, row, cfg, inputs, full_recurrent_model(task))
    assert len({hypotheses[0].score for hypotheses in found}) > 3  # the sources do matter

    alone = [generator.generate({name: x[row : row + 1] for name, x in inputs.items()}) for row in range(7)]
    assert same([hypotheses for (hypotheses,) in alone], found)
    backwards = generator.generate({name: x.flip(0) for name, x in inputs.items()})
    assert same(backwards[::-1], found)
    assert same(SequenceGenerator(cfg, full_recurrent_model(task), task).generate(inputs), found)


def check(
    hypotheses: list[Hypothesis], row: int, cfg: GenerationConfig, inputs: dict[str, Tensor], model: Model
) -> None:
    """See that hypotheses obey all rules, are as many as asked for, and have the scores of a forward pass."""
    if cfg.constraints == "none":
        assert len(hypotheses) == cfg.nbest
    assert 1 <= len(hypotheses) <= cfg.nbest
    assert [x.score for x in hypotheses] == sorted((x.score for x in hypotheses), reverse=True)
    for hypothesis in hypotheses:
        tokens = hypothesis.tokens.tolist()
        check_tokens(tokens, row, cfg, inputs)
        assert hypothesis.score == pytest.approx(
            float(hypothesis.positional_scores.sum()) / len(tokens) ** cfg.lenpen, abs=1e-4
        )
        if not (cfg.diverse_beam_groups or cfg.diversity_rate or cfg.unkpen or cfg.match_source_len):
            expected = forward(model, {name: x[row : row + 1] for name, x in inputs.items()}, tokens)
            assert hypothesis.positional_scores.tolist() == pytest.approx(expected, abs=1e-4)


def check_tokens(tokens: list[int], row: int, cfg: GenerationConfig, inputs: dict[str, Tensor]) -> None:
    *text, end = tokens
    length = len(SOURCES[row])
    limit = length if cfg.match_source_len else int(cfg.max_len_a * (length + 1) + cfg.max_len_b)
    shortest = length if cfg.match_source_len else cfg.min_len
    assert end == EOS and EOS not in text and PAD not in text
    assert shortest <= len(text) <= limit
    given = inputs["prefix_tokens"][row].tolist() if "prefix_tokens" in inputs else []
    given = [x for x in given if x != PAD]
    assert text[: len(given)] == given
    if cfg.no_repeat_ngram_size:
        pairs = list(itertools.pairwise(text))
        assert len(set(pairs)) == len(pairs)
    if cfg.suppress:
        assert 3 not in text
    # Within few tokens, or without repetition, constraints may be impossible to meet.
    if "constraint_tokens" in inputs and not (cfg.max_len_a or cfg.match_source_len or cfg.no_repeat_ngram_size):
        for constraint in inputs["constraint_tokens"][row].tolist():
            wanted = [x for x in constraint if x != PAD]
            assert any(text[i : i + len(wanted)] == wanted for i in range(len(text) + 1))


def forward(model: Model, inputs: dict[str, Tensor], tokens: list[int]) -> list[float]:
    """Return the log-probability of each token."""
    prev = torch.tensor([[EOS, *tokens[:-1]]])
    source = {name: x for name, x in inputs.items() if name.startswith("source_")}
    with torch.no_grad():
        logits = model.eval()(**source, prev_output_tokens=prev).logits
    found: list[float] = logits[0].log_softmax(-1)[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()
    return found


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, BeamSearch),
        ({"sampling": True}, Sampling),
        ({"diverse_beam_groups": 5}, DiverseBeams),
        ({"diversity_rate": 0.1}, DiverseSiblings),
        ({"constraints": "ordered"}, Constrained),
        ({"constraints": "unordered"}, Constrained),
    ],
)
def test_the_config_chooses(options: dict[str, Any], expected: type, task: TaskInfo) -> None:
    inputs = {"constraint_tokens": CONSTRAINTS} if "constraints" in options else {}
    found = strategy_of(GenerationConfig(**options), inputs, torch.arange(7), task.target_dictionary)
    assert type(found) is expected


def test_constraints_that_nobody_asked_for(task: TaskInfo, recurrent_model: MakeModel, net_input: NetInput) -> None:
    inputs = net_input(SOURCES) | {"constraint_tokens": CONSTRAINTS}
    with pytest.raises(ConfigError, match=r"the input has constraints: set generation\.constraints=ordered"):
        SequenceGenerator(GenerationConfig(), recurrent_model(task), task).generate(inputs)
