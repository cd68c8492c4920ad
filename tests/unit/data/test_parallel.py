from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from seqtrain.base import Batch, PlanSpec
from seqtrain.data.parallel import ParallelDataset, SourceDataset
from seqtrain.data.plan import padding_share
from seqtrain.data.store import Tokens, TokenStore
from seqtrain.data.text import read_lines
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceTokenizer
from seqtrain.errors import DataError

SOURCE = [[5, 6, 2], [2], [7, 8, 9, 10, 2], [4, 2]]
TARGET = [[15, 2], [16, 2], [17, 2], [18, 19, 20, 2]]
MULTI30K = Path(__file__).parents[3] / "../shared/data/multi30k/tok"


def pairs(
    *, limit: tuple[int, int] = (10, 10), for_training: bool = True, source: list[list[int]] = SOURCE
) -> ParallelDataset:
    return ParallelDataset(
        Tokens.from_sentences(source), Tokens.from_sentences(TARGET), limit, for_training=for_training
    )


def only_batch(dataset: ParallelDataset | SourceDataset) -> Batch:
    (batch,) = dataset.batches(epoch=1, plan=PlanSpec(shuffle=False))
    return batch


def rows(tensor: Tensor) -> list[list[int]]:
    assert tensor.dtype == torch.int64
    values: list[list[int]] = tensor.tolist()
    return values


def test_collate_by_hand() -> None:
    batch = pairs().collate(np.array([2, 0, 3]))
    assert batch.ids.tolist() == [2, 0, 3]
    assert sorted(batch.net_input) == ["prev_output_tokens", "source_lengths", "source_tokens"]
    assert rows(batch.net_input["source_tokens"]) == [[7, 8, 9, 10, 2], [5, 6, 2, 1, 1], [4, 2, 1, 1, 1]]
    assert batch.net_input["source_lengths"].tolist() == [5, 3, 2]
    assert rows(batch.target) == [[17, 2, 1, 1], [15, 2, 1, 1], [18, 19, 20, 2]]
    assert rows(batch.net_input["prev_output_tokens"]) == [[2, 17, 1, 1], [2, 15, 1, 1], [2, 18, 19, 20]]
    assert (batch.ntokens, batch.nsentences) == (8, 3)


def test_collate_one_token_and_none() -> None:
    batch = pairs(for_training=False).collate(np.array([1]))
    assert rows(batch.net_input["source_tokens"]) == [[2]]
    batch = pairs().collate(np.array([], dtype=np.int64))
    assert batch.target.shape == (0, 0)
    assert (batch.ntokens, batch.nsentences) == (0, 0)


def test_batches_are_in_the_order_of_the_plan() -> None:
    assert only_batch(pairs()).ids.tolist() == [0, 3, 2]


def test_training_leaves_out_empty_and_long_pairs_and_counts_them() -> None:
    dataset = pairs(limit=(4, 10))
    assert (dataset.empty.tolist(), dataset.too_long.tolist(), dataset.truncated.tolist()) == ([1], [2], [])
    assert len(dataset) == 2
    assert dataset.lengths.tolist() == [[3, 2], [2, 4]]
    assert dataset.num_tokens == (5, 6)
    assert only_batch(dataset).ids.tolist() == [0, 3]


def test_an_empty_pair_over_the_limit_counts_once() -> None:
    dataset = pairs(limit=(10, 3), source=[*SOURCE[:3], [2]])
    assert (dataset.empty.tolist(), dataset.too_long.tolist(), len(dataset)) == ([1, 3], [], 2)


def test_validation_leaves_out_none_and_truncates() -> None:
    dataset = pairs(limit=(3, 3), for_training=False)
    assert (dataset.empty.tolist(), dataset.too_long.tolist(), dataset.truncated.tolist()) == ([], [], [2, 3])
    assert dataset.num_tokens == (9, 9)
    batch = dataset.collate(np.arange(4))
    assert rows(batch.net_input["source_tokens"]) == [[5, 6, 2], [2, 1, 1], [7, 8, 2], [4, 2, 1]]
    assert rows(batch.target) == [[15, 2, 1], [16, 2, 1], [17, 2, 1], [18, 19, 2]]
    assert rows(batch.net_input["prev_output_tokens"]) == [[2, 15, 1], [2, 16, 1], [2, 17, 1], [2, 18, 19]]
    assert batch.ntokens == 9


def test_nothing_left_to_train_on() -> None:
    with pytest.raises(DataError) as error:
        pairs(limit=(10, 1))
    assert str(error.value) == (
        "there is nothing to train on: of 4 pairs 1 have an empty side and 3 a side of more than 10 source or 1 "
        "target tokens; check task.train, or raise task.max_source_positions and task.max_target_positions"
    )


def test_stores_of_unequal_length() -> None:
    with pytest.raises(DataError, match="the source has 3 sentences and the target 4; index both again"):
        pairs(source=SOURCE[:3])


def test_fingerprint_is_of_content_and_limits() -> None:
    prints = {
        dataset.fingerprint
        for dataset in (
            pairs(),
            pairs(limit=(10, 9)),
            pairs(for_training=False),
            pairs(source=[*SOURCE[:3], [5, 2]]),
        )
    }
    assert len(prints) == 4
    assert pairs().fingerprint == pairs().fingerprint


def test_source_only() -> None:
    dataset = SourceDataset([[5, 6, 7, 2], [2], [4, 2]], max_length=3)
    batch = only_batch(dataset)
    assert batch.ids.tolist() == [1, 2, 0]
    assert sorted(batch.net_input) == ["source_lengths", "source_tokens"]
    assert rows(batch.net_input["source_tokens"]) == [[2, 1, 1], [4, 2, 1], [5, 6, 2]]
    assert batch.net_input["source_lengths"].tolist() == [1, 2, 3]
    assert batch.target.shape == (3, 0)
    assert (batch.ntokens, batch.nsentences, len(dataset.truncated), len(dataset)) == (0, 3, 1, 3)


def test_no_sentences_to_translate() -> None:
    assert list(SourceDataset([], max_length=3).batches(epoch=1, plan=PlanSpec(max_tokens=10))) == []


@pytest.mark.skipif(not MULTI30K.is_dir(), reason="Multi30k is not beside the repository")
def test_multi30k_is_batched_with_little_padding(tmp_path: Path) -> None:
    lines = {language: list(read_lines(MULTI30K / f"train.{language}.gz")) for language in ("en", "de")}
    tokenizer = SentencePieceTokenizer(SentencePieceConfig())
    tokenizer.train([*lines["en"], *lines["de"]], tmp_path, "joined")
    dictionary = tokenizer.load(tmp_path, "joined")
    stores = []
    for language, text in lines.items():
        (tmp_path / language).mkdir()
        sentences = ([*ids, dictionary.eos] for ids in dictionary.encode_lines(text))
        TokenStore.write(tmp_path / language, sentences, len(dictionary))
        stores.append(TokenStore(tmp_path / language))
    dataset = ParallelDataset(stores[0], stores[1], (1024, 1024), for_training=True)
    spec = PlanSpec(max_tokens=4096)
    assert len(dataset) == 29_000
    assert padding_share(dataset.plan(spec, epoch=1), dataset.lengths.__getitem__) < 0.03
    batches = list(dataset.batches(epoch=1, plan=spec))
    assert sum(batch.ntokens for batch in batches) == dataset.num_tokens[1]
    assert torch.equal(torch.cat([batch.ids for batch in batches]).sort().values, torch.arange(29_000))
