"""Parameters that are not trained, chosen by their names."""

import re
from collections.abc import Sequence

from torch import nn

from seqtrain.base import clean_name
from seqtrain.errors import ConfigError


def freeze(model: nn.Module, patterns: Sequence[str]) -> None:
    """Let the parameters in whose clean names one of the patterns is found require no gradient.

    A tied parameter goes by its first name.

    Raises:
        ConfigError: a pattern of ``optimizer.frozen`` is found in no name, or nothing is left to train.
    """
    parameters = {clean_name(name): parameter for name, parameter in model.named_parameters()}
    for pattern in patterns:
        found = [parameter for name, parameter in parameters.items() if re.search(pattern, name)]
        if not found:
            names = ", ".join([*parameters][:5]) + (", ..." if len(parameters) > 5 else "")
            raise ConfigError(f"optimizer.frozen: {pattern!r} is found in no parameter's name; there are: {names}")
        for parameter in found:
            parameter.requires_grad_(False)
    if patterns and not any(parameter.requires_grad for parameter in parameters.values()):
        raise ConfigError(f"optimizer.frozen={patterns} freezes all parameters of the model: leave some to train")
