import torch

from seqtrain.training.starting_parameters import differing, load_what_fits
from seqtrain.training.vocabulary import Rows

ROWS = Rows(dim=0, old_ids=[0, -1, 2, 1], old_size=3)
SAVED = {
    "a": torch.tensor([1.0, 2.0]),
    "embed": torch.tensor([[1.0], [2.0], [3.0]]),
    "out": torch.tensor([[4.0, 5.0, 6.0]]),
    "shape": torch.ones(3),
    "type": torch.ones(2),
    "unused": torch.ones(1, 2),
}


def model() -> dict[str, torch.Tensor]:
    return {
        "a": torch.zeros(2),
        "embed": torch.zeros(4, 1),
        "out": torch.zeros(1, 4),
        "shape": torch.zeros(2),
        "type": torch.zeros(2, dtype=torch.int64),
        "missing": torch.zeros(5),
    }


def test_what_fits_is_loaded_and_the_rest_is_left_as_it_is() -> None:
    into = model()
    loaded = load_what_fits(into, SAVED, {"embed": ROWS, "out": ROWS._replace(dim=1)})
    assert loaded == {"a", "embed", "out"}
    assert {name: tensor.tolist() for name, tensor in into.items()} == {
        "a": [1, 2],
        "embed": [[1], [0], [3], [2]],
        "out": [[4, 0, 6, 5]],
        "shape": [0, 0],
        "type": [0, 0],
        "missing": [0] * 5,
    }


def test_rows_of_another_number_do_not_fit() -> None:
    rows = {"embed": ROWS._replace(old_size=4)}
    assert load_what_fits(model(), SAVED, rows) == {"a"}


def test_the_report() -> None:
    loaded, rows = {"a", "embed"}, {"embed": ROWS, "out": ROWS._replace(dim=1)}
    assert list(differing(model(), SAVED, loaded, rows)) == [
        "rows of symbols: embed: 3 loaded, 1 new",
        "other there, so as initialised: out float32 (1, 4), there float32 (1, 3)",
        "other there, so as initialised: shape float32 (2,), there float32 (3,)",
        "other there, so as initialised: type int64 (2,), there float32 (2,)",
        "missing there, so as initialised: missing float32 (5,)",
        "unused here: unused float32 (1, 2)",
    ]
