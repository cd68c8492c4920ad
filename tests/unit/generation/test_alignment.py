from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import Alignment, FeatureModel, Hypothesis, Model, ModelOutput, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.data.tags import TaggedDictionary
from seqtrain.errors import ConfigError
from seqtrain.generation.alignment import align, links_of
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.models.transformer_align import TransformerAlign, TransformerAlignConfig
from seqtrain.models.transformer_lm import TransformerLM, TransformerLMConfig
from seqtrain.testing.toy import toy_task


class ByHand(Model):
    """Attends as it is told: for each row of a batch a matrix (T, S)."""

    def __init__(self, task: TaskInfo, attention: Tensor) -> None:
        super().__init__(ModelConfig(), task)
        self.attention = nn.Parameter(attention)
        self.inputs: list[dict[str, Tensor]] = []

    def forward(self, **net_input: Tensor) -> ModelOutput:
        assert not self.training
        self.inputs.append(net_input)
        tokens = net_input["prev_output_tokens"]
        return ModelOutput(tokens.new_zeros(*tokens.shape, 7), {"attention": self.attention})


def hypothesis(*tokens: int) -> Hypothesis:
    return Hypothesis(torch.tensor(tokens), 0.0, torch.zeros(len(tokens)))


def links(rows: Sequence[Sequence[float]], source: Sequence[int], target: Sequence[int], task: TaskInfo) -> str:
    found = links_of(torch.tensor(rows), torch.tensor(source), torch.tensor(target), task)
    return Alignment(torch.tensor(rows), found).hard


def test_the_most_attention_counts_and_ends_do_not(task: TaskInfo) -> None:
    # a b c $ to b a $; the end gets most attention of the first, and attends itself.
    rows = [[0.1, 0.3, 0.0, 0.6], [0.5, 0.2, 0.3, 0.0], [0.0, 1.0, 0.0, 0.0]]
    assert links(rows, [4, 5, 6, 2], [5, 4, 2], task) == "1-0 0-1"


def test_unknown_words_are_aligned_as_others_are(task: TaskInfo) -> None:
    assert links([[0.2, 0.8, 0.0], [0.9, 0.1, 0.0], [0.0, 0.0, 1.0]], [4, 3, 2], [3, 4, 2], task) == "1-0 0-1"


@pytest.mark.parametrize(("source", "target"), [([2], [4, 2]), ([4, 2], [2])])
def test_without_text_there_are_no_links(source: list[int], target: list[int], task: TaskInfo) -> None:
    assert links(torch.ones(len(target), len(source)).tolist(), source, target, task) == ""


def test_tags_are_no_text(task: TaskInfo) -> None:
    tagged = TaggedDictionary(task.source_dictionary, ["<de>", "<BT>"])  # 7 and 8
    both = TaskInfo(tagged, tagged)
    # <de> <BT> a b $ to <de> b a $: the tags get most attention, of a tag too.
    rows = [[0.9, 0.1, 0, 0, 0], [0.6, 0, 0.1, 0.3, 0], [0, 0.5, 0.3, 0.2, 0], [0, 0, 0, 0, 1.0]]
    assert links(rows, [7, 8, 4, 5, 2], [7, 5, 4, 2], both) == "1-0 0-1"


def test_hypotheses_of_a_batch_are_cut_to_their_lengths(
    task: TaskInfo, net_input: Callable[[Sequence[str]], dict[str, Tensor]]
) -> None:
    # What is beyond a length would win, if it were looked at.
    attention = torch.full((3, 4, 4), 9.0)
    attention[0] = torch.tensor([[0.1, 0.2, 0.7, 0], [0.1, 0.6, 0.3, 0], [0.5, 0.2, 0.2, 0.1], [0, 0, 0, 1]])
    attention[1, :2] = torch.tensor([[0, 0.4, 0.6, 0], [0, 0, 0, 1]])
    attention[2, :3, :2] = torch.tensor([[0.25, 0.75], [1, 0], [0, 1]])
    model = ByHand(task, attention).train()
    batch = net_input(["abc", "b", "a"])
    batch["prefix_tokens"] = torch.zeros(3, 1, dtype=torch.long)
    task = replace(task, decoding_start=0)
    found = align([model], batch, [[hypothesis(4, 5, 6, 2), hypothesis(4, 2)], [], [hypothesis(5, 3, 2)]], task)
    assert [[one.hard for one in each] for each in found] == [["2-0 1-1 0-2", "2-0"], [], ["0-0 0-1"]]
    assert [tuple(one.attention.shape) for each in found for one in each] == [(4, 4), (2, 4), (3, 2)]
    assert found[2][0].soft == "0.250000,0.750000 1.000000,0.000000 0.000000,1.000000"
    (seen,) = model.inputs
    assert {name: x.tolist() for name, x in seen.items()} == {
        "source_tokens": [[4, 5, 6, 2], [4, 5, 6, 2], [4, 2, 1, 1]],
        "source_lengths": [4, 4, 2],
        "prev_output_tokens": [[0, 4, 5, 6], [0, 4, 1, 1], [0, 5, 3, 1]],
    }
    assert model.training


