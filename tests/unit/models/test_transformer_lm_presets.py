"""The presets of language models have the parameters that they should, by formula and as published."""

from functools import cache

import pytest
import torch

from seqtrain import composition
from seqtrain.base import TaskInfo
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.plugins import conf_directory
from seqtrain.testing.toy import ToyDictionary
from tests.unit.models.parameter_counts import transformer_lm_parameters

PUBLISHED = {
    "gpt2": (50_257, 1024, 124_439_808),
    "gpt2_medium": (50_257, 1024, 354_823_168),
    "gpt2_large": (50_257, 1024, 774_030_080),
    "gpt2_xl": (50_257, 1024, 1_557_611_200),
    "llama2_7b": (32_000, 4096, 6_738_415_616),
    "llama3_8b": (128_256, 8192, 8_030_261_248),
    "tinyllama_1_1b": (32_000, 2048, 1_100_048_384),
}
"""Sizes of vocabulary, positions, and parameters of the models that others released."""

ABOUT = {
    "transformer_lm_wiki103": (267_744, 512, 247e6),
    "transformer_lm_gpt3_small": (50_257, 2048, 125e6),
    "transformer_lm_gpt3_medium": (50_257, 2048, 350e6),
    "transformer_lm_gpt3_large": (50_257, 2048, 760e6),
    "transformer_lm_gpt3_xl": (50_257, 2048, 1.3e9),
    "transformer_lm_gpt3_2_7": (50_257, 2048, 2.7e9),
    "transformer_lm_gpt3_6_7": (50_257, 2048, 6.7e9),
    "transformer_lm_gpt3_13": (50_257, 2048, 13e9),
    "transformer_lm_gpt3_175": (50_257, 2048, 175e9),
}
"""The same of models that papers give rounded numbers for: Baevski and Auli (2019); Brown et al. (2020), table 2.1."""

NAMES = sorted(
    file.stem
    for pattern in ("transformer_lm_*.yaml", "gpt*.yaml", "*llama*.yaml")
    for file in (conf_directory() / "model").glob(pattern)
)


@cache
def task(size: int, max_positions: int) -> TaskInfo:
    dictionary = ToyDictionary([f"word{number}" for number in range(size - 4)])
    return TaskInfo(dictionary, dictionary, (max_positions, max_positions))


def preset(name: str) -> TransformerLMConfig:
    cfg = composition.compose([f"model={name}"]).model
    assert isinstance(cfg, TransformerLMConfig)
    return cfg


def parameters(name: str, size: int, max_positions: int) -> int:
    with torch.device("meta"):
        model = TransformerLM(preset(name), task(size, max_positions))
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_the_formula(name: str) -> None:
    size, max_positions, *_ = (PUBLISHED | ABOUT).get(name, (1000, 64, 0))
    assert parameters(name, size, max_positions) == transformer_lm_parameters(preset(name), size, max_positions)


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_released_model(name: str) -> None:
    size, max_positions, published = PUBLISHED[name]
    assert transformer_lm_parameters(preset(name), size, max_positions) == published


@pytest.mark.parametrize("name", ABOUT)
def test_parameters_are_as_many_as_the_paper_says(name: str) -> None:
    size, max_positions, rounded = ABOUT[name]
    assert transformer_lm_parameters(preset(name), size, max_positions) == pytest.approx(rounded, rel=0.02)
