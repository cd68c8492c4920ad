import pytest

from seqtrain.commands.explain import explain, main
from seqtrain.errors import ConfigError


def test_a_field_and_what_set_it() -> None:
    lines = list(explain("optimizer.lr", ["optimizer=adam_transformer", "optimizer.lr=1e-2"]))
    assert lines[:3] == [
        "optimizer.lr = 0.01",
        "  a number, at least 0",
        "  Learning rate, the peak that the scheduler starts from.",
    ]
    texts = [line.split()[0] for line in lines[3:]]
    assert texts == ["0.001", "0.0005", "1e-2"]
    assert "optimizers/adam.py:" in lines[3]
    assert "conf/optimizer/adam_transformer.yaml:" in lines[4]
    assert lines[5].endswith("command line  <- counts")


def test_a_reference_is_followed() -> None:
    lines = list(explain("lr_scheduler.total_num_update", ["training.max_update=77"]))
    assert lines[0] == "lr_scheduler.total_num_update = 77"
    assert lines[3].split()[0] == "${training.max_update}"


def test_a_value_that_is_missing() -> None:
    assert next(explain("optimizer.lr", ["optimizer.lr=???"])) == "optimizer.lr = (no value yet)"


def test_a_group() -> None:
    first, plugin, choices, *chain = explain("model", ["model=transformer_tiny"])
    assert first == "model = transformer_tiny"
    assert plugin.startswith("  transformer: An encoder, a decoder that attends to it") and plugin.endswith(")")
    assert choices.startswith("  one of transformer, ")
    assert [line.split()[0] for line in chain] == ["transformer_number_names", "transformer_tiny"]


def test_a_section() -> None:
    lines = list(explain("tracking", []))
    assert lines == [
        "  tracking.tensorboard=false  (true or false)",
        "      Write TensorBoard event files into ``tensorboard/`` of the run directory.",
    ]


def test_a_key_that_is_not_there() -> None:
    with pytest.raises(ConfigError, match=r"^optimizer\.lrr: there is no such key; did you mean optimizer\.lr\?$"):
        list(explain("optimizer.lrr", []))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["training.seed", "training.seed=3"])
    assert capsys.readouterr().out.startswith("training.seed = 3\n")
