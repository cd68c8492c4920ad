import pytest
from torch import nn

from seqtrain.nn.mode import evaluation_mode


def test_each_submodule_gets_its_own_mode_back() -> None:
    module = nn.Sequential(nn.Dropout(), nn.Dropout())
    module[1].eval()
    with evaluation_mode(module):
        assert not any(submodule.training for submodule in module.modules())
    assert [submodule.training for submodule in module.modules()] == [True, True, False]


def test_also_after_an_error() -> None:
    module = nn.Dropout()
    with pytest.raises(RuntimeError), evaluation_mode(module):
        raise RuntimeError
    assert module.training
