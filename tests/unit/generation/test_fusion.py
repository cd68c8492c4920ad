"""Searches with a language model, on the toy models."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import DecoderModel, IncrementalState, NoSource, TaskInfo
from seqtrain.config import GenerationConfig, ModelConfig
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.fusion import LanguageModel
from seqtrain.nn.ensemble import Ensemble

Found = list[list[tuple[str, float]]]
MakeModel = Callable[..., Any]
NetInput = Callable[[list[str]], dict[str, Tensor]]

# p(next | prev): $ is end of sentence and what decoding starts from, ^ what a language model may start from.
TRAP = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 0.4, "a": 0.3, "b": 0.3}, "b": {"$": 0.9, "a": 0.1}}
FOR_B = {"$": {"a": 0.1, "b": 0.9}, "a": {"$": 0.5, "a": 0.25, "b": 0.25}, "b": {"$": 0.8, "a": 0.2}}
FROM_BOS = {**FOR_B, "^": FOR_B["$"], "$": {"a": 0.9, "b": 0.1}}


@pytest.fixture(params=["incremental", "full forward"])
def language(
    request: pytest.FixtureRequest, language_model: MakeModel, full_language_model: MakeModel, make_task: MakeModel
) -> MakeModel:
    """A function of a table and of what a TaskInfo takes."""
    cls = language_model if request.param == "incremental" else full_language_model

    def make(table: Any, **info: Any) -> LanguageModel:
        task = make_task(**info)
        return LanguageModel(cls(table, task), task)

    return make


@pytest.fixture(params=["incremental", "full forward"])
def fused(
    request: pytest.FixtureRequest,
    table_model: MakeModel,
    full_table_model: MakeModel,
    task: TaskInfo,
    net_input: NetInput,
) -> Callable[..., Found]:
    """A function that translates ``a`` with a language model."""
    model = (table_model if request.param == "incremental" else full_table_model)(TRAP)

    def run(language_model: LanguageModel, **options: Any) -> Found:
        generator = SequenceGenerator(GenerationConfig(**options), model, task, language_model=language_model)
        symbol = task.target_dictionary.symbol
        found = generator.generate(net_input(["a"]))
        return [[("".join(map(symbol, x.tokens[:-1].tolist())), x.score) for x in sentence] for sentence in found]

    return run


def close(found: Found, expected: Found) -> bool:
    (left,), (right,) = found, expected
    assert [text for text, _ in left] == [text for text, _ in right]
    return [score for _, score in left] == pytest.approx([score for _, score in right], abs=1e-5)


def test_weighted_log_probabilities_are_added(fused: MakeModel, language: MakeModel) -> None:
    # Weight 1. b$: 0.4 * 0.9 * 0.9 * 0.8 = 0.2592; a$: 0.6 * 0.4 * 0.1 * 0.5 = 0.012; aa = ab = 0.06 * 0.075 = 0.0045;
    # ba = 0.36 * 0.02 = 0.0072. ln 0.2592 = -1.350155, ln 0.012 = -4.422849, both of length 2.
    found = fused(language(FOR_B), beam=2, nbest=2, lm_weight=1.0)
    assert close(found, [[("b", -0.675078), ("a", -2.211424)]])
    # Greedy, weight 0.5: a 0.6 * 0.1 ** 0.5 = 0.189737, b 0.4 * 0.9 ** 0.5 = 0.379473; then b$ 0.9 * 0.8 ** 0.5 =
    # 0.804984. ln (0.379473 * 0.804984) = -1.185903, length 2. Without a language model greedy search says a.
    assert close(fused(language(FOR_B), beam=1, lm_weight=0.5), [[("b", -0.592951)]])
    assert close(fused(language(FOR_B), beam=1, lm_weight=0.0), [[("a", -0.713558)]])


def test_the_temperature_is_not_the_language_models(fused: MakeModel, language: MakeModel) -> None:
    # At 2 roots are taken: b 0.632456 / 1.407053 = 0.449490, b$ 0.948683 / 1.264911 = 0.75.
    # ln (0.449490 * 0.75 * 0.9 * 0.8) = -1.415828, length 2.
    assert close(fused(language(FOR_B), beam=1, temperature=2.0), [[("b", -0.707914)]])


def test_a_language_model_starts_from_its_own_token(fused: MakeModel, language: MakeModel) -> None:
    expected = fused(language(FOR_B), beam=2, nbest=2)
    assert close(fused(language(FROM_BOS, decoding_start=0), beam=2, nbest=2), expected)
    # From the end of sentence it prefers a: a 0.6 * 0.9 = 0.54, b 0.4 * 0.1 = 0.04. a$ = 0.54 * 0.4 * 0.5 = 0.108 is
    # first, aa = ab = 0.54 * 0.3 * 0.25 = 0.0405 go on, b$ 0.0288 is too late; ab$ = 0.0405 * 0.9 * 0.8 = 0.02916.
    # ln 0.108 = -2.225624, length 2; ln 0.02916 = -3.534957, length 3.
    assert close(fused(language(FROM_BOS), beam=2, nbest=2), [[("a", -1.112812), ("ab", -1.178319)]])


def test_outputs_are_as_long_as_the_language_model_can_see(fused: MakeModel, language: MakeModel) -> None:
    # It sees what it starts from and two tokens; then the end must follow.
    end = {"$": {"a": 1.0}, "a": {"a": 0.9, "$": 0.1}}
    found = fused(language(end, max_positions=(9, 3)), beam=1, max_len_b=9)
    assert found[0][0][0] == "aa"
    assert fused(language(end, max_positions=(9, 9)), beam=1, max_len_b=4)[0][0][0] == "aaaa"


class Sums(DecoderModel):
    """Adds up the tokens that it has seen, and prefers the one with that number."""

    def __init__(self, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)

    def extract_features(self, source_tokens: Tensor, source_lengths: Tensor) -> Tensor:
        return source_tokens.cumsum(1)

    def project(self, features: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(features % 7, 7).float() * 3


class Total(IncrementalState):
    """The sum of each hypothesis, (N,)."""

    def __init__(self, total: Tensor) -> None:
        self.total = total

    def reorder(self, order: Tensor) -> None:
        self.total = self.total[order]


class IncrementalSums(Sums):
    """The same, one token at a time."""

    def encode(self) -> NoSource:
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> Total:
        return Total(torch.zeros(rows, dtype=torch.long))

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: Total) -> Tensor:
        state.total = state.total + prev_tokens
        return self.project(state.total)


def test_states_follow_hypotheses_and_incremental_equals_full_forward(
    recurrent_model: MakeModel, full_recurrent_model: MakeModel, task: TaskInfo, net_input: NetInput
) -> None:
    cfg = GenerationConfig(beam=4, nbest=4, max_len_b=10)
    sources = net_input(["a", "abcabc", "bb", "cab", "ccccc"])
    models = [(recurrent_model(task), IncrementalSums(task)), (full_recurrent_model(task), Sums(task))]
    searches = [
        SequenceGenerator(cfg, model, task, language_model=LanguageModel(other, task)) for model, other in models
    ]
    left, right = ([x for each in search.generate(sources) for x in each] for search in searches)
    assert [x.tokens.tolist() for x in left] == [x.tokens.tolist() for x in right]
    assert [x.score for x in left] == pytest.approx([x.score for x in right], abs=1e-5)
    without = [x for each in SequenceGenerator(cfg, models[0][0], task).generate(sources) for x in each]
    assert [x.tokens.tolist() for x in without] != [x.tokens.tolist() for x in left]


def test_what_is_given_is_taken_up_in_one_pass_if_all_can(
    language_model: MakeModel, full_language_model: MakeModel, task: TaskInfo
) -> None:
    prompt = {"prefix_tokens": torch.tensor([[4, 5]])}
    for second, taken_up in ((language_model, [2]), (full_language_model, [])):
        models = language_model(TRAP, task), second(FOR_B, task)
        fused = SequenceGenerator(
            GenerationConfig(beam=2), models[0], task, language_model=LanguageModel(models[1], task)
        )
        # ab$, token by token.
        ((best,),) = fused.generate(prompt)
        torch.testing.assert_close(best.positional_scores, torch.tensor([0.6 * 0.1, 0.3 * 0.25, 0.9 * 0.8]).log())
        assert models[0].prefilled == taken_up
        ((best,),) = SequenceGenerator(GenerationConfig(beam=2), Ensemble(models), task).generate(prompt)
        torch.testing.assert_close(best.positional_scores, torch.tensor([0.35, 0.275, 0.85]).log())
        assert models[0].prefilled == taken_up * 2


def test_the_language_model_is_in_eval_mode_too(fused: MakeModel, language: MakeModel) -> None:
    made = language(FOR_B)
    seen = []
    made.model.register_forward_hook(lambda *_: seen.append(made.model.training))
    made.model.train()
    fused(made, beam=1)
    assert made.model.training and not any(seen)
