"""What models with the incremental interface guarantee of it."""

from typing import Any

import torch
from torch import Tensor

from seqtrain.base import IncrementalModel, PrefillingModel
from seqtrain.config import ModelConfig
from seqtrain.models import DecoderModel, Model, TaskInfo
from seqtrain.testing.guarantees import assert_close
from seqtrain.testing.inputs import SOURCE_LENGTHS, build, random_input, random_tokens, run

BEAM, LENGTH = 2, 6
NOT_INCREMENTAL = "the model has no decode_step: it is decoded by full forward passes"


@torch.no_grad()
def check_incremental_decoding(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Decoding token by token gives the logits of full passes."""
    model = build(cfg, task).eval()
    if not isinstance(model, IncrementalModel):
        return NOT_INCREMENTAL
    source, tokens = _source(model, task), _hypotheses(model, task)
    repeated = {name: x.repeat_interleave(BEAM, 0) for name, x in source.items()}
    incremental: IncrementalModel[Any, Any] = model
    encoded = incremental.encode(**source)
    state = incremental.new_state(encoded, len(tokens), LENGTH)
    for position in range(LENGTH):
        logits = incremental.decode_step(tokens[:, position], encoded, state)
        full = run(model, _continued(model, repeated, tokens[:, : position + 1]))
        what = f"decode_step differs from a full pass at position {position}: check what the state keeps of each token"
        assert_close(logits, full[:, -1], what)
    return None


@torch.no_grad()
def check_reordering(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Hypotheses that a search picks, repeats or drops go on as if they had been decoded from their start."""
    model = build(cfg, task).eval()
    if not isinstance(model, IncrementalModel):
        return NOT_INCREMENTAL
    incremental: IncrementalModel[Any, Any] = model
    source, later = _source(model, task), _hypotheses(model, task)
    encoded, tokens = incremental.encode(**source), later
    state, _ = _decoded(incremental, encoded, tokens[:, :1])
    for position, order, sentences in (
        (1, [1, 1, 3, 2, 5, 5], [0, 1, 2]),  # The second hypothesis takes the place of the first, or changes with it.
        (3, [1, 0, 4, 5], [0, 2]),  # The second sentence is done.
        (5, [1, 0, 0, 2, 2, 3], [0, 1]),  # There are more hypotheses of each sentence.
    ):
        rows, kept = torch.tensor(order), torch.tensor(sentences)
        state.reorder(rows)
        encoded, source = encoded.reorder(kept), {name: x[kept] for name, x in source.items()}
        tokens = torch.cat([tokens[rows, :position], later[: len(rows), position:]], dim=1)
        for now in range(position, min(position + 2, LENGTH)):
            logits = incremental.decode_step(tokens[:, now], encoded, state)
            _, expected = _decoded(incremental, incremental.encode(**source), tokens[:, : now + 1])
            what = "after state.reorder(order) a hypothesis goes on with another's state: reorder all that it holds"
            assert_close(logits, expected, what)
    return None


@torch.no_grad()
def check_prefilling(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Tokens that are taken up in one pass leave the state that decoding them one by one leaves."""
    model = build(cfg, task).eval()
    if not isinstance(model, PrefillingModel):
        return "the model has no prefill: given tokens are taken up one by one"
    prefilling: PrefillingModel[Any, Any] = model
    tokens = _hypotheses(model, task)
    encoded = prefilling.encode(**_source(model, task))
    state = prefilling.new_state(encoded, len(tokens), LENGTH)
    for start, end in ((0, 2), (2, 3), (3, 5)):
        prefilling.prefill(tokens[:, start:end], encoded, state)
    _, expected = _decoded(prefilling, encoded, tokens)
    what = "after prefill(tokens) decode_step gives other logits than after decoding the tokens one by one"
    assert_close(prefilling.decode_step(tokens[:, 5], encoded, state), expected, what)
    return None


def _continued(model: Model, source: dict[str, Tensor], tokens: Tensor) -> dict[str, Tensor]:
    """Return the ``net_input`` of a full pass over tokens (N, T), given a source of as many rows if there is one."""
    if isinstance(model, DecoderModel):
        return {"source_tokens": tokens, "source_lengths": torch.full((len(tokens),), tokens.size(1))}
    return {**source, "prev_output_tokens": tokens}


def _source(model: Model, task: TaskInfo) -> dict[str, Tensor]:
    return {name: x for name, x in random_input(model, task).items() if name != "prev_output_tokens"}


def _hypotheses(model: Model, task: TaskInfo) -> Tensor:
    dictionary = task.source_dictionary if isinstance(model, DecoderModel) else task.target_dictionary
    return random_tokens(dictionary, [LENGTH] * (BEAM * len(SOURCE_LENGTHS)), end=False)


def _decoded(model: IncrementalModel[Any, Any], encoded: Any, tokens: Tensor) -> tuple[Any, Tensor]:
    """Decode tokens (N, T) from the start; return the state and the last logits (N, V)."""
    state = model.new_state(encoded, len(tokens), LENGTH)
    logits = [model.decode_step(column, encoded, state) for column in tokens.unbind(1)]
    return state, logits[-1]
