from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Generator, TaskInfo
from seqtrain.config import MBR, GenerationConfig
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.minimum_bayes_risk import expected_utilities, utility_of
from seqtrain.generation.search import build_generator

Collate = Callable[[list[str]], dict[str, Tensor]]

# The most probable output is alone; the others are alike.
TABLE = {
    "$": {"a": 0.4, "b": 0.6},
    "a": {"$": 1.0},
    "b": {"c": 0.7, "b": 0.3},
    "c": {"c": 0.4, "$": 0.6},
}


def outputs(search: Generator, task: TaskInfo, net_input: dict[str, Tensor]) -> list[list[str]]:
    decode = task.target_dictionary.decode
    return [[decode(hypothesis.tokens.tolist()) for hypothesis in found] for found in search.generate(net_input)]


def test_the_search_alone(task: TaskInfo, table_model: Callable[..., Any]) -> None:
    assert isinstance(build_generator(GenerationConfig(), table_model(TABLE), task), SequenceGenerator)


def test_the_beam_is_chosen_from(task: TaskInfo, table_model: Callable[..., Any], net_input: Collate) -> None:
    cfg = GenerationConfig(beam=3, nbest=3, lenpen=0.0, max_len_b=4)
    inputs, model = net_input(["a", "b"]), table_model(TABLE)
    best = outputs(build_generator(cfg, model, task), task, inputs)
    assert best == [["a", "bc", "bcc"]] * 2
    by_risk = build_generator(replace(cfg, nbest=2, mbr=MBR.chrf), model, task)
    assert outputs(by_risk, task, inputs) == [["bcc", "bc"]] * 2


def test_samples_are_chosen_from(task: TaskInfo, table_model: Callable[..., Any], net_input: Collate) -> None:
    cfg = GenerationConfig(sampling=True, beam=30, mbr=MBR.chrf, max_len_b=4)
    numbered, model = net_input(["a"]) | {"line_numbers": torch.tensor([1])}, table_model(TABLE)
    ((text,),) = outputs(build_generator(cfg, model, task), task, numbered)
    (samples,) = outputs(build_generator(replace(cfg, mbr=MBR.none, nbest=30), model, task), task, numbered)
    utilities = expected_utilities(samples, utility_of(MBR.chrf))
    assert len(samples) == 30 and len(utilities) > 3
    assert utilities[text] == max(utilities.values()) and text != samples[0]
