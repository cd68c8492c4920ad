"""What a difference between two runs points to, by where they part."""

from enum import Enum

from seqtrain.training.trace import Difference, Kind

UNSEEDED = "draws numbers that training.seed does not govern (a generator of its own, random, numpy, the clock)"


class When(Enum):
    """When two runs differ, by what was tried."""

    always = "always"
    hash_seed = "only with different orders of sets"
    resume = "only after a resume"


def points_to(difference: Difference, when: When) -> str:
    """Return what kind of fault makes two runs part there; all before that place is the same."""
    if when is When.hash_seed:
        return f"the order of a set, or hash() of text: with the same PYTHONHASHSEED it is gone. {_culprit(difference)}"
    if when is When.resume:
        return f"state that the checkpoint does not hold: {_lost(difference)}"
    return _unseeded(difference)


def _culprit(difference: Difference) -> str:
    return f"Look in {_code(difference)} for a loop over a set: sort it, or use a list or a dict"


def _lost(difference: Difference) -> str:
    record = difference.record
    if record.kind in (Kind.parameter, Kind.optimizer, Kind.lr_scheduler) and record.micro_batch == 0:
        return f"what state_dict() of {_code(difference)} returns is not all that it has, or is not what it takes over"
    return (
        f"an attribute of {_code(difference)} changes while it trains, and is no parameter, no buffer "
        "and no part of a state_dict()"
    )


def _unseeded(difference: Difference) -> str:
    kind, update = difference.record.kind, difference.record.update
    if kind is Kind.config:
        return "a value of the config that is made from the clock, the environment or a random number"
    if kind is Kind.gradient:
        return "a backward pass that is not deterministic: training.deterministic=true names an operation that is not"
    if kind is Kind.parameter and update == 0:
        return f"initialisation: {_code(difference)} {UNSEEDED}"
    return f"{_code(difference)} {UNSEEDED}"


def _code(difference: Difference) -> str:
    """Return whose code computes what differs, from what does not."""
    kind, name = difference.record.kind, difference.record.name.partition(" ")[0]
    if kind is Kind.input:
        return f"the forward of {name.rpartition('.')[0] or 'the model'}, outside of its modules,"
    if kind is Kind.output and name != "criterion":
        return f"the module {name}"
    places = {
        Kind.batch: "the task or the dataset",
        Kind.output: "the criterion",
        Kind.loss: "the criterion",
        Kind.gradient: f"the backward pass of {name}",
        Kind.parameter: "the model" if difference.record.update == 0 else "the optimizer",
        Kind.update: "the criterion",
        Kind.metric: "validation",
        Kind.file: "what is saved",
    }
    return places.get(kind, f"the {kind.value.split(' ', maxsplit=1)[0]}")
