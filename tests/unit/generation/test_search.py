from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Generator, Model, TaskInfo
from seqtrain.config import MBR, GenerationConfig, Quantize
from seqtrain.errors import ConfigError
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.minimum_bayes_risk import expected_utilities, utility_of
from seqtrain.generation.search import build_generator
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.nn.ensemble import Ensemble
from seqtrain.nn.int8 import in_int8
from seqtrain.testing.inputs import build
from seqtrain.testing.toy import toy_task

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


@pytest.fixture
def language_model() -> TransformerLM:
    cfg = TransformerLMConfig(
        decoder_embed_dim=16, decoder_ffn_embed_dim=24, decoder_layers=1, decoder_attention_heads=2
    )
    model = build(cfg, toy_task(joint=True))
    assert isinstance(model, TransformerLM)
    return model


def scores(cfg: GenerationConfig, model: Model, language_model: Model | None = None) -> list[float]:
    task = toy_task(joint=True)
    fused = LanguageModel(language_model, task) if language_model is not None else None
    found = build_generator(cfg, model, task, fused).generate({"prefix_tokens": torch.tensor([[4], [5]])})
    return [hypothesis.score for (hypothesis,) in found]


def test_all_models_of_a_search_are_quantised(language_model: TransformerLM) -> None:
    cfg, quantised = (
        GenerationConfig(beam=2, max_len_b=5),
        GenerationConfig(beam=2, max_len_b=5, quantize=Quantize.int8),
    )
    in_8_bits = in_int8(language_model)
    assert scores(cfg, language_model) != scores(quantised, language_model) == scores(cfg, in_8_bits)
    both = scores(quantised, Ensemble([language_model, language_model]), language_model)
    assert both == scores(cfg, Ensemble([in_8_bits, in_8_bits]), in_8_bits)
    assert both != scores(cfg, Ensemble([in_8_bits, in_8_bits]), language_model)


def test_what_has_no_linear_layer_cannot_be_quantised(task: TaskInfo, table_model: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="int8 is for linear layers, and this model has none"):
        build_generator(GenerationConfig(quantize=Quantize.int8), table_model(TABLE), task)
