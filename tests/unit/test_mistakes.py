"""Typical mistakes, and the one line that is said about each."""

import pytest

from seqtrain.composition import compose
from seqtrain.errors import ConfigError
from seqtrain.mistakes import unknown_key


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.max_updates=3", "training.max_updates: there is no such key; did you mean training.max_update?"),
        ("traning.seed=1", "traning.seed: there is no such key; this key is training.seed"),
        ("dropout=0.1", "dropout: there is no such key; this key is model.dropout"),
        ("model.dropuot=0.1", "model.dropuot: there is no such key; did you mean model.dropout?"),
        ("modle=transformer", "modle: there is no such key; did you mean model?"),
        ("+model.dimm=3", "model.dimm: there is no such key; did you mean model.dropout?"),
        ("+foo=3", "foo: there is no such key"),
        ("experiment=multi30k_en_de", "experiment: is none of the defaults; add it with +experiment=NAME"),
        ("training.seed=abc", "training.seed=abc: Value 'abc' of type 'str' could not be converted to Integer"),
        ("training.max_update=", "training.max_update=: Value '' of type 'str' could not be converted to Integer"),
        ("training.precision=fp8", "training.precision=fp8: Invalid value 'fp8', expected one of [fp32, bf16]"),
        ("validation.scorers=[blue]", "Invalid value 'blue', expected one of [bleu, chrf, exact_match]"),
        ("optimizer.lr=fast", "optimizer.lr=fast: Value 'fast' of type 'str' could not be converted to Float"),
        ("training.seed=-1", "training.seed=-1 must be at least 0"),
        ("generation.nbest=9", "generation.nbest=9 is more than generation.beam=5"),
        ("~training.seed", "~training.seed: "),
        ("~nothing", "~nothing: Could not delete from config. 'nothing' does not exist"),
        ("training.max_update=1,2", "training.max_update=1,2: several values; write [A,B] for a list, or add -m"),
        ("training.max_update=[1", "training.max_update=[1: cannot be read; quote a value"),
        ("a b=c", "a b=c: cannot be read; quote a value"),
        ("model._name=foo", "model._name cannot be set: choose the plug-in with model=foo"),
        ("model=null", "Config group override must be a string or a list"),
        ("task.train=train", "task.train=train: "),
        ("model=trasformer", "model=trasformer: there is no such choice; did you mean model=transformer? there are: "),
        ("+experiment=multi40k", "there is no such choice; did you mean experiment=multi30k_en_de? there are: "),
    ],
)
def test_message(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        compose([override])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_key_of_that_name_elsewhere_comes_before_one_much_like_it() -> None:
    assert unknown_key("model.lr", ["model.lr_x", "optimizer.lr"]).endswith("this key is optimizer.lr")


def test_only_keys_of_the_same_depth_are_much_alike() -> None:
    assert unknown_key("sed", ["training.seed"]) == "sed: there is no such key"
