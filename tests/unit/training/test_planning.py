import numpy as np
import numpy.typing as npt
import torch

import seqtrain
from seqtrain.base import Batch, PlanSpec
from seqtrain.data.dataset import PlannedDataset
from seqtrain.training.planning import describe_plan, training_plan


class Lengths(PlannedDataset):
    fingerprint = ""

    def __init__(self, lengths: list[list[int]]) -> None:
        self.lengths = np.array(lengths, dtype=np.int32)
        self.ids = np.arange(len(lengths))

    def collate(self, ids: npt.NDArray[np.int64]) -> Batch:
        return Batch(torch.from_numpy(ids), {}, torch.empty(len(ids), 0), ntokens=0, nsentences=len(ids))


def test_the_plan_is_that_of_the_config() -> None:
    cfg = seqtrain.compose(
        [
            "dataset.max_tokens=7",
            "dataset.max_sentences=6",
            "dataset.required_batch_size_multiple=5",
            "dataset.shuffle_window=4",
            "training.seed=3",
            "training.max_update=1",
        ]
    )
    assert training_plan(cfg, 2) == PlanSpec(7, 6, 5, seed=3, shuffle=True, window=4, lanes=2)


def test_a_plan_in_words() -> None:
    # batches {3-3, 2-4} and {6-6}: 24 tokens in 2 x 3 + 2 x 4 + 12 positions
    dataset = Lengths([[2, 4], [6, 6], [3, 3]])
    words = "2 batches an epoch, 7.7% of their positions are padding"
    assert describe_plan(dataset, PlanSpec(max_tokens=9)) == words
    assert describe_plan(dataset, PlanSpec(max_tokens=9, window=10)) == words
