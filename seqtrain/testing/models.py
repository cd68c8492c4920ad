"""What every model must do, as checks to run on a plug-in of one's own: ``check_model(MyConfig(), toy_task())``.

Each check builds the model from its config, feeds it random tokens, and raises AssertionError if something is wrong.
"""

import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from seqtrain.base import Dictionary, EncoderOutput, IncrementalModel, IncrementalState, LinearlyProjected, logits_of
from seqtrain.config import ModelConfig
from seqtrain.models import REGISTRY, DecoderModel, EncoderDecoderModel, EncoderModel, FeatureModel, Model, TaskInfo

Check = Callable[[ModelConfig, TaskInfo], None]

SOURCE_LENGTHS = (5, 3, 6)
TARGET_LENGTHS = (4, 6, 5)


def check_model(cfg: ModelConfig, task: TaskInfo) -> None:
    """Run all the checks on the model that ``cfg`` describes; a small one, or they take long."""
    for check in CHECKS:
        check(cfg, task)


def check_config_pickles(cfg: ModelConfig, task: TaskInfo) -> None:
    """The config can be sent to another process."""
    assert pickle.loads(pickle.dumps(cfg)) == cfg, f"{cfg} is another one after pickling"


def check_builds_on_meta(cfg: ModelConfig, task: TaskInfo) -> None:
    """The model can be built without memory: it names no device."""
    with torch.device("meta"):
        model = REGISTRY.build(cfg, task)
    elsewhere = [name for name, parameter in model.named_parameters() if not parameter.is_meta]
    assert not elsewhere, f"built on a device of their own: {', '.join(elsewhere)}"


def check_output(cfg: ModelConfig, task: TaskInfo) -> None:
    """Logits are finite, (B, T, V); features that are projected give the same."""
    model = _build(cfg, task).eval()
    net_input = random_input(model, task)
    logits = _logits(model, net_input)
    expected = (*_predicted(net_input).shape, len(task.target_dictionary))
    assert logits.shape == expected, f"logits are {tuple(logits.shape)}, should be {expected}"
    assert logits.isfinite().all(), "logits are not finite"
    if isinstance(model, FeatureModel):
        torch.testing.assert_close(model.project(model.extract_features(**net_input)), logits)


def check_backward(cfg: ModelConfig, task: TaskInfo) -> None:
    """Every parameter that is to be trained gets a finite gradient."""
    model = _build(cfg, task).train()
    _logits(model, random_input(model, task)).square().mean().backward()  # type: ignore[no-untyped-call]  # torch's
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} gets no gradient"
            assert parameter.grad.isfinite().all(), f"the gradient of {name} is not finite"


def check_projection(cfg: ModelConfig, task: TaskInfo) -> None:
    """What ``projection_weights`` returns is all that ``project`` applies, in a model that has it."""
    model = _build(cfg, task).eval()
    if not (isinstance(model, LinearlyProjected) and isinstance(model, FeatureModel)):
        return
    weight, bias = model.projection_weights()
    features = _seeded(lambda: torch.randn(3, weight.size(1)))
    expected = torch.nn.functional.linear(features, weight, bias)
    _assert_close(model.project(features), expected, "project does something else than projection_weights says")


def check_state_dict(cfg: ModelConfig, task: TaskInfo) -> None:
    """A model that loads another's state dict computes the same."""
    model, other = _build(cfg, task).eval(), _build(cfg, task, seed=2).eval()
    other.load_state_dict(model.state_dict())
    net_input = random_input(model, task)
    assert torch.equal(_logits(model, net_input), _logits(other, net_input)), "the state dict does not hold everything"


def check_deterministic(cfg: ModelConfig, task: TaskInfo) -> None:
    """The same comes out twice: always in evaluation, with the same seed in training."""
    model = _build(cfg, task).eval()
    net_input = random_input(model, task)
    assert torch.equal(_logits(model, net_input), _logits(model, net_input)), "evaluation depends on chance"
    model.train()
    first, second = (_seeded(lambda: _logits(model, net_input)) for _ in range(2))
    assert torch.equal(first, second), "training depends on more than torch's seed"


def check_padding(cfg: ModelConfig, task: TaskInfo) -> None:
    """Each sentence of a batch gets the logits that it gets alone, without padding."""
    model = _build(cfg, task).eval()
    net_input = random_input(model, task)
    logits = _logits(model, net_input)
    lengths = {"source_tokens": SOURCE_LENGTHS, "prev_output_tokens": TARGET_LENGTHS}
    for row in range(len(SOURCE_LENGTHS)):
        alone = {
            name: x[row : row + 1, : lengths[name][row]] if name in lengths else x[row : row + 1]
            for name, x in net_input.items()
        }
        expected = _logits(model, alone)[0]
        _assert_close(logits[row, : len(expected)], expected, "padding changes the logits")


