from collections import OrderedDict

import pytest
from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.training.freezing import freeze


def model() -> nn.Sequential:
    return nn.Sequential(OrderedDict(embed=nn.Embedding(3, 2), head=nn.Linear(2, 3)))


def trained(module: nn.Module) -> list[str]:
    return [name for name, parameter in module.named_parameters() if parameter.requires_grad]


def test_frozen_parameters_require_no_gradient() -> None:
    module = model()
    freeze(module, ["^embed", "bias$"])
    assert trained(module) == ["head.weight"]


def test_a_tied_parameter_goes_by_its_first_name() -> None:
    module = model()
    module.get_submodule("head").weight = module.get_submodule("embed").weight
    freeze(module, ["^embed"])
    assert trained(module) == ["head.bias"]
    with pytest.raises(ConfigError, match=r"'head.weight' is found in no parameter's name; there are: embed"):
        freeze(module, ["head.weight"])


def test_a_pattern_that_freezes_nothing() -> None:
    with pytest.raises(ConfigError) as error:
        freeze(model(), ["bias", "layers"])
    assert str(error.value) == (
        "optimizer.frozen: 'layers' is found in no parameter's name; there are: embed.weight, head.weight, head.bias"
    )


def test_patterns_that_leave_nothing_to_train() -> None:
    with pytest.raises(ConfigError, match=r"^optimizer\.frozen=\['embed', 'h'\] freezes all parameters of the model"):
        freeze(model(), ["embed", "h"])
