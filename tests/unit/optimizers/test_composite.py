import re
from typing import Any

import pytest
import torch
from torch import nn

from seqtrain.config import ParameterGroupConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.lr_schedulers.cosine import CosineConfig
from seqtrain.lr_schedulers.fixed import FixedConfig
from seqtrain.lr_schedulers.inverse_sqrt import InverseSqrtConfig
from seqtrain.optimizers.adamw import AdamWConfig
from seqtrain.optimizers.composite import Composite, CompositeConfig, CompositePartConfig
from seqtrain.optimizers.schedule_free_adamw import ScheduleFreeAdamWConfig
from seqtrain.optimizers.sgd import SGDConfig
from tests.unit.optimizers.reference import assert_equal, by_torch, only_the_bias, trained

SCHEDULED = CompositeConfig(
    parts={
        "weights": CompositePartConfig("weight", SGDConfig(lr=0.5), InverseSqrtConfig(warmup_updates=2)),
        "rest": CompositePartConfig(None, SGDConfig(lr=0.25)),
    }
)


def parameters() -> dict[str, nn.Parameter]:
    return {"layers.weight": nn.Parameter(torch.zeros(2, 2)), "bias": nn.Parameter(torch.zeros(2))}


def step(optimizer: Composite, tensors: dict[str, nn.Parameter]) -> list[float]:
    """Do an update with gradients of -1, and return how far each parameter went."""
    before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    for tensor in tensors.values():
        tensor.grad = -torch.ones_like(tensor)
    optimizer.step()
    return [(tensor.detach() - before[name]).flatten()[0].item() for name, tensor in tensors.items()]


def test_each_part_has_its_optimizer() -> None:
    parts = {
        "weights": CompositePartConfig("weight", SGDConfig(lr=0.1, momentum=0.9)),
        "rest": CompositePartConfig(None, AdamWConfig(lr=0.2)),
    }
    found = trained(CompositeConfig(parts=parts))
    sgd = by_torch(0.1, lambda p: torch.optim.SGD(p, momentum=0.9))
    adamw = by_torch(0.2, lambda p: torch.optim.AdamW(p, weight_decay=0.0))
    assert_equal(found, {**sgd, **only_the_bias(adamw)})


def test_each_part_has_its_schedule() -> None:
    tensors = parameters()
    optimizer = Composite(SCHEDULED, tensors.items())
    # inverse_sqrt: 0, 1/2, 1, sqrt(2 / 3) of 0.5; the other part has a constant rate
    expected = [[0.0, 0.25], [0.25, 0.25], [0.5, 0.25], [0.5 * (2 / 3) ** 0.5, 0.25]]
    for moves in expected:
        assert step(optimizer, tensors) == pytest.approx(moves, rel=1e-6)


def test_the_rate_multiplies_those_of_all_parts() -> None:
    tensors = parameters()
    optimizer = Composite(SCHEDULED, tensors.items())
    moves = []
    for factor in (1.0, 0.5, 0.0, 2.0):
        optimizer.lr = factor
        moves.append(step(optimizer, tensors))
    assert moves[1] == pytest.approx([0.125, 0.125])
    assert moves[2] == [0.0, 0.0]
    assert moves[3] == pytest.approx([2 * 0.5 * (2 / 3) ** 0.5, 0.5], rel=1e-6)


def test_a_resume_goes_on_with_the_schedules() -> None:
    tensors, others = parameters(), parameters()
    optimizer, resumed = Composite(SCHEDULED, tensors.items()), Composite(SCHEDULED, others.items())
    for _ in range(3):
        step(optimizer, tensors)
    state = {entry: tensor.clone() for entry, tensor in optimizer.state_dict().items()}
    assert state["num_updates"] == 3
    resumed.load_state_dict(state)
    assert step(resumed, others) == pytest.approx(step(optimizer, tensors), rel=1e-6)


def test_train_and_eval_reach_the_parts() -> None:
    parts = {"all": CompositePartConfig(None, ScheduleFreeAdamWConfig(lr=0.5))}
    tensors = parameters()
    optimizer = Composite(CompositeConfig(parts=parts), tensors.items())
    for _ in range(2):
        step(optimizer, tensors)
    trained_values = tensors["bias"].detach().clone()
    optimizer.eval()
    assert not torch.equal(tensors["bias"], trained_values)
    optimizer.train()
    assert torch.equal(tensors["bias"], trained_values)