def check_causal(cfg: ModelConfig, task: TaskInfo) -> None:
    """What a decoder predicts for a position does not depend on later tokens."""
    model = _build(cfg, task).eval()
    if not isinstance(model, EncoderDecoderModel | DecoderModel):
        return
    net_input = random_input(model, task)
    logits = _logits(model, net_input)
    for length in range(1, logits.size(1)):
        changed = random_input(model, task)
        _predicted(changed)[:, length:] = task.target_dictionary.unk
        _assert_close(_logits(model, changed)[:, :length], logits[:, :length], "a later token changes the logits")


def check_incremental(cfg: ModelConfig, task: TaskInfo) -> None:
    """Decoding token by token gives the logits of full passes, through reordering and as sentences leave the batch.

    It does not concern models without ``decode_step``.
    """
    model = _build(cfg, task).eval()
    if not isinstance(model, IncrementalModel):
        return
    net_input = random_input(model, task)
    source = {name: x for name, x in net_input.items() if name != "prev_output_tokens"}
    incremental: IncrementalModel[EncoderOutput, IncrementalState] = model
    beam, length = 2, 6
    tokens = _random_tokens(task.target_dictionary, beam * len(SOURCE_LENGTHS), length)
    with torch.no_grad():
        encoded = incremental.encode(**source)
        state = incremental.new_state(encoded, len(tokens), length)
        for position in range(length):
            if position == 2:  # The last hypothesis of each sentence replaces the first.
                order = torch.tensor([1, 1, 3, 2, 5, 5])
                tokens[:, :position] = tokens[order, :position]
                state.reorder(order)
            if position == 4:  # The second sentence is done.
                order, kept = torch.tensor([1, 0, 4, 5]), torch.tensor([0, 2])
                tokens, source = tokens[order], {name: x[kept] for name, x in source.items()}
                state.reorder(order)
                encoded = encoded.reorder(kept)
            logits = incremental.decode_step(tokens[:, position], encoded, state)
            repeated = {name: x.repeat_interleave(beam, 0) for name, x in source.items()}
            full = _logits(model, {**repeated, "prev_output_tokens": tokens[:, : position + 1]})
            _assert_close(logits, full[:, -1], f"decode_step differs from a full pass at position {position}")


CHECKS: tuple[Check, ...] = (
    check_config_pickles,
    check_builds_on_meta,
    check_output,
    check_backward,
    check_projection,
    check_state_dict,
    check_deterministic,
    check_padding,
    check_causal,
    check_incremental,
)


def random_input(model: Model, task: TaskInfo) -> dict[str, Tensor]:
    """Return a ``net_input`` of three sentences that are unequally long, the same in each call."""
    source_tokens = _random_tokens(task.source_dictionary, len(SOURCE_LENGTHS), max(SOURCE_LENGTHS))
    _pad(source_tokens, SOURCE_LENGTHS)
    if isinstance(model, EncoderModel | DecoderModel):
        return {"source_tokens": source_tokens}
    prev_output_tokens = _random_tokens(task.target_dictionary, len(TARGET_LENGTHS), max(TARGET_LENGTHS))
    _pad(prev_output_tokens, TARGET_LENGTHS)
    return {
        "source_tokens": source_tokens,
        "source_lengths": torch.tensor(SOURCE_LENGTHS),
        "prev_output_tokens": prev_output_tokens,
    }


def _predicted(net_input: dict[str, Tensor]) -> Tensor:
    """Return the tokens (B, T) that the model continues."""
    return net_input.get("prev_output_tokens", net_input["source_tokens"])


def _random_tokens(dictionary: Dictionary, rows: int, length: int) -> Tensor:
    low = len(dictionary.specials)
    return _seeded(lambda: torch.randint(low, len(dictionary), (rows, length)))


def _pad(tokens: Tensor, lengths: tuple[int, ...]) -> None:
    for row, length in zip(tokens, lengths, strict=True):
        row[length - 1] = Dictionary.eos
        row[length:] = Dictionary.pad


def _build(cfg: ModelConfig, task: TaskInfo, seed: int = 1) -> Model:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Model = REGISTRY.build(cfg, task)
    return model


def _seeded(make: Callable[[], Tensor]) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return make()


def _logits(model: Model, net_input: dict[str, Tensor]) -> Tensor:
    return logits_of(model(**net_input))


def _assert_close(actual: Tensor, expected: Tensor, what: str) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5, msg=lambda details: f"{what}: {details}")
