import torch

from seqtrain.testing.judged import LinearModel, LogitsModel, ProjectingModel, padded, random_batch, rows_of
from seqtrain.testing.toy import toy_task


def test_the_models_give_the_same_logits() -> None:
    task = toy_task()
    batch = random_batch(task)
    first, *others = (model(task)(**batch.net_input) for model in (LogitsModel, ProjectingModel, LinearModel))
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
