"""What is suggested for a key that is not there."""

from seqtrain.mistakes import Mistake, unknown_choice, unknown_key


def test_a_key_of_that_name_elsewhere_comes_before_one_much_like_it() -> None:
    assert unknown_key("model.lr", ["model.lr_x", "optimizer.lr"]).endswith("this key is optimizer.lr")


def test_only_keys_of_the_same_depth_are_much_alike() -> None:
    assert unknown_key("sed", ["training.seed"]) == "there is no such key"


def test_a_choice_with_and_without_one_much_like_it() -> None:
    assert unknown_choice("adm", ["adam", "sgd"]) == "there is no such choice; did you mean adam? Choices: adam, sgd"
    assert unknown_choice("x", ["adam", "sgd"]) == (
        "there is no such choice; if it is yours, name its directory: hydra.searchpath=[DIR]. Choices: adam, sgd"
    )
    assert unknown_choice("x", []) == "there is no such config"


def test_a_line_leaves_out_what_is_not_known() -> None:
    assert Mistake("is wrong", "a.b").line() == "a.b: is wrong"
    assert Mistake("is wrong", "a.b", "", "here").line() == "a.b= (here): is wrong"
    assert Mistake("a.b and c.d are wrong").line() == "a.b and c.d are wrong"
