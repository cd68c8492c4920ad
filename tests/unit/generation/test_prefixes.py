"""Hypotheses that have to begin with given tokens, of translations and of language models."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import DecoderModel, Hypothesis, IncrementalState, NoSource, TaskInfo
from seqtrain.config import GenerationConfig, ModelConfig
from seqtrain.generation import SequenceGenerator
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.plugins import import_builtin

import_builtin()

PAD, EOS = 1, 2
A, B, C = 4, 5, 6
PROMPTS = [[A, B, C], [B, C], [C, C, A], [A, B, C, C, A]]
"""All have two tokens, and the first two of some are others."""
SMALL = {"decoder_embed_dim": 8, "decoder_ffn_embed_dim": 12, "decoder_layers": 2, "decoder_attention_heads": 2}


class ByFullPasses(DecoderModel):
    """A language model without the incremental interface."""

    def __init__(self, model: TransformerLM, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.model = model

    def extract_features(self, **net_input: Any) -> Tensor:
        return self.model.extract_features(**net_input)

    def project(self, features: Tensor) -> Tensor:
        return self.model.project(features) * 3  # less even than at random


class TokenByToken(ByFullPasses):
    """The same with the incremental interface, and without ``prefill``."""

    def encode(self, **_: Tensor) -> NoSource:
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> IncrementalState:
        return self.model.new_state(encoder_output, rows, max_length)

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: Any) -> Tensor:
        return self.model.decode_step(prev_tokens, encoder_output, state) * 3


class AtOnce(TokenByToken):
    """The same, and prompts are taken up in one pass, whose sizes are noted."""

    taken_up: list[tuple[int, ...]]

    def prefill(self, tokens: Tensor, encoder_output: NoSource, state: Any) -> None:
        self.taken_up.append(tuple(tokens.shape))
        self.model.prefill(tokens, encoder_output, state)


@pytest.fixture(params=[ByFullPasses, TokenByToken, AtOnce])
def model(request: pytest.FixtureRequest, task: TaskInfo) -> DecoderModel:
    torch.manual_seed(5)
    found: DecoderModel = request.param(TransformerLM(TransformerLMConfig(**SMALL), task), task)  # type: ignore[arg-type]  # values of several types
    found.taken_up = []  # type: ignore[assignment]  # noted by one of them
    return found.eval()


def generate(
    model: DecoderModel,
    task: TaskInfo,
    prompts: list[list[int]],
    inputs: Mapping[str, Tensor] | None = None,
    **options: Any,
) -> list[list[Hypothesis]]:
    width = max(map(len, prompts))
    tokens = torch.tensor([[*prompt, *[PAD] * (width - len(prompt))] for prompt in prompts])
    return SequenceGenerator(GenerationConfig(**{"max_len_b": 9, **options}), model, task).generate(
        {"prefix_tokens": tokens, **(inputs or {})}
    )


def log_probs(model: DecoderModel, tokens: list[int], start: int = EOS) -> list[float]:
    """Return those of tokens, by one forward pass."""
    given = torch.tensor([[start, *tokens[:-1]]])
    with torch.no_grad():
        logits = model(source_tokens=given, source_lengths=torch.tensor([len(tokens)]))
    found: list[float] = logits[0].log_softmax(-1)[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()
    return found


@pytest.mark.parametrize("beam", [1, 3])
def test_scores_are_those_of_a_forward_pass_prompts_included(model: DecoderModel, task: TaskInfo, beam: int) -> None:
    for prompt, hypotheses in zip(PROMPTS, generate(model, task, PROMPTS, beam=beam, nbest=beam), strict=True):
        assert len(hypotheses) == beam
        for hypothesis in hypotheses:
            tokens = hypothesis.tokens.tolist()
            assert tokens[: len(prompt)] == prompt and tokens[-1] == EOS and PAD not in tokens
            expected = log_probs(model, tokens)
            assert hypothesis.positional_scores.tolist() == pytest.approx(expected, abs=1e-5)
            assert hypothesis.score == pytest.approx(sum(expected) / len(tokens), abs=1e-5)


def test_greedy_search_continues_with_the_likeliest_token(model: DecoderModel, task: TaskInfo) -> None:
    ((hypothesis,),) = generate(model, task, [[A, B]], beam=1, min_len=0)
    tokens = hypothesis.tokens.tolist()
    for length in range(2, len(tokens) - 1):
        scores = {token: log_probs(model, [*tokens[:length], token])[-1] for token in range(7) if token != PAD}
        assert tokens[length] == max(scores, key=lambda token: scores[token])


@pytest.mark.parametrize("prompts", [PROMPTS, [*PROMPTS, [A]], [*PROMPTS, []]])
@pytest.mark.parametrize("beam", [1, 2, 4])
def test_the_other_prompts_of_a_batch_change_nothing(
    model: DecoderModel, task: TaskInfo, beam: int, prompts: list[list[int]]
) -> None:
    together = generate(model, task, prompts, beam=beam, nbest=beam)
    alone = [generate(model, task, [prompt], beam=beam, nbest=beam)[0] for prompt in prompts]
    assert [[h.tokens.tolist() for h in found] for found in together] == [
        [h.tokens.tolist() for h in found] for found in alone
    ]
    scores = [[h.score for found in found_by for h in found] for found_by in (together, alone)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"sampling": True},
        {"diverse_beam_groups": 2, "diverse_beam_strength": 1.0},
        {"diversity_rate": 0.5},
        {"constraints": "ordered"},
        {"constraints": "unordered"},
    ],
)
def test_nor_does_what_is_taken_up_at_once_for_other_strategies(
    model: DecoderModel, task: TaskInfo, options: dict[str, Any]
) -> None:
    options = {"beam": 4, "nbest": 4, "max_len_b": 12, **options}
    inputs = {"line_numbers": torch.arange(5)}
    if "constraints" in options:
        inputs["constraint_tokens"] = torch.tensor([[[A, B], [A, PAD]]] * 5)  # the first is in prompts
    together = generate(model, task, [*PROMPTS, [A]], inputs, **options)
    for row, prompt in enumerate([*PROMPTS, [A]]):
        (alone,) = generate(model, task, [prompt], {name: x[row : row + 1] for name, x in inputs.items()}, **options)
        assert [h.tokens.tolist() for h in together[row]] == [h.tokens.tolist() for h in alone]
        assert [h.score for h in together[row]] == pytest.approx([h.score for h in alone], abs=1e-5)


def test_what_all_prompts_have_is_taken_up_in_one_pass(task: TaskInfo) -> None:
    torch.manual_seed(5)
    model = AtOnce(TransformerLM(TransformerLMConfig(**SMALL), task), task).eval()  # type: ignore[arg-type]  # values of several types
    model.taken_up = []
    generate(model, task, [[A, B, C], [A, C], [B, B, B, B]], beam=3)
    assert model.taken_up == [(3, 2)]


@pytest.mark.parametrize(
    ("prompt", "options", "length"),
    [
        ([A, B], {"max_len_b": 4, "min_len": 4}, 4),  # both count the prompt, as in fairseq
        ([A, B], {"max_len_b": 1}, 2),  # a prompt over the limit is all there is
        ([A, B], {"max_len_a": 3.0, "max_len_b": 0, "min_len": 6}, 6),  # without a source the prompt counts
    ],
)
def test_limits_count_the_prompt(
    model: DecoderModel, task: TaskInfo, prompt: list[int], options: Any, length: int
) -> None:
    ((hypothesis,),) = generate(model, task, [prompt], beam=1, **options)
    assert len(hypothesis.tokens) == length + 1


def test_the_models_positions_are_a_limit(model: DecoderModel, make_task: Callable[..., TaskInfo]) -> None:
    task = make_task(max_positions=(4, 4))
    ((short,), (full,)) = generate(model, task, [[A], [A, B, C]], beam=1, min_len=9)
    assert (len(short.tokens), full.tokens.tolist()) == (4, [A, B, C, EOS])


def test_decoding_starts_from_what_the_task_says(model: DecoderModel, make_task: Callable[..., TaskInfo]) -> None:
    task = make_task(decoding_start=0)
    for prompt in ([A, B], []):
        ((hypothesis,),) = generate(model, task, [prompt], beam=1)
        expected = log_probs(model, hypothesis.tokens.tolist(), start=0)
        assert hypothesis.positional_scores.tolist() == pytest.approx(expected, abs=1e-5)


def test_translations_that_begin_with_given_tokens(
    table_model: Callable[..., Any],
    full_table_model: Callable[..., Any],
    task: TaskInfo,
    net_input: Callable[..., dict[str, Tensor]],
) -> None:
    # b a is not likely; of what follows, b $ has ln (0.4 * 0.1 * 0.3 * 0.9) / 4 = -1.132, $ ln (0.4 * 0.1 * 0.4) / 3
    # = -1.378. The second sentence is free.
    table = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 0.4, "a": 0.3, "b": 0.3}, "b": {"$": 0.9, "a": 0.1}}
    for make in (table_model, full_table_model):
        given = {**net_input(["a", "b"]), "prefix_tokens": torch.tensor([[B, A], [PAD, PAD]])}
        (forced, free) = SequenceGenerator(GenerationConfig(beam=2), make(table), task).generate(given)
        assert (forced[0].tokens.tolist(), free[0].tokens.tolist()) == ([B, A, B, EOS], [B, EOS])
        assert forced[0].positional_scores.exp().tolist() == pytest.approx([0.4, 0.1, 0.3, 0.9])
        assert forced[0].score == pytest.approx(math.log(0.4 * 0.1 * 0.3 * 0.9) / 4)
