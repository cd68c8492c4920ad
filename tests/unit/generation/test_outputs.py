import torch

from seqtrain.base import Hypothesis, TaskInfo
from seqtrain.generation.outputs import Decoded, Output, as_text


def test_a_hypothesis_as_text(task: TaskInfo) -> None:
    dictionary = task.target_dictionary
    ids = torch.tensor([*dictionary.encode("ba"), dictionary.eos])
    hypothesis = Hypothesis(ids, -0.5, torch.tensor([-1.0, -0.25, -0.25]))
    assert as_text([hypothesis], dictionary) == [Output("ba", ["b", "a", "$"], -0.5, [-1.0, -0.25, -0.25])]
    assert as_text([], dictionary) == []


def test_the_best_text_of_a_sentence() -> None:
    first, second = (Output(text, [text, "</s>"], 0.0, [0.0, 0.0]) for text in ("a", "b"))
    assert Decoded(0, "x", [first, second]).best == "a"
    assert Decoded(0, "x", []).best == ""
