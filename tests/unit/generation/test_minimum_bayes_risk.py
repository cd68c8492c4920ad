import subprocess
import sys
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from seqtrain.base import Hypothesis, TaskInfo
from seqtrain.config import MBR, GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.minimum_bayes_risk import MinimumBayesRisk, expected_utilities, utility_of


class Finding:
    """A search that finds given texts, with scores -1, -2, ..."""

    def __init__(self, sentences: Sequence[Sequence[str]], task: TaskInfo) -> None:
        self.sentences = sentences
        self.dictionary = task.target_dictionary

    def generate(self, net_input: dict[str, Tensor]) -> list[list[Hypothesis]]:
        return [[self._hypothesis(text, -rank) for rank, text in enumerate(texts, start=1)] for texts in self.sentences]

    def _hypothesis(self, text: str, score: float) -> Hypothesis:
        ids = [*self.dictionary.encode(text), self.dictionary.eos]
        return Hypothesis(torch.tensor(ids), score, torch.zeros(len(ids)))


def chosen(task: TaskInfo, *sentences: Sequence[str], mbr: MBR = MBR.chrf, nbest: int = 1) -> list[list[str]]:
    dictionary = task.target_dictionary
    search = MinimumBayesRisk(Finding(sentences, task), dictionary, utility_of(mbr), nbest)
    return [[dictionary.decode(h.tokens.tolist()) for h in found] for found in search.generate({})]


def test_expected_utilities_by_hand() -> None:
    table = {("a", "a"): 1.0, ("a", "b"): 0.5, ("b", "a"): 0.25, ("b", "b"): 1.0}
    # a: (1 + 0.5) / 2, compared with the other a and with b; b: (0.25 + 0.25) / 2.
    assert expected_utilities(["a", "b", "a"], lambda text, other: table[text, other]) == {"a": 0.75, "b": 0.25}
    assert expected_utilities(["a"], lambda text, other: table[text, other]) == {"a": 0.0}


def test_what_is_found_often_is_chosen(task: TaskInfo) -> None:
    # "b" agrees with one of the three others, the rest with none.
    assert chosen(task, ["a", "b", "c", "b"]) == [["b"]]


def test_what_is_most_like_the_others_is_chosen(task: TaskInfo) -> None:
    # chrF by hand: "ab" and "ac" share one of two characters and no pair, so precision and recall are (1/2 + 0) / 2,
    # and chrF 25; so do "ac" and "cb"; "ab" and "cb" share the one character b, which makes 25 too.
    utility = utility_of(MBR.chrf)
    assert utility("ab", "ac") == utility("ac", "cb") == utility("ab", "cb") == pytest.approx(25.0)
    assert utility("ab", "cc") == 0.0
    # Sums over the others: ab 25 + 0 + 25, ca 25 + 25 + 50, cc 0 + 25 + 25, ac 25 + 50 + 25.
    assert utility("ca", "ac") == pytest.approx(50.0)
    assert chosen(task, ["ab", "ca", "cc", "ac"], nbest=4) == [["ca", "ac", "ab", "cc"]]


def test_sentences_are_chosen_for_by_themselves_and_equals_by_score(task: TaskInfo) -> None:
    assert chosen(task, ["a", "b"], [], ["c", "a", "a"], nbest=2) == [["a", "b"], [], ["a", "a"]]


def test_scores_stay_those_of_the_search(task: TaskInfo) -> None:
    search = MinimumBayesRisk(Finding([["a", "b", "b"]], task), task.target_dictionary, utility_of(MBR.chrf), 3)
    assert [hypothesis.score for hypothesis in search.generate({})[0]] == [-2.0, -3.0, -1.0]


def test_bleu_compares_words() -> None:
    utility = utility_of(MBR.bleu)
    # The longest n-grams that there are count: 2/3 of the words, 1/2 of the pairs, and 1/2 smoothed for none of one.
    assert utility("a b c", "a b d") == pytest.approx(100 * (2 / 3 * 1 / 2 * 1 / 2) ** (1 / 3))
    assert utility("a b", "a b") == pytest.approx(100.0)


def test_nothing_to_compare_by() -> None:
    with pytest.raises(ConfigError, match=r"generation\.mbr=none"):
        utility_of(MBR.none)


def test_config_knows_how_much_is_found() -> None:
    assert GenerationConfig(sampling=True, beam=8, nbest=20).width == 20
    assert GenerationConfig(sampling=True, beam=8, nbest=2, mbr=MBR.chrf).width == 8
    with pytest.raises(ConfigError, match=r"nbest=9 is more than generation\.beam=8"):
        GenerationConfig(sampling=True, beam=8, nbest=9, mbr=MBR.chrf)
    with pytest.raises(ConfigError, match=r"generation\.mbr=bleu compares hypotheses, and generation\.beam=1 is one"):
        GenerationConfig(beam=1, mbr=MBR.bleu)


def test_a_search_imports_no_scorer_unless_it_compares() -> None:
    code = (
        "import sys, seqtrain.generation.search, seqtrain.trained, seqtrain.commands.generate\n"
        "assert not [name for name in sys.modules if name.startswith('sacrebleu')]\n"
        "from seqtrain.config import MBR\n"
        "seqtrain.generation.minimum_bayes_risk.utility_of(MBR.chrf)\n"
        "assert 'sacrebleu' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
