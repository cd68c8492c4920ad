from dataclasses import replace

import numpy as np
import pytest

from seqtrain.base import Batch, Dictionary, PlanSpec
from seqtrain.data.blocks import BlockDataset, BlockSpec, PromptDataset, Target
from seqtrain.data.cuts import BreakMode
from seqtrain.data.store import Tokens

BOS, PAD, EOS = Dictionary.bos, Dictionary.pad, Dictionary.eos
TEXT = Tokens.from_sentences([[14, 15, EOS], [16, EOS], [EOS], [17, 18, 19, EOS], [20, EOS]])
"""14 15 $ 16 $ $ 17 18 19 $ 20 $: two documents of two lines each."""
SPEC = BlockSpec(BreakMode.none, size=5, limit=5)


def batch(spec: BlockSpec, *ids: int, tokens: Tokens = TEXT) -> Batch:
    dataset = BlockDataset(tokens, spec)
    return dataset.collate(np.array(ids or dataset.ids))


def test_the_source_is_the_target_shifted_by_one() -> None:
    found = batch(SPEC)
    assert found.target.tolist() == [[14, 15, EOS, 16, EOS], [EOS, 17, 18, 19, EOS], [20, EOS, PAD, PAD, PAD]]
    assert found.net_input["source_tokens"].tolist() == [
        [EOS, 14, 15, EOS, 16], [EOS, EOS, 17, 18, 19], [EOS, 20, PAD, PAD, PAD],
    ]  # fmt: skip
    assert found.net_input["source_lengths"].tolist() == [5, 5, 2]
    assert (found.ntokens, found.nsentences, found.ids.tolist()) == (12, 3, [0, 1, 2])
    assert "source_documents" not in found.net_input


def test_a_block_in_the_middle_begins_with_the_token_before_it() -> None:
    found = batch(replace(SPEC, size=4, limit=4), 1)
    assert found.target.tolist() == [[EOS, EOS, 17, 18]]
    assert found.net_input["source_tokens"].tolist() == [[16, EOS, EOS, 17]]


def test_whole_sentences_and_documents() -> None:
    found = batch(replace(SPEC, mode=BreakMode.complete_doc, limit=9))
    assert found.target.tolist() == [[14, 15, EOS, 16, EOS], [17, 18, 19, EOS, PAD], [20, EOS, PAD, PAD, PAD]]
    # The empty line before the second document is in no block, and is what the block begins from.
    assert found.net_input["source_tokens"][1].tolist() == [EOS, 17, 18, 19, PAD]
    assert BlockDataset(TEXT, replace(SPEC, mode=BreakMode.complete_doc)).num_tokens == 11


def test_a_sentence_over_the_limit_is_cut_and_nothing_is_lost() -> None:
    found = batch(replace(SPEC, mode=BreakMode.eos, limit=3))
    assert found.target.tolist() == [
        [14, 15, EOS], [16, EOS, PAD], [EOS, PAD, PAD], [17, 18, 19], [EOS, PAD, PAD], [20, EOS, PAD],
    ]  # fmt: skip
    assert found.net_input["source_tokens"][4].tolist() == [19, PAD, PAD]


def test_targets_self_and_past() -> None:
    itself, past = (batch(replace(SPEC, target=target)) for target in (Target.self, Target.past))
    assert itself.target.tolist() == itself.net_input["source_tokens"].tolist()
    assert past.target.tolist() == [[PAD, EOS, 14, 15, EOS], [16, EOS, EOS, 17, 18], [19, EOS, PAD, PAD, PAD]]
    assert past.net_input["source_tokens"].tolist() == itself.net_input["source_tokens"].tolist()
    assert (itself.ntokens, past.ntokens) == (12, 11)


def test_bos_takes_the_place_of_the_token_before_a_block() -> None:
    found = batch(replace(SPEC, bos=True))
    assert found.net_input["source_tokens"].tolist() == [
        [BOS, 14, 15, EOS, 16], [BOS, EOS, 17, 18, 19], [BOS, 20, PAD, PAD, PAD],
    ]  # fmt: skip
    assert found.target.tolist() == batch(SPEC).target.tolist()


def test_context_is_given_and_not_predicted() -> None:
    found = batch(replace(SPEC, context=2))  # blocks of three, each behind the two before it
    assert found.target.tolist() == [
        [14, 15, EOS, PAD, PAD],
        [PAD, PAD, 16, EOS, EOS],
        [PAD, PAD, 17, 18, 19],
        [PAD, PAD, EOS, 20, EOS],
    ]
    assert found.net_input["source_tokens"].tolist() == [
        [EOS, 14, 15, PAD, PAD],
        [14, 15, EOS, 16, EOS],
        [16, EOS, EOS, 17, 18],
        [17, 18, 19, EOS, 20],
    ]
    assert found.net_input["source_lengths"].tolist() == [3, 5, 5, 5]
    assert found.ntokens == 12


