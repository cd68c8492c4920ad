"""What models that keep documents apart guarantee of it."""

import inspect

import torch
from torch import Tensor

from seqtrain.config import ModelConfig
from seqtrain.models import FeatureModel, Model, TaskInfo
from seqtrain.testing.guarantees import assert_close
from seqtrain.testing.inputs import build, random_tokens, run

DOCUMENTS = torch.tensor([[0, 0, 0, 1, 1, 2], [0, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1]])
LENGTHS = (6, 6, 4)


@torch.no_grad()
def check_documents(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Documents in one row that are numbered get the logits that each gets alone."""
    model = build(cfg, task).eval()
    if not _takes_documents(model):
        return "the model takes no source_documents"
    tokens = random_tokens(task.source_dictionary, LENGTHS)
    logits = run(model, {**_input(tokens, LENGTHS), "source_documents": DOCUMENTS})
    for row, length in enumerate(LENGTHS):
        for document in DOCUMENTS[row, :length].unique():
            there = (DOCUMENTS[row, :length] == document).nonzero()[:, 0]
            alone = run(model, _input(tokens[row, there][None], [len(there)]))
            what = "another document of the row changes the logits: mask it, and count positions anew in each"
            assert_close(logits[row, there][None], alone, what)
    return None


def _takes_documents(model: Model) -> bool:
    method = model.extract_features if isinstance(model, FeatureModel) else model.forward
    return "source_documents" in inspect.signature(method).parameters


def _input(tokens: Tensor, lengths: list[int] | tuple[int, ...]) -> dict[str, Tensor]:
    return {"source_tokens": tokens, "source_lengths": torch.tensor(lengths)}
