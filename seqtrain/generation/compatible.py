"""Whether trained models go together: in an ensemble, or one as the language model of another."""

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from seqtrain.base import DecoderModel, Dictionary, Task
from seqtrain.errors import ConfigError
from seqtrain.generation.fusion import LanguageModel
from seqtrain.registry import choice_of


def check_ensemble(named: Sequence[tuple[str, Task[Any]]]) -> int:
    """Return which of several models, by their names and tasks, has the lowest limits; the first of equals.

    Raises:
        ConfigError: two of them do not go together.
    """
    (first, task), *others = named
    for name, other in others:
        if why := _difference(task, other):
            raise ConfigError(f"{first} and {name} are no ensemble: {why}; name models of one task and dictionary")
    limits = [task.info.max_positions for _, task in named]
    lowest = limits.index(min(limits))
    for (name, _), limit in zip(named, limits, strict=True):
        if limit[1] < limits[lowest][1]:
            why = f"the one has the lower limit of source tokens, {limits[lowest][0]}, the other of target tokens"
            raise ConfigError(f"{named[lowest][0]} and {name} are no ensemble: {why}, {limit[1]}")
    return lowest


def check_language_model(name: str, language: LanguageModel, dictionary: Dictionary, tokenizer: Path) -> None:
    """Check that a model can have a say in a search.

    Args:
        name: what messages call it.
        language: the model.
        dictionary: that of the targets.
        tokenizer: directory of the files that a language model for these targets is to be trained with.

    Raises:
        ConfigError: it is no language model, or has other symbols.
    """
    if not isinstance(language.model, DecoderModel):
        raise ConfigError(f"{name}: this is no language model; train one with task=language_modeling")
    if language.task.predicts not in ("", "task.target=future"):
        raise ConfigError(f"{name}: it has {language.task.predicts}; a search needs what predicts the next token")
    if difference := _difference_of_symbols(language.task.target_dictionary, dictionary):
        raise ConfigError(
            f"{name}: its dictionary and that of the targets {difference}; train a language model with the files in "
            f"{tokenizer}: task=language_modeling and tokenizer.model_file (sentencepiece) or tokenizer.dictionary "
            "(whitespace, subword_nmt)"
        )


def _difference(one: Task[Any], other: Task[Any]) -> str:
    """Say why the probabilities of two models cannot be averaged; nothing if they can."""
    if type(one) is not type(other):
        return f"the one has {choice_of(one)} and the other {choice_of(other)}"
    left, right = one.info, other.info
    if difference := _difference_of_dictionaries(left.source_dictionary, right.source_dictionary):
        return f"their source dictionaries {difference}"
    if difference := _difference_of_dictionaries(left.target_dictionary, right.target_dictionary):
        return f"their target dictionaries {difference}"
    if left.predicts != right.predicts:
        return f"the one has {left.predicts} and the other {right.predicts}"
    if left.decoding_start != right.decoding_start:
        starts = (info.target_dictionary.symbol(info.decoding_start) for info in (left, right))
        return "the one starts from {} and the other from {}".format(*starts)
    return ""


def _difference_of_dictionaries(one: Dictionary, other: Dictionary) -> str:
    """Say in what two dictionaries differ, symbols or how they split text; nothing if they are the same."""
    if one.fingerprint == other.fingerprint:
        return ""
    return _difference_of_symbols(one, other) or "have the same symbols and split text in different ways"


def _difference_of_symbols(one: Dictionary, other: Dictionary) -> str:
    """Say in which symbols two dictionaries differ; nothing if they have the same ids for the same."""
    symbols = [[dictionary.symbol(id) for id in range(len(dictionary))] for dictionary in (one, other)]
    pairs = enumerate(zip_longest(*symbols))
    differing = ((id, left, right) for id, (left, right) in pairs if left != right)
    if not (first := next(differing, None)):
        return ""
    sizes = f"have {len(one):,} and {len(other):,} symbols and " if len(one) != len(other) else ""
    return "{}differ first in symbol {}: {!r} and {!r}".format(sizes, *first)
