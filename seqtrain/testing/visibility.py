"""What every model guarantees of what it sees: no padding, other sentences, later tokens or other documents."""

import inspect

import torch

from seqtrain.config import ModelConfig
from seqtrain.models import DecoderModel, EncoderModel, TaskInfo
from seqtrain.testing.guarantees import assert_close
from seqtrain.testing.inputs import (
    SAME_LENGTHS,
    SOURCE_LENGTHS,
    TARGET_LENGTHS,
    alone,
    build,
    predicted,
    random_input,
    run,
)

DOCUMENTS = ([0, 0, 1, 2, 2, 2], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0])
"""Numbers of the documents that the tokens of such sentences belong to."""


def check_padding(cfg: ModelConfig, task: TaskInfo) -> None:
    """Padding changes nothing: a sentence beside longer ones gets the logits that it gets alone."""
    model = build(cfg, task).eval()
    for side, lengths in {
        "source_tokens": (SOURCE_LENGTHS, SAME_LENGTHS),
        "prev_output_tokens": (SAME_LENGTHS, TARGET_LENGTHS),
    }.items():
        net_input = random_input(model, task, *lengths)
        if side not in net_input:
            continue
        logits = run(model, net_input)
        for row in range(len(logits)):
            expected = run(model, alone(net_input, row))
            assert_close(
                logits[[row], : expected.size(1)],
                expected,
                f"padding of {side} changes the logits: mask it, and count positions and lengths without it",
            )


def check_batch(cfg: ModelConfig, task: TaskInfo) -> None:
    """The other sentences of a batch change nothing: each gets the logits that it gets alone."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task, SAME_LENGTHS, SAME_LENGTHS)
    logits = run(model, net_input)
    for row in range(len(logits)):
        assert_close(
            logits[[row]], run(model, alone(net_input, row)), "another sentence of the batch changes the logits"
        )


def check_causality(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """What is predicted for a position does not depend on later tokens."""
    model = build(cfg, task).eval()
    if isinstance(model, EncoderModel):
        return "an encoder sees all tokens"
    net_input = random_input(model, task)
    logits = run(model, net_input)
    for length in range(1, logits.size(1)):
        changed = random_input(model, task)
        predicted(changed)[:, length:] = task.target_dictionary.unk
        what = f"a later token changes the logits at position {length - 1}: check the causal mask, it may be off by one"
        assert_close(run(model, changed)[:, length - 1], logits[:, length - 1], what)
    return None


def check_documents(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Documents that stand in a row together get the logits that each gets alone."""
    model = build(cfg, task).eval()
    if not isinstance(model, DecoderModel):
        return "it is no language model"
    if "source_documents" not in inspect.signature(model.extract_features).parameters:
        return "the model takes no source_documents: it cannot keep documents apart"
    net_input = random_input(model, task, SAME_LENGTHS)
    logits = run(model, net_input | {"source_documents": torch.tensor(DOCUMENTS)})
    for row, documents in enumerate(DOCUMENTS):
        for number in set(documents):
            of_document = slice(documents.index(number), documents.index(number) + documents.count(number))
            expected = run(model, {"source_tokens": net_input["source_tokens"][row, None, of_document]})
            what = "another document in the row changes the logits: hide it, and count positions from each one's start"
            assert_close(logits[row, None, of_document], expected, what)
    return None
