"""Which parameters are updated, and with which settings: patterns of names, layers, and what weight decay spares."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor, nn

from seqtrain.base import clean_name
from seqtrain.config import OptimizerConfig, ParameterGroupConfig, WeightDecayConfig
from seqtrain.errors import ConfigError

ConfigT = TypeVar("ConfigT", bound=OptimizerConfig)

Parameters = Mapping[str, nn.Parameter]
"""Parameters by their clean names."""

ParameterGroup = dict[str, Any]
"""What ``torch.optim`` takes as one group: ``params``, ``lr`` and what else is the group's own."""

FUSED_DEVICES = ("cpu", "cuda", "mps")
"""Where torch's AdamW and SGD update all parameters of a group in one pass."""
LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
"""Where a parameter's name says which layer of its stack it belongs to, the lowest being 0."""
EMBEDDING = re.compile("embed")
"""What is found in the names of embeddings, which lie below all layers."""


def trainable_parameters(named_parameters: Iterable[tuple[str, nn.Parameter]]) -> dict[str, nn.Parameter]:
    """Return the parameters that require a gradient, by their clean names.

    Raises:
        ConfigError: there are none, or two have the same clean name.
    """
    parameters: dict[str, nn.Parameter] = {}
    for name, parameter in named_parameters:
        if clean_name(name) in parameters:
            raise ConfigError(f"two parameters of the model are called {clean_name(name)!r}: rename one of them")
        if parameter.requires_grad:
            parameters[clean_name(name)] = parameter
    if not parameters:
        raise ConfigError("the model has no parameter that requires a gradient: there is nothing to train")
    return parameters


def parameter_groups(
    cfg: OptimizerConfig,
    parameters: Parameters,
    further: Callable[[str, nn.Parameter], Mapping[str, Any]] = lambda *_: {},
) -> list[ParameterGroup]:
    """Put parameters with the same settings into one group, in the order of the first of each.

    Args:
        cfg: has the patterns, the decay from layer to layer, and what weight decay spares.
        parameters: what to group.
        further: returns further settings of a parameter.

    Raises:
        ConfigError: a pattern of ``cfg.groups`` takes no parameter, or no name says its layer.
    """
    scales, chosen = layer_scales(cfg.layer_decay, parameters), chosen_groups(cfg.groups, parameters)
    groups: dict[tuple[Any, ...], ParameterGroup] = {}
    for name, parameter in parameters.items():
        own = chosen.get(name, ParameterGroupConfig(pattern=""))
        settings = {"lr_scale": own.lr_scale * scales[name], **_decay(cfg, own, parameter), **further(name, parameter)}
        blank = {"params": [], "lr": cfg.lr * settings["lr_scale"], **settings}
        groups.setdefault(tuple(settings.items()), blank)["params"].append(parameter)
    return list(groups.values())


def chosen_groups(groups: Iterable[ParameterGroupConfig], parameters: Parameters) -> dict[str, ParameterGroupConfig]:
    """Return the first of the groups whose pattern matches each parameter, for those that one does.

    Raises:
        ConfigError: a group takes no parameter.
    """
    chosen: dict[str, ParameterGroupConfig] = {}
    for index, group in enumerate(groups):
        taken = [name for name in parameters if name not in chosen and re.search(group.pattern, name)]
        if not taken:
            raise ConfigError(takes_nothing(f"optimizer.groups[{index}]", group.pattern, parameters))
        chosen.update(dict.fromkeys(taken, group))
    return chosen


def takes_nothing(key: str, pattern: str | None, parameters: Parameters) -> str:
    """Say that the pattern of a config matches nothing that is left for it."""
    return (
        f"{key}.pattern={pattern!r} matches no parameter that is trained and that no earlier pattern takes; "
        f"parameters are called: {some(list(parameters))}"
    )


def layer_scales(decay: float, names: Collection[str]) -> dict[str, float]:
    """Return the factor on the rate of each parameter: ``decay`` once for its layer and once for each one above it.

    Layer l of the L of a stack, from 0, has decay ** (L - l); embeddings, which lie below all layers, have
    decay ** (L + 1) with the L of the highest stack; what is neither, as the head, has 1. This is the layer-wise decay
    of Clark et al., "ELECTRA", ICLR 2020, as Bao et al., "BEiT", ICLR 2022, count it.

    Raises:
        ConfigError: there is a decay, and no name says its layer.
    """
    if decay == 1:
        return dict.fromkeys(names, 1.0)
    layers = {name: (name[: found.start(1)], int(found[1])) for name in names if (found := LAYER.search(name))}
    if not layers:
        raise ConfigError(
            f"optimizer.layer_decay={decay} needs names that say their layer, such as layers.0.weight; "
            f"parameters are called: {some(list(names))}"
        )
    heights: dict[str, int] = {}
    for stack, layer in layers.values():
        heights[stack] = max(heights.get(stack, 0), layer + 1)
    below = {name: heights[stack] - layer for name, (stack, layer) in layers.items()}
    embeddings = {name: max(heights.values()) + 1 for name in names if EMBEDDING.search(name)}
    return {name: decay ** (embeddings | below).get(name, 0) for name in names}


def with_layers_of(model: Collection[str], cfg: ConfigT, parameters: Parameters) -> ConfigT:
    """Return a config for some of a model's parameters whose groups say what ``layer_decay`` makes of each.

    The parameters alone do not tell how many layers lie above them.

    Raises:
        ConfigError: as of :func:`chosen_groups` and :func:`layer_scales`.
    """
    if cfg.layer_decay == 1:
        return cfg
    scales, chosen = layer_scales(cfg.layer_decay, model), chosen_groups(cfg.groups, parameters)
    alike: dict[tuple[float, float | None], list[str]] = {}
    for name in parameters:
        own = chosen.get(name, ParameterGroupConfig(pattern=""))
        alike.setdefault((own.lr_scale * scales[name], own.weight_decay), []).append(re.escape(name))
    groups = [ParameterGroupConfig(f"^({'|'.join(names)})$", *settings) for settings, names in alike.items()]
    return replace(cfg, groups=groups, layer_decay=1.0)


def is_vector(parameter: Tensor) -> bool:
    """Tell whether a parameter is what weight decay spares: a bias or the gain of a normalisation is no matrix."""
    return parameter.ndim < 2


def fused(groups: Iterable[ParameterGroup], devices: Collection[str] = FUSED_DEVICES) -> bool | None:
    """Return True if all parameters are on devices where torch is fused, or else None: torch's next best way."""
    return all(p.device.type in devices for group in groups for p in group["params"]) or None


def some(items: list[str], separator: str = ", ", most: int = 5) -> str:
    """Return the first of many items, and how many more there are."""
    more = len(items) - most
    return separator.join(items[:most]) + (f"{separator}and {more} more" if more > 0 else "")


def _decay(cfg: OptimizerConfig, own: ParameterGroupConfig, parameter: nn.Parameter) -> dict[str, float]:
    """Return the weight decay of a parameter if it is not the optimizer's."""
    if own.weight_decay is not None:
        return {"weight_decay": own.weight_decay}
    spares = isinstance(cfg, WeightDecayConfig) and cfg.weight_decay > 0 and not cfg.decay_biases_and_norms
    return {"weight_decay": 0.0} if spares and is_vector(parameter) else {}
