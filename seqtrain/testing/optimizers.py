"""What every optimizer guarantees, as checks to run on a plug-in of one's own: ``check_optimizer(MyConfig())``.

Each check builds the optimizer from its config on a small model, and raises AssertionError if something is wrong.
"""

import functools
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from seqtrain import checkpoint
from seqtrain.checkpoint import Snapshot
from seqtrain.config import OptimizerConfig, ParameterGroupConfig
from seqtrain.errors import ConfigError
from seqtrain.optimizers import REGISTRY, Optimizer
from seqtrain.optimizers.composite import CompositeConfig
from seqtrain.testing.configs import check_config, train_config
from seqtrain.testing.guarantees import Check, assert_close

HAS_PARTS = "groups and layers are those of its parts"


def check_optimizer(cfg: OptimizerConfig) -> None:
    """Run all the checks on the optimizer that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg)


def check_lr(cfg: OptimizerConfig) -> None:
    """The rate is that of the config, and can be set."""
    optimizer = REGISTRY.build(cfg, _model().named_parameters())
    assert optimizer.lr == cfg.lr, f"lr is {optimizer.lr}, should be {cfg.lr}, the config's"
    optimizer.lr = 0.25
    assert optimizer.lr == 0.25, f"lr is {optimizer.lr} after it was set to 0.25"


def check_rate_zero(cfg: OptimizerConfig) -> None:
    """An update at rate 0 changes nothing."""
    model = _model()
    optimizer = REGISTRY.build(cfg, model.named_parameters())
    before = _values(model)
    optimizer.lr = 0.0
    _update(model, optimizer, 0)
    assert _equal(before, _values(model)), "an update at rate 0 changes parameters"


def check_trains(cfg: OptimizerConfig) -> None:
    """Updates change every parameter that has a gradient and is to be trained, and no other."""
    model = _model()
    model[0].bias.requires_grad_(False)
    optimizer = REGISTRY.build(cfg, model.named_parameters())
    before = _values(model)
    for n in range(3):
        _update(model, optimizer, n)
    changed = [name for name, value in _values(model).items() if not torch.equal(value, before[name])]
    expected = ["0.weight", "1.weight", "1.bias"]
    assert changed == expected, f"{changed} change, should be {expected}: 0.bias requires no gradient"


def check_gradients(cfg: OptimizerConfig) -> None:
    """``backward`` adds to the gradients that are there; ``zero_grad`` forgets them."""
    model = _model()
    optimizer = REGISTRY.build(cfg, model.named_parameters())
    optimizer.backward(_loss(model, 0))
    once = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    optimizer.backward(_loss(model, 0))
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"backward gives {name} no gradient"
        assert_close(parameter.grad, 2 * once[name], "backward does not add to the gradients that are there")
    optimizer.zero_grad()
    left = [name for name, parameter in model.named_parameters() if parameter.grad is not None and parameter.grad.any()]
    assert not left, f"gradients are left after zero_grad: {', '.join(left)}"


def check_lr_scale(cfg: OptimizerConfig) -> str | None:
    """A group with a rate of 0 stays as it is, and ``lr`` is that of the others."""
    if isinstance(cfg, CompositeConfig):
        return HAS_PARTS
    model = _model()
    groups = [ParameterGroupConfig(pattern="bias$", lr_scale=0.0)]
    optimizer = REGISTRY.build(replace(cfg, groups=groups), model.named_parameters())
    before = _values(model)
    _update(model, optimizer, 0)
    changed = [name for name, value in _values(model).items() if not torch.equal(value, before[name])]
    assert changed == ["0.weight", "1.weight"], f"{changed} change, should be the weights: the biases have lr_scale 0"
    assert optimizer.lr == cfg.lr, f"lr is {optimizer.lr}, should be {cfg.lr}, without any lr_scale"
    return None


def check_layer_decay(cfg: OptimizerConfig) -> str | None:
    """With ``layer_decay`` a lower layer has a lower rate: about 0 with a tiny factor."""
    if isinstance(cfg, CompositeConfig):
        return HAS_PARTS
    model = nn.ModuleDict({"layers": _model(), "head": nn.Linear(2, 2)})
    optimizer = REGISTRY.build(replace(cfg, layer_decay=1e-9), model.named_parameters())
    before = _values(model)
    optimizer.train()
    optimizer.backward(model["head"](model["layers"](torch.ones(1, 3))).square().sum())
    optimizer.step()
    moved = [n for n, value in _values(model).items() if not torch.allclose(value, before[n], rtol=0, atol=1e-6)]
    assert moved == ["head.weight", "head.bias"], (
        f"{moved} move with a layer_decay of 1e-9, should be those of the head"
    )
    return None


def check_resume(cfg: OptimizerConfig) -> None:
    """One that takes over the state from a checkpoint goes on with the same bits as one that was never stopped."""
    model, other = _model(), _model()
    optimizer = REGISTRY.build(cfg, model.named_parameters())
    for n in range(3):
        _update(model, optimizer, n)
    state = _saved(cfg, optimizer)
    other.load_state_dict(model.state_dict())
    resumed = REGISTRY.build(cfg, other.named_parameters())
    resumed.load_state_dict(state)
    assert _equal(state, resumed.state_dict()), "state_dict gives back something else than was loaded"
    for n in range(3, 6):
        _update(model, optimizer, n)
        _update(other, resumed, n)
    lost = "an optimizer goes on otherwise with its own state loaded: state_dict must return all that step depends on"
    assert _equal(_values(model), _values(other)), lost


def where_patterns_fit(check: Check) -> Check:
    """Return a check that does not concern a preset whose patterns, or layers, are those of a model of its own."""

    @functools.wraps(check)
    def concerned(cfg: OptimizerConfig) -> str | None:
        try:
            REGISTRY.build(cfg, _model().named_parameters())
        except ConfigError:
            if cfg.groups or cfg.layer_decay != 1 or isinstance(cfg, CompositeConfig):
                return "its patterns are for another model than the one of this check"
            raise
        return check(cfg)

    return concerned


CHECKS: tuple[Check, ...] = (
    check_config,
    *map(
        where_patterns_fit,
        (check_lr, check_rate_zero, check_trains, check_gradients, check_lr_scale, check_layer_decay, check_resume),
    ),
)


def _saved(cfg: OptimizerConfig, optimizer: Optimizer) -> dict[str, Tensor]:
    """Return the optimizer's state as a checkpoint gives it back."""
    with tempfile.TemporaryDirectory() as directory:
        saved = checkpoint.write(
            Path(directory) / "checkpoint",
            model={},
            config=train_config(cfg),
            metrics={},
            save_task=lambda _: None,
            snapshot=Snapshot(optimizer.state_dict(), {}),
        )
        return saved.snapshot().optimizer


def _model() -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def _loss(model: nn.Module, n: int) -> Tensor:
    inputs = torch.linspace(-1, 1, 15).roll(n).view(5, 3)
    loss: Tensor = model(inputs).square().sum()
    return loss


def _update(model: nn.Module, optimizer: Optimizer, n: int) -> None:
    optimizer.zero_grad()
    optimizer.train()
    optimizer.backward(_loss(model, n))
    optimizer.step()


def _values(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
