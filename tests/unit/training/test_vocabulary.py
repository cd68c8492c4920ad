from dataclasses import replace
from typing import Any

import pytest
import torch

from seqtrain.base import Model, TaskInfo
from seqtrain.config import ModelConfig
from seqtrain.data.tags import tagged
from seqtrain.errors import ConfigError
from seqtrain.models.lstm_lm import LSTMLMConfig
from seqtrain.models.transformer import TransformerConfig
from seqtrain.plugins import import_builtin
from seqtrain.registry import REGISTRIES
from seqtrain.testing.toy import SOURCE_WORDS, ToyDictionary, toy_task
from seqtrain.training.vocabulary import changed_rows, changes, check_new_symbols

import_builtin()

SMALL: dict[str, Any] = {
    f"{side}_{name}": number
    for side in ("encoder", "decoder")
    for name, number in {"embed_dim": 8, "ffn_embed_dim": 15, "layers": 1, "attention_heads": 2}.items()
}
"""As wide as the extended source dictionary is large: what goes over symbols is not told by its size."""


class Task:
    """As much of a task as building a model takes."""

    def __init__(self, info: TaskInfo) -> None:
        self.info = info

    def build_model(self, cfg: ModelConfig) -> Model:
        model: Model = REGISTRIES["model"].build(cfg, self.info)
        return model


def rows(info: TaskInfo, before: TaskInfo, cfg: ModelConfig) -> dict[str, Any]:
    task: Any = Task(info)
    return changed_rows(task, cfg, task.build_model(cfg), before)


def with_source(info: TaskInfo, tag: str) -> TaskInfo:
    return replace(info, source_dictionary=tagged(info.source_dictionary, [tag]))


def test_the_tensors_of_one_side() -> None:
    before = toy_task()
    found = rows(with_source(before, "<x>"), before, TransformerConfig(**SMALL))
    assert found == {"encoder.embedding.tokens.weight": (0, [*range(14), -1], 14)}


@pytest.mark.parametrize("shared", [False, True])
def test_the_tensors_of_a_joint_dictionary(shared: bool) -> None:
    before = toy_task(joint=True)
    joint = tagged(before.source_dictionary, ["<x>"])
    info = replace(before, source_dictionary=joint, target_dictionary=joint)
    found = rows(info, before, TransformerConfig(share_all_embeddings=shared, ctc_upsampling=2, **SMALL))
    untied = {"decoder.embedding.tokens.weight", "output_projection.weight"}
    assert found.keys() == {"encoder.embedding.tokens.weight", "ctc.projection.weight", *(() if shared else untied)}
    assert {(row.dim, row.old_size) for row in found.values()} == {(0, 26)}


def test_tags_that_change_places_change_no_size() -> None:
    before = with_source(toy_task(), "<x>")
    found = rows(with_source(toy_task(), "<y>"), before, TransformerConfig(**SMALL))
    assert found["encoder.embedding.tokens.weight"].old_ids == [*range(14), -1]


def test_the_same_symbols_change_nothing_and_build_nothing() -> None:
    info = toy_task()
    assert changed_rows(Task(info), TransformerConfig(), None, toy_task()) == {}  # type: ignore[arg-type]


def test_random_numbers_go_on_as_if_nothing_had_been_built() -> None:
    before = toy_task()
    task: Any = Task(with_source(before, "<x>"))
    model = task.build_model(TransformerConfig(**SMALL))
    state = torch.get_rng_state()
    changed_rows(task, TransformerConfig(**SMALL), model, before)
    assert torch.equal(torch.get_rng_state(), state) and len(task.info.source_dictionary) == 15


def test_bands_of_symbols() -> None:
    dictionary = ToyDictionary(SOURCE_WORDS)
    before = TaskInfo(dictionary, dictionary)
    info = replace(before, source_dictionary=tagged(dictionary, ["<x>"]), target_dictionary=tagged(dictionary, ["<x>"]))
    cfg = LSTMLMConfig(decoder_embed_dim=8, decoder_hidden_size=8, decoder_out_embed_dim=8, adaptive_softmax_cutoff=[9])
    with pytest.raises(ConfigError, match=r"output_projection.weights.1 \(6, 2\) is for some of the 15 symbols only"):
        rows(info, before, cfg)


def test_new_symbols_have_to_be_asked_for() -> None:
    before = with_source(toy_task(), "<x>")
    info = replace(before, source_dictionary=tagged(toy_task().source_dictionary, ["<y>", "<z>"]))
    with pytest.raises(ConfigError) as error:
        check_new_symbols(info, before, asked_for=False)
    what = "symbols of the source dictionary: 2 new: <y> <z>; 1 left out"
    assert str(error.value) == f"{what}; set saving.extend_vocabulary=true to give new ones rows in the model"
    check_new_symbols(info, before, asked_for=True)
    assert [str(change) for change in changes(info, before)] == [what]


def test_symbols_that_are_left_out_need_no_asking() -> None:
    before = with_source(toy_task(), "<x>")
    check_new_symbols(toy_task(), before, asked_for=False)
    assert [str(change) for change in changes(toy_task(), before)] == [
        "symbols of the source dictionary: 0 new; 1 left out"
    ]
