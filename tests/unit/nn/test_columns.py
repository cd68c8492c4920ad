import pytest
import torch
from torch import nn

from seqtrain.nn import columns
from seqtrain.nn.columns import ColumnsLinear, columns_first


@pytest.fixture(autouse=True)
def ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "COLUMNS_ARE_AHEAD", True)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 8)
        self.hidden = nn.Linear(8, 8)
        self.projection = nn.Linear(8, 6, bias=False)
        self.projection.weight = self.embedding.weight

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.projection(self.hidden(self.embedding(tokens)))
        return out


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(16,), (1, 16), (5, 16), (2, 3, 16), (0, 16)])
@torch.no_grad()
def test_it_computes_what_the_layer_does(shape: tuple[int, ...], bias: bool) -> None:
    layer, x = nn.Linear(16, 24, bias=bias), torch.randn(shape)
    found = ColumnsLinear(layer)
    assert found._columns.t().is_contiguous()
    torch.testing.assert_close(found(x), layer(x))


@torch.no_grad()
def test_the_copy_of_a_model_shares_its_parameters_and_follows_them() -> None:
    model, tokens = Tied().eval(), torch.arange(6)
    copied = columns_first(model)
    assert isinstance(copied.projection, ColumnsLinear) and isinstance(copied.hidden, ColumnsLinear)
    assert type(model.projection) is nn.Linear and not copied.training
    assert [id(p) for p in copied.parameters()] == [id(p) for p in model.parameters()]
    torch.testing.assert_close(copied(tokens), model(tokens))
    assert columns_first(model) is copied
    model.embedding.weight.mul_(2)
    torch.testing.assert_close(columns_first(model)(tokens), model(tokens))
    model.hidden.weight.data.mul_(2)  # which torch does not count
    torch.testing.assert_close(columns_first(model)(tokens), model(tokens))


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_a_layer_that_others_have_a_hand_in_stays() -> None:
    """Its weight may be made of others before each product, its output looked at, or all that it does be another's."""
    normalized, watched, patched = nn.utils.weight_norm(nn.Linear(3, 3)), nn.Linear(3, 3), nn.Linear(3, 3)
    seen: list[torch.Tensor] = []
    watched.register_forward_hook(lambda _, __, out: seen.append(out))
    setattr(patched, "forward", lambda x: -x)  # noqa: B010  # as a user's patch does
    model, x = nn.Sequential(normalized, watched, patched), torch.randn(2, 3)
    normalized.get_parameter("weight_g").data.mul_(2)
    copied = columns_first(model)
    torch.testing.assert_close(copied(x), model(x))
    assert len(seen) == 2


@torch.inference_mode()
def test_a_model_that_was_made_for_inference() -> None:
    model, tokens = Tied(), torch.arange(6)
    copied = columns_first(model)
    torch.testing.assert_close(copied(tokens), model(tokens))
    assert columns_first(model) is copied


def test_a_model_stays_as_it_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Tied()
    assert columns_first(model.to("meta")) is model
    monkeypatch.setattr(columns, "COLUMNS_ARE_AHEAD", False)
    here = Tied()
    assert columns_first(here) is here
