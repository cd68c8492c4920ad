import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqtrain.base import TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import SeqtrainError
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.sampling import Sampling, drawn, top_k, top_p, uniform

Found = list[list[tuple[str, Any]]]

TABLE = {
    "$": {"a": 0.6, "b": 0.25, "c": 0.15},
    "a": {"$": 0.5, "a": 0.3, "b": 0.2},
    "b": {"$": 0.4, "a": 0.6},
    "c": {"$": 1.0},
}
DRAWS = 20_000


def splitmix(state: int) -> int:
    """Return the hash by whole numbers, modulo 2 ** 64."""
    state = (state + 0x9E3779B97F4A7C15) % 2**64
    state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    state = (state ^ state >> 27) * 0x94D049BB133111EB % 2**64
    return state ^ state >> 31


def test_uniform_numbers_are_a_hash_of_seed_line_sample_and_position() -> None:
    seed, line, sample, position = 3, 17, 4, 9
    state = splitmix(splitmix(splitmix(splitmix(seed) + line) + sample) + position)
    lines = torch.tensor([16, 17])
    sampling = Sampling(GenerationConfig(sampling=True, seed=seed), lines)
    numbers = uniform(sampling._streams, torch.tensor([[2, 4], [2, 4]]), position)
    assert numbers.shape == (2, 2)
    assert numbers[1, 1].item() == (state >> 40) / 2**24


def test_the_hash_is_the_published_one() -> None:
    # The first three outputs of SplitMix64 from 1234567, as in the reference of its authors.
    outputs = [splitmix((1234567 + i * 0x9E3779B97F4A7C15) % 2**64) for i in range(3)]
    assert outputs == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_uniform_numbers_are_even_along_each_axis() -> None:
    streams = Sampling(GenerationConfig(sampling=True), torch.arange(1000))._streams
    numbers = torch.stack([uniform(streams, torch.arange(4).expand(1000, 4), position) for position in range(4)])
    assert numbers.min() >= 0 and numbers.max() < 1
    assert len(set(numbers.flatten().tolist())) > 15_980  # of 16,000, in 2 ** 24 places
    # Mean and standard error of 1,000 uniform numbers: 0.5 and 0.0091.
    assert (numbers.mean(1) - 0.5).abs().max() < 0.035
    correlations = torch.corrcoef(numbers.permute(0, 2, 1).reshape(16, 1000)) - torch.eye(16)
    assert correlations.abs().max() < 0.12


@pytest.mark.parametrize(
    ("number", "expected"), [(0.0, 1), (0.39, 1), (0.41, 3), (0.69, 3), (0.71, 4), (1 - 2**-24, 4)]
)
def test_a_token_is_drawn_by_the_inverse_of_the_distribution(number: float, expected: int) -> None:
    weights = torch.tensor([0.0, 0.4, 0.0, 0.3, 0.3, 0.0])  # sums: 0, 0.4, 0.4, 0.7, 1, 1
    assert drawn(weights, torch.tensor(number)).item() == expected
    assert drawn(weights / 8, torch.tensor(number)).item() == expected  # they need not add up to 1


def test_rounding_never_draws_what_has_no_probability() -> None:
    torch.manual_seed(1)
    weights = torch.rand(64, 5000).masked_fill_(torch.rand(64, 5000) < 0.9, 0.0)
    for number in (0.0, 2**-24, 0.5, 1 - 2**-24):
        tokens = drawn(weights, torch.full((64,), number))
        assert (weights.gather(1, tokens.unsqueeze(1)) > 0).all()


def test_nor_does_a_device_that_adds_up_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    sums = torch.tensor([0.5, 0.5000001, 0.4999999, 1.0, 1.0000001])
    monkeypatch.setattr(torch.Tensor, "cumsum", lambda *_: sums.clone())
    weights = torch.tensor([0.5, 0.0, 0.0, 0.5, 0.0])
    assert [drawn(weights, torch.tensor(x)).item() for x in (0.0, 0.49, 0.5, 0.50000005, 1 - 2**-24)] == [0, 0, 3, 3, 3]


def test_the_most_probable_tokens() -> None:
    weights, ids = top_k(torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.7, 0.05, 0.15, 0.1]]), 2)
    assert ids.tolist() == [[1, 3], [0, 2]]
    assert torch.equal(weights, torch.tensor([[0.4, 0.3], [0.7, 0.15]]))
    assert top_k(weights, 9)[1].tolist() == [[0, 1], [0, 1]]


@pytest.mark.parametrize(
    ("mass", "kept"), [(0.01, [1]), (0.5, [1]), (0.51, [1, 3]), (0.75, [1, 3]), (0.76, [0, 1, 3]), (1.0, [0, 1, 2, 3])]
)
def test_the_fewest_tokens_that_reach_a_mass(mass: float, kept: list[int]) -> None:
    probs = torch.tensor([[[0.125, 0.5, 0.125, 0.25]]])  # in order: 0.5, 0.75, 0.875, 1
    weights, ids = top_p(probs, mass)
    assert ids.tolist() == [[[1, 3, 0, 2]]]
    assert sorted(ids[weights > 0].tolist()) == kept
    assert torch.equal(weights[weights > 0], probs[0, 0, ids[weights > 0]])


