import pytest
import torch

from seqtrain.models import DecoderModel, Model, ModelConfig
from seqtrain.testing.inputs import predicted, random_batch, random_input, random_tokens
from seqtrain.testing.judged import LogitsModel
from seqtrain.testing.toy import toy_task


class LanguageModel(DecoderModel):
    """Takes ``source_tokens`` alone."""

    def extract_features(self, source_tokens: torch.Tensor) -> torch.Tensor:
        return source_tokens

    def project(self, features: torch.Tensor) -> torch.Tensor:
        return features


def test_tokens_end_and_are_padded() -> None:
    tokens = random_tokens(toy_task().target_dictionary, (3, 1))
    assert tokens[:, 1:].tolist() == [[tokens[0, 1], 2], [1, 1]]
    assert tokens[1, 0] == 2
    assert tokens[0, :2].min() >= 4
    assert random_tokens(toy_task().target_dictionary, (2,), end=False).min() >= 4


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (LogitsModel(toy_task()), {"source_tokens", "source_lengths", "prev_output_tokens"}),
        (LanguageModel(ModelConfig(), toy_task()), {"source_tokens", "source_lengths"}),
    ],
)
def test_a_model_gets_what_it_takes_the_same_each_time(model: Model, names: set[str]) -> None:
    task = toy_task()
    net_input = random_input(model, task)
    assert net_input.keys() == names
    assert all(torch.equal(x, random_input(model, task)[name]) for name, x in net_input.items())
    batch = random_batch(model, task)
    assert batch.target.shape == predicted(net_input).shape
    assert batch.ntokens == int(batch.target.ne(1).sum())
    assert batch.target.max() < len(task.target_dictionary)
