import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from seqtrain.base import Generator, Model, TaskInfo
from seqtrain.config import GenerationConfig
from seqtrain.errors import ConfigError, SeqtrainError
from seqtrain.generation import SequenceGenerator

Found = list[list[tuple[str, float]]]
Search = Callable[..., Found]
MakeModel = Callable[..., Any]
NetInput = Callable[[list[str]], dict[str, Tensor]]

# p(next | prev): $ is end of sentence, and what decoding starts from.
TRAP = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 0.4, "a": 0.3, "b": 0.3}, "b": {"$": 0.9, "a": 0.1}}
LENGTHS = {"$": {"a": 0.5, "b": 0.5}, "a": {"$": 0.6, "c": 0.4}, "b": {"$": 0.3, "c": 0.7}, "c": {"$": 0.7, "c": 0.3}}
LOOP = {"$": {"a": 1.0}, "a": {"$": 0.1, "a": 0.9}}
AT_ONCE = {"$": {"a": 0.6, "b": 0.4}, "a": {"$": 1.0}, "b": {"$": 1.0}}
ANY_LENGTH = {"$": {"$": 0.6, "a": 0.4}, "a": {"$": 0.5, "a": 0.5}}


@pytest.fixture(params=["incremental", "full forward"])
def make(request: pytest.FixtureRequest, table_model: MakeModel, full_table_model: MakeModel) -> MakeModel:
    return table_model if request.param == "incremental" else full_table_model


def same(found: Found, expected: Found, tolerance: float = 1e-5) -> bool:
    texts = [[text for text, _ in sentence] for sentence in found]
    expected_texts = [[text for text, _ in sentence] for sentence in expected]
    scores = [score for sentence in found for _, score in sentence]
    return texts == expected_texts and scores == pytest.approx(
        [score for sentence in expected for _, score in sentence], abs=tolerance
    )


