import pytest
import torch
from torch import nn

from seqtrain.config import OptimizerConfig, ParameterGroupConfig, WeightDecayConfig
from seqtrain.errors import ConfigError
from seqtrain.optimizers._groups import layer_scales, parameter_groups

NAMES = [
    "encoder.embed_tokens.weight",
    "encoder.layers.0.fc1.weight",
    "encoder.layers.1.fc1.weight",
    "encoder.layer_norm.weight",
    "decoder.layers.0.fc1.weight",
    "decoder.layers.1.fc1.weight",
    "decoder.layers.2.fc1.weight",
    "decoder.output_projection.weight",
]


def test_each_stack_counts_its_own_layers() -> None:
    scales = [0.5**4, 0.5**2, 0.5, 1.0, 0.5**3, 0.5**2, 0.5, 1.0]
    assert layer_scales(0.5, NAMES) == dict(zip(NAMES, scales, strict=True))


def test_an_embedding_within_a_layer_is_the_layers() -> None:
    assert layer_scales(0.5, ["layers.0.embed.weight", "layers.1.weight"])["layers.0.embed.weight"] == 0.25


def test_without_a_decay_names_may_say_nothing() -> None:
    assert layer_scales(1.0, ["weight"]) == {"weight": 1.0}


def test_names_must_say_their_layer() -> None:
    with pytest.raises(ConfigError) as error:
        layer_scales(0.5, ["blocks.0.weight", "players.3.weight"])
    assert str(error.value) == (
        "optimizer.layer_decay=0.5 needs names that say their layer, such as layers.0.weight; "
        "parameters are called: blocks.0.weight, players.3.weight"
    )


def settings(cfg: OptimizerConfig) -> dict[str, tuple[float, float | None]]:
    """Rate and weight decay of each parameter's group."""
    named = {
        "embed.weight": nn.Parameter(torch.ones(3, 2)),
        "layers.0.weight": nn.Parameter(torch.ones(2, 2)),
        "layers.0.bias": nn.Parameter(torch.ones(2)),
        "layers.0.norm.weight": nn.Parameter(torch.ones(2)),
        "scale": nn.Parameter(torch.ones(())),
    }
    found = {id(p): (g["lr"], g.get("weight_decay")) for g in parameter_groups(cfg, named) for p in g["params"]}
    return {name: found[id(parameter)] for name, parameter in named.items()}


def test_decay_spares_what_is_no_matrix() -> None:
    spared = [name for name, (_, decay) in settings(WeightDecayConfig(lr=1.0, weight_decay=0.1)).items() if decay == 0]
    assert spared == ["layers.0.bias", "layers.0.norm.weight", "scale"]


def test_decay_of_all() -> None:
    decays = settings(WeightDecayConfig(lr=1.0, weight_decay=0.1, decay_biases_and_norms=True)).values()
    assert [decay for _, decay in decays] == [None] * 5  # the optimizer's own


def test_a_group_says_its_decay_itself() -> None:
    groups = [ParameterGroupConfig("bias", weight_decay=0.3), ParameterGroupConfig("embed", weight_decay=0.0)]
    found = settings(WeightDecayConfig(lr=1.0, weight_decay=0.1, groups=groups))
    assert [decay for _, decay in found.values()] == [0.0, None, 0.3, 0.0, 0.0]


def test_an_optimizer_without_decay_has_one_group() -> None:
    named = {"weight": nn.Parameter(torch.ones(2, 2)), "bias": nn.Parameter(torch.ones(2))}
    for cfg in (OptimizerConfig(lr=1.0), WeightDecayConfig(lr=1.0)):
        assert len(parameter_groups(cfg, named)) == 1


def test_layers_and_groups_multiply() -> None:
    cfg = OptimizerConfig(lr=2.0, layer_decay=0.5, groups=[ParameterGroupConfig("bias", lr_scale=10.0)])
    assert [lr for lr, _ in settings(cfg).values()] == [0.5, 1.0, 10.0, 1.0, 2.0]


def test_frozen_takes_regular_expressions() -> None:
    with pytest.raises(ConfigError, match=r"the pattern '\(' in optimizer\.frozen is no regular expression"):
        OptimizerConfig(lr=1.0, frozen=["embed", "("])
