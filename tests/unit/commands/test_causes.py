import pytest

from seqtrain.commands._causes import When, points_to
from seqtrain.training.trace import Difference, Kind, Record


def difference(kind: Kind, name: str = "x", update: int = 3, micro_batch: int = 0) -> Difference:
    record = Record(update, micro_batch, kind, name, "1")
    return Difference(record, record._replace(value="2"))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (difference(Kind.config, "training.seed", 0), "a value of the config that is made from the clock"),
        (difference(Kind.parameter, "fc.weight", 0), "initialisation: the model draws numbers"),
        (difference(Kind.parameter, "fc.weight"), "the optimizer draws numbers"),
        (difference(Kind.optimizer, "fc.weight.exp_avg"), "the optimizer draws numbers"),
        (difference(Kind.lr_scheduler, "lr"), "the lr_scheduler draws numbers"),
        (difference(Kind.batch, "ids", micro_batch=1), "the task or the dataset draws numbers"),
        (
            difference(Kind.input, "model.encoder.layers.0 [1]"),
            "the forward of model.encoder.layers, outside of its mod",
        ),
        (difference(Kind.output, "model.encoder .logits"), "the module model.encoder draws numbers"),
        (difference(Kind.output, "criterion .loss"), "the criterion draws numbers"),
        (difference(Kind.loss, "loss"), "the criterion draws numbers"),
        (difference(Kind.gradient, "fc.weight"), "training.deterministic=true names an operation"),
        (difference(Kind.update, "metrics.loss.value"), "the criterion draws numbers"),
        (difference(Kind.metric, "valid/loss"), "validation draws numbers"),
        (difference(Kind.file, "model.safetensors"), "what is saved draws numbers"),
    ],
)
def test_numbers_that_the_seed_does_not_govern(found: Difference, words: str) -> None:
    assert words in points_to(found, When.always)


def test_the_order_of_sets() -> None:
    words = points_to(difference(Kind.batch, "ids"), When.hash_seed)
    assert words.startswith("the order of a set") and "Look in the task or the dataset for a loop over a set" in words


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (difference(Kind.optimizer, "fc.weight.exp_avg"), "what state_dict() of the optimizer returns"),
        (difference(Kind.output, "model.dropout", micro_batch=1), "an attribute of the module model.dropout changes"),
        (difference(Kind.metric, "valid/loss"), "an attribute of validation changes"),
    ],
)
def test_what_a_resume_loses(found: Difference, words: str) -> None:
    assert points_to(found, When.resume).startswith(f"state that the checkpoint does not hold: {words}")
