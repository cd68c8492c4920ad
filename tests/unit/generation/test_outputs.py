import pytest
import torch

from seqtrain.base import Alignment, Hypothesis, TaskInfo
from seqtrain.data.tokenizers.whitespace import WhitespaceConfig, WhitespaceTokenizer
from seqtrain.generation.outputs import Decoded, Output, Wording

NO_SCORES = torch.zeros(3)


def test_a_hypothesis_as_text(task: TaskInfo) -> None:
    dictionary = task.target_dictionary
    ids = torch.tensor([*dictionary.encode("ba"), dictionary.eos])
    hypothesis = Hypothesis(ids, -0.5, torch.tensor([-1.0, -0.25, -0.25]))
    wording = Wording(task.source_dictionary, dictionary)
    assert wording.outputs("x", [hypothesis]) == [Output("ba", ["b", "a", "$"], -0.5, [-1.0, -0.25, -0.25])]
    assert wording.outputs("x", []) == []


@pytest.mark.parametrize(
    ("replacements", "text"),
    [(None, "das <unk>"), ({}, "das Xyz"), ({"Xyz": "Abc", "the": "die"}, "das Abc")],
)
def test_source_words_stand_for_unknown_ones(
    tmp_path_factory: pytest.TempPathFactory, replacements: dict[str, str] | None, text: str
) -> None:
    directory = tmp_path_factory.mktemp("dictionary")
    (directory / "dict.joined.txt").write_text("the 2\ndas 2\n")
    dictionary = WhitespaceTokenizer(WhitespaceConfig()).load(directory, "joined")
    found = torch.tensor([*dictionary.encode("das Haus"), dictionary.eos])
    alignment = Alignment(torch.zeros(3, 3), [(1, 0), (0, 1)])
    (output,) = Wording(dictionary, dictionary, replacements).outputs(
        "Xyz the", [Hypothesis(found, 0.0, NO_SCORES, alignment)]
    )
    assert (output.text, output.tokens) == (text, ["das", "<unk>", "</s>"])
    assert output.alignment is alignment


def test_the_best_text_of_a_sentence() -> None:
    first, second = (Output(text, [text, "</s>"], 0.0, [0.0, 0.0]) for text in ("a", "b"))
    assert Decoded(0, "x", [first, second]).best == "a"
    assert Decoded(0, "x", []).best == ""