def error_of(parts: dict[str, CompositePartConfig], **values: Any) -> str:
    with pytest.raises(ConfigError) as error:
        Composite(CompositeConfig(parts=parts, **values), parameters().items())
    return str(error.value)


def test_each_parameter_belongs_to_one_part() -> None:
    sgd = SGDConfig()
    assert error_of({"a": CompositePartConfig("weight", sgd)}) == (
        "optimizer.parts: no part takes bias; a part without a pattern takes the rest"
    )
    both = {"a": CompositePartConfig("weight", sgd), "b": CompositePartConfig("layers", sgd)}
    assert "optimizer.parts: a and b both take layers.weight" in error_of(both)
    nothing = {"a": CompositePartConfig(None, sgd), "b": CompositePartConfig("embed", sgd)}
    assert "optimizer.parts.b.pattern='embed' matches no parameter that is trained" in error_of(nothing)
    two = {"a": CompositePartConfig(None, sgd), "b": CompositePartConfig(None, sgd)}
    assert error_of(two) == "optimizer.parts: a and b have no pattern; only one part can take the rest"


def test_what_is_said_in_one_place() -> None:
    part = {"a": CompositePartConfig(None, SGDConfig())}
    assert "optimizer.groups and optimizer.layer_decay are a part's" in error_of(part, layer_decay=0.5)
    assert "are a part's" in error_of(part, groups=[ParameterGroupConfig("bias")])
    assert "optimizer=composite needs optimizer.parts" in error_of({})
    with pytest.raises(ConfigError, match="what is frozen is no part's"):
        CompositePartConfig(None, SGDConfig(frozen=["bias"]))
    with pytest.raises(ConfigError, match=r"the pattern '\(' in optimizer\.parts is no regular expression"):
        CompositePartConfig("(", SGDConfig())


def test_parts_have_no_parts() -> None:
    with pytest.raises(ConfigError, match="a part's optimizer cannot be composite itself"):
        CompositePartConfig(None, SCHEDULED)


def test_a_schedule_by_epochs_is_no_parts() -> None:
    part = {"a": CompositePartConfig(None, SGDConfig(), FixedConfig())}
    assert error_of(part).startswith("optimizer.parts.a.lr_scheduler: Fixed goes by epochs or losses, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"embed.momentum_buffer": torch.zeros(1)}, "embed.momentum_buffer: unexpected"),
        ({"num_updates": None}, "num_updates is missing"),
        ({"bias.exp_avg": torch.zeros(2)}, "bias.exp_avg is unexpected"),
    ],
)
def test_a_state_of_another(change: dict[str, torch.Tensor | None], message: str) -> None:
    optimizer = Composite(SCHEDULED, parameters().items())
    state = {**optimizer.state_dict(), **change}
    with pytest.raises(CheckpointError, match=message):
        optimizer.load_state_dict({entry: tensor for entry, tensor in state.items() if tensor is not None})


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (
            CompositePartConfig(None, SGDConfig(groups=[ParameterGroupConfig("head")])),
            r"optimizer\.parts\.a\.optimizer\.groups\[0\]\.pattern='head' matches no",
        ),
        (
            CompositePartConfig(None, SGDConfig(lr=0.1), CosineConfig(min_lr=0.5, total_num_update=9)),
            r"optimizer\.parts\.a\.lr_scheduler\.min_lr=0\.5 is above optimizer\.parts\.a\.optimizer\.lr=0\.1",
        ),
    ],
)
def test_messages_name_the_keys_of_a_part(part: CompositePartConfig, message: str) -> None:
    assert re.match(message, error_of({"a": part}))


def test_layer_decay_counts_the_layers_of_the_model() -> None:
    names = ["layers.0.weight", "layers.0.norm", "layers.1.weight", "layers.2.norm", "head"]
    tensors = {name: nn.Parameter(torch.zeros(2)) for name in names}
    groups = [ParameterGroupConfig("layers.0", lr_scale=0.5)]
    parts = {
        "weights": CompositePartConfig("weight", SGDConfig(lr=1.0, layer_decay=0.5, groups=groups)),
        "rest": CompositePartConfig(None, SGDConfig(lr=1.0, layer_decay=0.5)),
    }
    # three layers in all: 0.5 ** 3, 0.5 ** 2, 0.5, and nothing for the head
    assert step(Composite(CompositeConfig(parts=parts), tensors.items()), tensors) == [0.0625, 0.125, 0.25, 0.5, 1.0]