def chi_square(found: Found, expected: dict[str, float]) -> float:
    counts = Counter(text for text, _ in found[0])
    assert set(counts) == set(expected)
    return sum((counts[text] - DRAWS * p) ** 2 / (DRAWS * p) for text, p in expected.items())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # The end is certain at the limit: aa 0.6 * 0.3, ab 0.6 * 0.2, ba 0.25 * 0.6; a 0.6 * 0.5, b 0.25 * 0.4.
        ({}, {"a": 0.3, "aa": 0.18, "ab": 0.12, "b": 0.1, "ba": 0.15, "c": 0.15}),
        # The two best: a 0.6 / 0.85, b 0.25 / 0.85; after a, $ 0.625 and a 0.375; after b, $ 0.4 and a 0.6.
        ({"sampling_topk": 2}, {"a": 0.375 / 0.85, "aa": 0.225 / 0.85, "b": 0.1 / 0.85, "ba": 0.15 / 0.85}),
        # 0.6 is reached by a alone; after a by $ and a, 0.8 (0.5 is too little); b is not begun with.
        ({"sampling_topp": 0.6}, {"a": 0.625, "aa": 0.375}),
        # Squares of probabilities: 3600, 625 and 225 of 4450; after a 25, 9, 4 of 38; after b 16, 36 of 52.
        (
            {"temperature": 0.5},
            {
                "a": 3600 / 4450 * 25 / 38,
                "aa": 3600 / 4450 * 9 / 38,
                "ab": 3600 / 4450 * 4 / 38,
                "b": 625 / 4450 * 16 / 52,
                "ba": 625 / 4450 * 36 / 52,
                "c": 225 / 4450,
            },
        ),
    ],
)
def test_frequencies_are_probabilities(
    *,
    table_model: Callable[..., Any],
    task: TaskInfo,
    search: Callable[..., Found],
    options: dict[str, Any],
    expected: dict[str, float],
) -> None:
    found = search(table_model(TABLE), task, sampling=True, nbest=DRAWS, max_len_b=2, **options)
    assert len(found[0]) == DRAWS
    # With 5 degrees of freedom or fewer, chi-square is over 15.1 once in 100 seeds.
    assert chi_square(found, expected) < 15.1


def test_scores_are_those_of_the_whole_distribution(
    table_model: Callable[..., Any], task: TaskInfo, search: Callable[..., Found]
) -> None:
    found = search(table_model(TABLE), task, sampling=True, sampling_topk=1, nbest=2, max_len_b=2)
    # a 0.6, the end 0.5: ln 0.3 = -1.203973, length 2.
    assert found == [[("a", pytest.approx(-0.601986, abs=1e-5))] * 2]


def test_samples_depend_on_seed_line_and_number_alone(
    table_model: Callable[..., Any], task: TaskInfo, search: Callable[..., Found]
) -> None:
    def sample(*lines: int, nbest: int = 8, **options: Any) -> Found:
        inputs = {"line_numbers": torch.tensor(lines)}
        model = table_model(TABLE, TABLE)
        sources = ["ab" if line == 7 else "a" for line in lines]
        return search(model, task, sources, inputs, sampling=True, nbest=nbest, max_len_b=9, **options)

    assert sample(7, 3, 5) == [*sample(7), *sample(3), *sample(5)]
    assert sample(5, 7, 3) == [*sample(5), *sample(7), *sample(3)]
    assert sample(7) != sample(3)
    assert sample(7, seed=2) != sample(7)
    for line in (3, 5, 7):
        few, many = Counter(sample(line, nbest=15)[0]), Counter(sample(line, nbest=40)[0])
        assert few <= many and few.total() == 15


def test_without_line_numbers_rows_count(
    table_model: Callable[..., Any], task: TaskInfo, search: Callable[..., Found]
) -> None:
    options: dict[str, Any] = {"sampling": True, "nbest": 6, "max_len_b": 9}
    numbered = search(table_model(TABLE), task, ["a", "a"], {"line_numbers": torch.tensor([0, 1])}, **options)
    assert search(table_model(TABLE), task, ["a", "a"], **options) == numbered


def test_nan_is_an_error_here_too(task: TaskInfo, table_model: Callable[..., Any], net_input: Any) -> None:
    model = table_model(TABLE)
    model.tables.fill_(math.nan)
    cfg = GenerationConfig(sampling=True, nbest=2, max_len_b=3)
    with pytest.raises(SeqtrainError, match=r"no output for sentence 0 .* NaN"):
        SequenceGenerator(cfg, model, task).generate(net_input(["a"]))