def test_an_ensemble_attends_as_its_models_do_on_average(
    task: TaskInfo, net_input: Callable[[Sequence[str]], dict[str, Tensor]]
) -> None:
    first, second = torch.tensor([[[0.6, 0.4, 0], [0, 0, 1.0]]]), torch.tensor([[[0.2, 0.6, 0.2], [0, 0.5, 0.5]]])
    ((one,),) = align([ByHand(task, x) for x in (first, second)], net_input(["ab"]), [[hypothesis(4, 2)]], task)
    torch.testing.assert_close(one.attention, torch.tensor([[0.4, 0.5, 0.1], [0, 0.25, 0.75]]))
    assert one.links == [(1, 0)]


def test_nothing_to_align(task: TaskInfo) -> None:
    assert align([], {}, [[], []], task) == [[], []]


SIZES: dict[str, Any] = {
    f"{side}_{name}": value
    for side in ("encoder", "decoder")
    for name, value in (("embed_dim", 8), ("ffn_embed_dim", 8), ("layers", 2), ("attention_heads", 2))
}
MODELS: list[Callable[[TaskInfo], FeatureModel]] = [
    lambda task: Transformer(TransformerConfig(**SIZES), task),
    lambda task: TransformerAlign(TransformerAlignConfig(**SIZES, alignment_layer=0), task),
    lambda task: TransformerAlign(
        TransformerAlignConfig(**SIZES, alignment_layer=1, full_context_alignment=True), task
    ),
]


@pytest.mark.parametrize("make", MODELS)
def test_other_sentences_of_a_batch_do_not_matter(make: Callable[[TaskInfo], FeatureModel]) -> None:
    task = toy_task()
    torch.manual_seed(1)
    model = make(task)
    source = torch.tensor([[4, 5, 6, 7, 2], [8, 9, 2, 1, 1], [2, 1, 1, 1, 1]])
    lengths = torch.tensor([5, 3, 1])
    hypotheses = [[hypothesis(4, 5, 2), hypothesis(7, 6, 9, 8, 10, 2)], [hypothesis(6, 7, 5, 2)], [hypothesis(2)]]
    found = align([model], {"source_tokens": source, "source_lengths": lengths}, hypotheses, task)
    for row, each in enumerate(hypotheses):
        length = int(lengths[row])
        alone = {"source_tokens": source[[row], :length], "source_lengths": lengths[[row]]}
        for one, together in zip(each, found[row], strict=True):
            ((expected,),) = align([model], alone, [[one]], task)
            torch.testing.assert_close(together.attention, expected.attention)
            torch.testing.assert_close(expected.attention.sum(1), torch.ones(len(one.tokens)))
            assert together.links == expected.links
            assert [target for _, target in together.links] == list(range(len(one.tokens) - 1 if length > 1 else 0))


def test_it_is_the_attention_of_the_pass_that_is_trained() -> None:
    task = toy_task()
    model = MODELS[2](task).eval()
    inputs = {"source_tokens": torch.tensor([[4, 5, 2]]), "source_lengths": torch.tensor([3])}
    ((found,),) = align([model], inputs, [[hypothesis(6, 7, 2)]], task)
    assert isinstance(model, TransformerAlign)
    _, expected = model.extract_with_attention(**inputs, prev_output_tokens=torch.tensor([[2, 6, 7]]))
    torch.testing.assert_close(found.attention, expected[0].detach())


def test_a_model_that_does_not_tell(table_model: Callable[..., Model], task: TaskInfo) -> None:
    source = {"source_tokens": torch.tensor([[4, 2]]), "source_lengths": torch.tensor([2])}
    with pytest.raises(ConfigError, match=r"^IncrementalTableModel does not tell how it attends .*transformer_align"):
        align([table_model({})], source, [[hypothesis(4, 2)]], task)
    language_model = TransformerLM(TransformerLMConfig(decoder_embed_dim=8, decoder_layers=1), toy_task(joint=True))
    with pytest.raises(ConfigError, match="does not tell how it attends to its source"):
        align([language_model], {"prefix_tokens": torch.tensor([[4]])}, [[hypothesis(4, 2)]], toy_task())
