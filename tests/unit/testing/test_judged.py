import torch

from seqtrain.base import logits_of
from seqtrain.config import CriterionConfig
from seqtrain.criterions.label_smoothed_cross_entropy_with_alignment import LabelSmoothedCrossEntropyWithAlignmentConfig
from seqtrain.testing.judged import models_for, padded, random_batch, rows_of
from seqtrain.testing.toy import toy_task


def test_the_models_give_the_same_logits() -> None:
    task = toy_task()
    batch = random_batch(task)
    models = [*models_for(CriterionConfig()), *models_for(LabelSmoothedCrossEntropyWithAlignmentConfig())]
    first, *others = (logits_of(model(task)(**batch.net_input)) for model in models)
    assert first.shape == (4, 6, 16)
    for logits in others:
        assert torch.equal(logits, first)


def test_batches() -> None:
    task = toy_task()
    batch = random_batch(task, lengths=(2, 1))
    assert batch.target[:, 1].tolist() == [2, 1]
    assert batch.target[1].tolist() == [2, 1]
    assert batch.net_input["prev_output_tokens"][0].tolist() == [2, int(batch.target[0, 0])]
    assert (batch.ntokens, batch.nsentences) == (3, 2)
    assert padded(batch, 2, task).target[0].tolist() == [*batch.target[0].tolist(), 1, 1]
    assert rows_of(batch, slice(1, 2), task).target.tolist() == [[2, 1]]


def test_batches_are_aligned() -> None:
    task = toy_task()
    batch = random_batch(task, lengths=(2, 1))
    assert batch.net_input["source_lengths"].tolist() == [4, 2]
    assert batch.net_input["source_tokens"].eq(1).sum(dim=1).tolist() == [0, 2]
    assert batch.alignments is not None
    assert batch.alignments.tolist() == [[[0, 0], [2, 1], [1, 0]], [[0, 0], [-1, -1], [1, 0]]]