@pytest.mark.parametrize("mode", BreakMode)
@pytest.mark.parametrize("context", [0, 1, 4])
def test_each_token_is_predicted_once_and_after_the_one_before_it(mode: BreakMode, context: int) -> None:
    spec = BlockSpec(mode, size=6, limit=6, context=context)
    text = TEXT.tokens[:].tolist()
    dataset, predicted = BlockDataset(TEXT, spec), list[int]()
    for id in dataset.ids:
        one = dataset.collate(np.array([id]))
        positions, _ = dataset.positions(np.array([id]))
        for position, given, target in zip(
            positions[0], one.net_input["source_tokens"][0].tolist(), one.target[0].tolist(), strict=True
        ):
            assert given == (text[position - 1] if position else EOS)
            if target != PAD:
                assert target == text[position]
                predicted.append(int(position))
    boundary = [5] if mode is BreakMode.complete_doc else []
    assert sorted(predicted) == [position for position in range(12) if position not in boundary]
    assert dataset.lengths.max() <= 6


def test_documents_are_numbered_in_each_row() -> None:
    found = batch(replace(SPEC, size=7, limit=7, documents=True))
    assert found.target.tolist() == [[14, 15, EOS, 16, EOS, EOS, 17], [18, 19, EOS, 20, EOS, PAD, PAD]]
    # The empty line's own end is of the first document, and what the second is predicted from is of the second.
    assert found.net_input["source_tokens"][0].tolist() == [EOS, 14, 15, EOS, 16, EOS, EOS]
    assert found.net_input["source_documents"].tolist() == [[0, 0, 0, 0, 0, 0, 1], [0] * 7]


@pytest.mark.parametrize("bos", [False, True])
@pytest.mark.parametrize("target", Target)
def test_documents_that_are_apart_are_seen_as_they_are_alone(target: Target, bos: bool) -> None:
    spec = replace(SPEC, size=12, limit=12, target=target, bos=bos, documents=True)
    together = batch(spec)
    source = together.net_input["source_tokens"]
    assert together.net_input["source_documents"].tolist() == [[0] * 6 + [1] * 6]
    for document, columns in ((TEXT.part(0, 3), slice(0, 6)), (TEXT.part(3, 5), slice(6, 12))):
        alone = batch(spec, tokens=document)
        assert source[:, columns].tolist() == alone.net_input["source_tokens"].tolist()
        assert together.target[:, columns].tolist() == alone.target.tolist()


def test_padding_carries_the_number_of_the_last_document() -> None:
    found = batch(replace(SPEC, size=8, limit=8, documents=True, shift=7))
    assert found.net_input["source_documents"].tolist() == [[0, 0, 0, 0, 0, 0, 1], [0] * 7]
    alone = batch(replace(SPEC, size=9, limit=9, documents=True, shift=0), 0, 1)
    assert alone.net_input["source_documents"].tolist() == [[0] * 6 + [1] * 3, [0] * 9]


def test_the_text_before_a_block_is_found_in_a_part_of_it() -> None:
    found = batch(SPEC, 0, tokens=TEXT.part(3, 5))
    assert found.target.tolist() == [[17, 18, 19, EOS, 20]]
    assert found.net_input["source_tokens"].tolist() == [[EOS, 17, 18, 19, EOS]]


def test_sentences_in_which_blocks_begin() -> None:
    dataset = BlockDataset(TEXT, SPEC)
    assert dataset.sentences(dataset.ids).tolist() == [0, 2, 4]


def test_fingerprints_tell_specs_and_texts_apart() -> None:
    specs = [SPEC, replace(SPEC, shift=1), replace(SPEC, target=Target.past), replace(SPEC, documents=True)]
    found = {BlockDataset(text, spec).fingerprint for spec in specs for text in (TEXT, TEXT.part(0, 2))}
    assert len(found) == 8
    assert BlockDataset(TEXT, SPEC).fingerprint in found


def test_an_epoch_has_each_block_once_in_an_order_of_its_own() -> None:
    dataset = BlockDataset(TEXT, replace(SPEC, size=2, limit=2))
    orders = [
        [id for batch in dataset.batches(epoch=epoch, plan=PlanSpec(max_sentences=2)) for id in batch.ids.tolist()]
        for epoch in (1, 2)
    ]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(6))
    assert orders[0] != orders[1]


def test_prompts() -> None:
    dataset = PromptDataset([[14, 15], [], [16, 17, 18, 19]], max_length=3)
    assert len(dataset) == 3
    found = dataset.collate(np.array([0, 1, 2]))
    assert found.net_input["prefix_tokens"].tolist() == [[14, 15, PAD], [PAD] * 3, [16, 17, 18]]
    assert (found.target.shape, found.ntokens, found.nsentences) == ((3, 0), 0, 3)