def test_beam_1_is_greedy(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # a (0.6) beats b (0.4); then a$ = 0.6 * 0.4 = 0.24 beats aa = ab = 0.6 * 0.3 = 0.18.
    # ln 0.24 = -1.427116, length 2.
    assert same(search(make(TRAP), task, beam=1), [[("a", -0.713558)]])


def test_beam_2_finds_what_greedy_misses(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # Position 0: a 0.6, b 0.4. Position 1: b$ = 0.4 * 0.9 = 0.36, a$ = 0.24, aa = ab = 0.18, ba = 0.04.
    # The first two both end. ln 0.36 = -1.021651, ln 0.24 = -1.427116, both of length 2.
    assert same(search(make(TRAP), task, beam=2, nbest=2), [[("b", -0.510826), ("a", -0.713558)]])


def test_beam_3(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # Position 1 as above: b$ and a$ end, aa 0.18, ab 0.18 and ba 0.04 go on.
    # Position 2: ab$ = 0.18 * 0.9 = 0.162, aa$ = 0.072, aaa = aab = 0.054, ...: ab$ is the third to end, aa$ too late.
    # ln 0.162 = -1.820159, length 3.
    expected = [[("b", -0.510826), ("ab", -0.606720), ("a", -0.713558)]]
    assert same(search(make(TRAP), task, beam=3, nbest=3), expected)


def test_nbest_keeps_the_best(make: MakeModel, task: TaskInfo, search: Search) -> None:
    assert same(search(make(TRAP), task, beam=3, nbest=2), [[("b", -0.510826), ("ab", -0.606720)]])


def test_beam_wider_than_the_vocabulary(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # At most two tokens and the end: b 0.36, a 0.24 (length 2), ab 0.162, aa 0.18 * 0.4 = 0.072, ba 0.04 * 0.4 = 0.016
    # (length 3; bb has probability 0). ln 0.072 = -2.631089, ln 0.016 = -4.135167.
    expected = [[("b", -0.510826), ("ab", -0.606720), ("a", -0.713558), ("aa", -0.877030), ("ba", -1.378389)]]
    assert same(search(make(TRAP), task, beam=20, nbest=20, max_len_b=2), expected)


def test_end_beyond_the_first_beam_candidates_is_not_taken(make: MakeModel, task: TaskInfo, search: Search) -> None:
    table = {"$": {"a": 0.5, "b": 0.3, "$": 0.2}, "a": {"$": 1.0}, "b": {"$": 1.0}}
    # Beam 2: $ 0.2 is the third candidate, so that a = 0.5 and b = 0.3 are found: ln 0.5 / 2, ln 0.3 / 2.
    assert same(search(make(table), task, beam=2, nbest=2, min_len=0), [[("a", -0.346574), ("b", -0.601986)]])
    # Beam 3: it is within the first three, with ln 0.2 / 1.
    expected = [[("a", -0.346574), ("b", -0.601986), ("", -1.609438)]]
    assert same(search(make(table), task, beam=3, nbest=3, min_len=0), expected)


def test_length_penalty_decides_the_winner(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # a$ = 0.5 * 0.6 = 0.3, ln -1.203973, length 2; bc$ = 0.5 * 0.7 * 0.7 = 0.245, ln -1.406497, length 3.
    model = make(LENGTHS)
    assert same(search(model, task, beam=2, nbest=2, lenpen=0.0), [[("a", -1.203973), ("bc", -1.406497)]])
    # -1.406497 / 3 = -0.468832, -1.203973 / 2 = -0.601986.
    assert same(search(model, task, beam=2, nbest=2, lenpen=1.0), [[("bc", -0.468832), ("a", -0.601986)]])
    # -1.406497 / 9 = -0.156277, -1.203973 / 4 = -0.300993.
    assert same(search(model, task, beam=2, nbest=2, lenpen=2.0), [[("bc", -0.156277), ("a", -0.300993)]])


def test_limit_allows_only_the_end(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # aaa$: 1 * 0.9 * 0.9 * 0.1 = 0.081, ln -2.513306, length 4.
    assert same(search(make(LOOP), task, beam=1, max_len_b=3), [[("aaa", -0.628327)]])


@pytest.mark.parametrize(
    ("source_letters", "max_len_a", "max_len_b", "max_target", "expected"),
    [
        (1, 1.0, 1, 1024, "aaa"),  # the source is a$, of length 2: 1 * 2 + 1 = 3
        (2, 0.5, 0, 1024, "a"),  # ab$: int(0.5 * 3) = 1
        (2, 1.9, 1, 1024, "aaaaaa"),  # int(1.9 * 3 + 1) = int(6.7) = 6
        (1, 0.0, 200, 3, "aa"),  # with the token it starts from the decoder sees at most 3
        (1, 0.0, 0, 1024, ""),
    ],
)
def test_limit_comes_from_the_source_length_and_the_longest_target(
    *,
    make: MakeModel,
    make_task: Callable[..., TaskInfo],
    search: Search,
    source_letters: int,
    max_len_a: float,
    max_len_b: int,
    max_target: int,
    expected: str,
) -> None:
    table = {"$": {"$": 0.01, "a": 0.99}, "a": {"$": 0.1, "a": 0.9}}
    task = make_task(max_positions=(1024, max_target))
    found = search(make(table, table), task, ["abc"[:source_letters]], beam=1, max_len_a=max_len_a, max_len_b=max_len_b)
    assert found[0][0][0] == expected


def test_min_len_counts_tokens_before_the_end(make: MakeModel, task: TaskInfo, search: Search) -> None:
    model = make(ANY_LENGTH)
    # ln 0.6 = -0.510826, length 1.
    assert same(search(model, task, beam=1, min_len=0), [[("", -0.510826)]])
    # The end is forbidden, and nothing gains by that: ln (0.4 * 0.5) = -1.609438, length 2.
    assert same(search(model, task, beam=1, min_len=1), [[("a", -0.804719)]])
    # ln (0.4 * 0.5 ** 3) = -2.995732, length 4.
    assert same(search(model, task, beam=1, min_len=3), [[("aaa", -0.748933)]])


def test_limit_wins_over_min_len(make: MakeModel, task: TaskInfo, search: Search) -> None:
    found = search(make(ANY_LENGTH, ANY_LENGTH), task, ["a", "ab"], beam=1, min_len=5, max_len_a=1, max_len_b=1)
    assert [hypotheses[0][0] for hypotheses in found] == ["aaa", "aaaa"]  # the end of a source counts


def test_a_limit_below_min_len_whatever_the_source() -> None:
    with pytest.raises(ConfigError, match=r"generation.min_len=5 is more than generation.max_len_b=4, the most tokens"):
        GenerationConfig(min_len=5, max_len_b=4)


def test_padding_is_never_chosen(make: MakeModel, task: TaskInfo, search: Search) -> None:
    table = {"$": {".": 0.9, "a": 0.1}, "a": {".": 0.5, "$": 0.5}}
    # ln (0.1 * 0.5) = -2.995732, length 2.
    assert same(search(make(table), task, beam=2), [[("a", -1.497866)]])


def test_hypothesis_has_tokens_and_positional_scores(make: MakeModel, task: TaskInfo, net_input: NetInput) -> None:
    generator: Generator = SequenceGenerator(GenerationConfig(beam=2, nbest=2), make(TRAP), task)
    best = generator.generate(net_input(["a"]))[0][0]
    assert best.tokens.tolist() == [5, 2]  # b, end of sentence
    assert best.positional_scores.tolist() == pytest.approx([math.log(0.4), math.log(0.9)], abs=1e-6)
    assert isinstance(best.score, float)


def test_equal_scores_fall_to_the_lower_id_and_the_earlier_hypothesis(
    make: MakeModel, task: TaskInfo, search: Search
) -> None:
    half = {"a": 0.5, "b": 0.5}
    table = {"$": half, "a": {"$": 0.5, "c": 0.5}, "b": {"$": 0.5, "c": 0.5}, "c": {"$": 1.0}}
    # Position 0: a before b. Position 1: a$, ac, b$ and bc all have 0.25, in this order: a ends, ac and bc go on.
    # Position 2: ac$ and bc$ have 0.25: ac is the second to end. ln 0.25 = -1.386294, of length 3 and 2.
    expected = [[("ac", -0.462098), ("a", -0.693147)]]
    assert same(search(make(table), task, beam=2, nbest=2), expected)


def test_uniform_model_gives_the_same_twice(make: MakeModel, task: TaskInfo, search: Search) -> None:
    options = {"beam": 4, "nbest": 4, "max_len_b": 5}
    assert search(make({}), task, **options) == search(make({}), task, **options)


def test_sentences_that_are_done_leave_the_batch(table_model: MakeModel, task: TaskInfo, search: Search) -> None:
    # One letter chooses AT_ONCE, two choose LOOP: the first and the third are done at position 1.
    model = table_model(AT_ONCE, LOOP)
    found = search(model, task, ["a", "ab", "b"], beam=2, max_len_b=3)
    # a$: ln 0.6 / 2. LOOP within 3 tokens and the end: a$ = 0.1, aa$ = 0.09 and aaa$ = 0.081, the best of the first two
    # to end: a$ ln 0.1 / 2 = -1.151293 and aa$ ln 0.09 / 3 = -0.802649.
    assert same(found, [[("a", -0.255413)], [("aa", -0.802649)], [("a", -0.255413)]])
    assert model.rows_seen == [3, 6, 2]


def test_greedy_sentences_leave_the_batch_too(table_model: MakeModel, task: TaskInfo, search: Search) -> None:
    model = table_model(AT_ONCE, LOOP)
    found = search(model, task, ["ab", "a"], beam=1, max_len_b=3)
    assert [sentence[0][0] for sentence in found] == ["aaa", "a"]
    assert model.rows_seen == [2, 2, 1, 1]


SOURCES = ["a", "abcabc", "bb", "cab", "ccccc", "abc", "ba"]


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_a_result_does_not_depend_on_the_rest_of_the_batch(
    recurrent_model: MakeModel, task: TaskInfo, search: Search, beam: int
) -> None:
    model = recurrent_model(task)
    options = {"beam": beam, "nbest": beam, "max_len_a": 1.5, "max_len_b": 1}
    together = search(model, task, SOURCES, **options)
    alone = [search(model, task, [source], **options)[0] for source in SOURCES]
    backwards = search(model, task, SOURCES[::-1], **options)[::-1]
    assert same(together, alone)
    assert same(together, backwards)
    assert len({sentence[0][0] for sentence in together}) > 3  # the sources do matter


@pytest.mark.parametrize("beam", [1, 2, 5])
def test_incremental_equals_full_forward(
    *,
    recurrent_model: MakeModel,
    full_recurrent_model: MakeModel,
    task: TaskInfo,
    search: Search,
    beam: int,
) -> None:
    options = {"beam": beam, "nbest": beam, "max_len_b": 12, "lenpen": 0.6}
    incremental = search(recurrent_model(task), task, SOURCES, **options)
    full = search(full_recurrent_model(task), task, SOURCES, **options)
    assert same(incremental, full)


def every_output(model: Model, task: TaskInfo, source: dict[str, Tensor], limit: int) -> dict[tuple[int, ...], float]:
    """Return the log-probability of every output of up to ``limit`` tokens, by its tokens and the end of sentence."""
    dictionary = task.target_dictionary
    letters = [i for i in range(len(dictionary)) if i not in (dictionary.pad, dictionary.eos)]
    outputs = itertools.chain.from_iterable(itertools.product(letters, repeat=n) for n in range(limit + 1))
    scores = {}
    for output in outputs:
        prev_output_tokens = torch.tensor([[dictionary.eos, *output]])
        logits = model(**source, prev_output_tokens=prev_output_tokens).logits
        target = torch.tensor([*output, dictionary.eos])
        log_probs = logits[0].log_softmax(-1)[torch.arange(len(target)), target]
        scores[tuple(target.tolist())] = log_probs.sum().item()
    return scores


@pytest.mark.parametrize("lenpen", [0.0, 1.0, 1.5])
def test_a_beam_that_drops_nothing_finds_the_best_of_all_outputs(
    recurrent_model: MakeModel, make_task: Callable[..., TaskInfo], lenpen: float
) -> None:
    task = make_task("a")  # V = 5: 1 + 3 + 9 + 27 + 81 = 121 outputs of up to 4 tokens
    model = recurrent_model(task).eval()
    tokens = torch.tensor([[4, 4, 2]])
    source = {"source_tokens": tokens, "source_lengths": torch.tensor([3])}
    scores = every_output(model, task, source, limit=4)
    assert len(scores) == 121
    best = sorted(((score / len(x) ** lenpen, list(x)) for x, score in scores.items()), reverse=True)
    cfg = GenerationConfig(beam=121, nbest=121, lenpen=lenpen, max_len_b=4, min_len=0)
    found = SequenceGenerator(cfg, model, task).generate(source)[0]
    assert [x.tokens.tolist() for x in found[:10]] == [tokens for _, tokens in best[:10]]
    assert [x.score for x in found] == pytest.approx([score for score, _ in best], abs=1e-5)


def test_the_model_decodes_in_eval_mode_and_gets_its_modes_back(
    recurrent_model: MakeModel, task: TaskInfo, search: Search
) -> None:
    model = recurrent_model(task).train()
    model.hidden.eval()
    found = search(model, task, SOURCES, beam=2, max_len_b=8)
    assert model.training
    assert model.dropout.training
    assert not model.hidden.training
    assert found == search(model.eval(), task, SOURCES, beam=2, max_len_b=8)
    assert not model.training


def test_modes_come_back_after_an_error(table_model: MakeModel, task: TaskInfo, net_input: NetInput) -> None:
    model = table_model(TRAP).train()
    source = net_input(["abc"])  # three letters: there is no third table
    with pytest.raises(IndexError):
        SequenceGenerator(GenerationConfig(), model, task).generate(source)
    assert model.training


def test_nan_is_an_error(make: MakeModel, task: TaskInfo, net_input: NetInput) -> None:
    model = make(TRAP)
    model.tables.fill_(math.nan)
    with pytest.raises(SeqtrainError, match=r"no output for sentence 0 .* NaN"):
        SequenceGenerator(GenerationConfig(max_len_b=3), model, task).generate(net_input(["a"]))


def test_temperature_divides_logits(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # At 0.5 probabilities are squared: a 0.36 / 0.52 = 0.692308; then the end 0.16 / 0.34 = 0.470588.
    # ln (0.692308 * 0.470588) = -1.121497; greedy, length 2.
    assert same(search(make(TRAP), task, beam=1, temperature=0.5), [[("a", -0.560749)]])
    # At 2 roots are taken: b 0.632456 / 1.407053 = 0.449490, b$ 0.948683 / 1.264911 = 0.75:
    # ln (0.449490 * 0.75) = -1.087323; a 0.550510, a$ 0.632456 / 1.727902 = 0.366025: ln 0.201501 = -1.601964.
    expected = [[("b", -0.543662), ("a", -0.800982)]]
    assert same(search(make(TRAP), task, beam=2, nbest=2, temperature=2.0), expected)


def test_unknown_words_cost_what_is_asked(make: MakeModel, task: TaskInfo, search: Search) -> None:
    model = make({"$": {"?": 0.6, "a": 0.4}, "?": {"$": 1.0}, "a": {"$": 1.0}})
    # ln 0.6 = -0.510826, ln 0.4 = -0.916291, length 2; -0.510826 - 0.5 = -1.010826.
    assert same(search(model, task, beam=2, nbest=2), [[("?", -0.255413), ("a", -0.458145)]])
    assert same(search(model, task, beam=2, nbest=2, unkpen=0.5), [[("a", -0.458145), ("?", -0.505413)]])
    # -0.916291 / 2; -0.510826 + 0.5 = -0.010826
    assert same(search(model, task, beam=2, nbest=2, unkpen=-0.5), [[("?", -0.005413), ("a", -0.458145)]])


def test_suppressed_symbols_are_not_chosen(make: MakeModel, task: TaskInfo, search: Search) -> None:
    # Nothing gains by it: b$ = 0.36 as before.
    assert same(search(make(TRAP), task, beam=2, suppress=["a"]), [[("b", -0.510826)]])
    with pytest.raises(SeqtrainError, match="no symbol 'zz'"):
        search(make(TRAP), task, suppress=["zz"])


def test_ngrams_are_not_repeated(make: MakeModel, task: TaskInfo, search: Search) -> None:
    table = {"$": {"a": 1.0}, "a": {"a": 0.6, "b": 0.3, "$": 0.1}, "b": {"a": 0.8, "$": 0.2}}
    # Greedy and free it says a to the end. Without a second a a: a a b a, and then b, as a b is there already, is out
    # too: only the end is left. ln (0.6 * 0.3 * 0.8 * 0.1) = -4.240527, length 5.
    assert search(make(table), task, beam=1, max_len_b=6)[0][0][0] == "aaaaaa"
    assert same(search(make(table), task, beam=1, max_len_b=6, no_repeat_ngram_size=2), [[("aaba", -0.848105)]])
    # No token twice: a b, and the end. ln (0.3 * 0.2) = -2.813411, length 3.
    assert same(search(make(table), task, beam=1, max_len_b=6, no_repeat_ngram_size=1), [[("ab", -0.937804)]])


def test_outputs_as_long_as_their_sources(make: MakeModel, task: TaskInfo, search: Search) -> None:
    model = make(ANY_LENGTH, ANY_LENGTH, ANY_LENGTH)
    # The end is out until then, and costs nothing: ln 0.4 / 2, ln (0.4 * 0.5 * 0.5) / 4.
    found = search(model, task, ["a", "abc"], beam=1, match_source_len=True, min_len=5, max_len_b=1)
    assert same(found, [[("a", -0.458145)], [("aaa", -0.575646)]])


def test_only_what_is_allowed_may_follow(make: MakeModel, task: TaskInfo, net_input: NetInput) -> None:
    seen = set()

    def allowed(row: int, tokens: Tensor) -> list[int]:
        seen.add((row, tuple(tokens.tolist())))
        return [[4, 5], [5]][row] if not len(tokens) else [2, 5]

    generator = SequenceGenerator(GenerationConfig(beam=1), make(TRAP), task, allowed)
    found = generator.generate(net_input(["a", "a"]))
    # The first may begin with a (0.6) or b, goes on with b (0.3) or the end (0.4); the second begins with b (0.4).
    assert [sentence[0].tokens.tolist() for sentence in found] == [[4, 2], [5, 2]]
    assert found[1][0].score == pytest.approx(math.log(0.4 * 0.9) / 2)
    assert seen == {(0, ()), (1, ()), (0, (4,)), (1, (5,))}
