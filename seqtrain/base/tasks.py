"""Base class of tasks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from seqtrain.base.criterions import Criterion
from seqtrain.base.data import Batch, Dataset, Dictionary, LossOutput, PlanSpec, Shard, TaskInfo
from seqtrain.base.fingerprints import Fingerprint
from seqtrain.base.models import Generator, Hypothesis, Model
from seqtrain.base.optimizers import Optimizer
from seqtrain.config import CriterionConfig, ModelConfig, TaskConfig
from seqtrain.errors import ConfigError
from seqtrain.registry import REGISTRIES, choice_of

InfoT = TypeVar("InfoT", bound=TaskInfo)


class Task(ABC, Generic[InfoT]):
    """Dictionaries, datasets, batches, the step and inference, built as ``T(cfg)``.

    Building reads nothing. ``prepare`` gets the task ready from its data, ``load`` from a checkpoint; after
    either one ``info`` is there. To fine-tune a model it is loaded from the model's checkpoint and then prepared.
    """

    info: InfoT

    def __init__(self, cfg: TaskConfig) -> None:
        self.cfg = cfg

    def check_model(self, cfg: ModelConfig) -> None:
        """Say before any data is read, if it can be said, that a model does not go with this task.

        Raises:
            ConfigError: the model is of another kind than the task has batches for.
        """

    def prepare(self) -> None:
        """Get ready to train: read or make the dictionaries, index the data.

        After :meth:`load` the dictionaries stay those of the checkpoint: the model is to go on with their ids.
        """

    def save(self, directory: Path) -> None:
        """Write what inference needs besides the model, such as the tokenizer's files.

        A thread calls it while training goes on, more than once if the disk fails: write what ``prepare`` made, and
        nothing that changes later.
        """

    def load(self, directory: Path) -> None:
        """Read what :meth:`save` wrote."""

    def extend_vocabulary(self) -> None:
        """Append to the dictionaries, as they were loaded, the symbols of the training data that they lack.

        Raises:
            ConfigError: the task cannot.
        """
        raise ConfigError(f"{choice_of(self)} cannot extend a vocabulary: set saving.extend_vocabulary=false")

    @abstractmethod
    def dataset(self, split: str) -> Dataset:
        """Return a split such as ``train``, ``valid`` or ``test``; the same object each time."""

    def training_dataset(self, *, epoch: int, seed: int) -> Dataset:
        """Return the training data as an epoch, from 1, sees it; the same in each if nothing in it is left to chance.

        A pure function of its arguments: a resume asks again for the epoch that it goes on with.
        """
        return self.dataset("train")

    def splits(self, kind: str) -> list[str]:
        """Return the names of the sets of a kind: ``valid``, ``valid1``, ... where there are several."""
        return [kind]

    def parts(self, split: str) -> list[str]:
        """Return the sets that a split consists of: of ``test`` it may be ``test.en-de`` and ``test.de-en``."""
        sets = [*self.splits("valid"), *self.splits("test")]
        return [name for name in sets if name.startswith(f"{split}.")] or [split]

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return what the training and validation data is, by name: a resume compares it, and says what differs."""
        return {split: Fingerprint(self.dataset(split).fingerprint) for split in ["train", *self.splits("valid")]}

    def counts(self, split: str) -> dict[str, int]:
        """Return how much a split holds, by units in the plural.

        With ``tokens``, the number of those that are predicted, evaluation tells the bits of each other unit.
        """
        return {"sentences": len(self.dataset(split))}

    def text(self, split: str) -> tuple[list[str], list[str]]:
        """Return a split as text: what is given, and what decoding should give, a line for each sentence.

        Raises:
            ConfigError: the task has no text.
        """
        raise ConfigError(f"{choice_of(self)} has no reference text: set validation.generate=false")

    def output_dictionary(self, split: str) -> Dictionary:
        """Return what decodes the outputs of a split."""
        dictionary: Dictionary = self.info.target_dictionary
        return dictionary

    def target_language(self, split: str) -> str:
        """Return the code of the language that outputs of a split are in; empty if it is not known, or not one."""
        return ""

    def places(self, split: str, numbers: Sequence[int]) -> list[str]:
        """Return where sentences of a split are from, for messages: ``FILE:LINE`` where the task knows."""
        return [f"sentence {number} of {split}" for number in numbers]

    def inference_dataset(self, lines: Sequence[str]) -> Dataset:
        """Return lines of text as sentences to decode, one each.

        Raises:
            ConfigError: the task cannot decode text.
        """
        raise ConfigError(f"{choice_of(self)} does not decode text")

    def in_languages(self, source_lang: str, target_lang: str) -> "Task[InfoT]":
        """Return the task that decodes lines from one language into another; both are empty where nothing is said.

        This one stays as it is, so that threads can share it.

        Raises:
            ConfigError: there is nothing to choose, or no such language.
        """
        if source_lang or target_lang:
            raise ConfigError(
                f"source_lang={source_lang} target_lang={target_lang}: this model has no languages to choose from; "
                "leave out source_lang and target_lang"
            )
        return self

    def decoding_words(self) -> list[str]:
        """Return words that ``generate`` needs for a model of this task besides ``checkpoint``, such as its languages.

        Training ends with a command that has them, to be run as it is printed.
        """
        return []

    def get_batch_iterator(
        self, dataset: Dataset, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0
    ) -> Iterator[Batch]:
        """Return the micro-batches of an epoch for one process, from the ``start``-th on."""
        return dataset.batches(epoch=epoch, plan=plan, shard=shard, start=start)

    def build_model(self, cfg: ModelConfig) -> Model:
        """Build the model for this task."""
        model: Model = REGISTRIES["model"].build(cfg, self.info)
        return model

    def build_criterion(self, cfg: CriterionConfig) -> Criterion:
        """Build the criterion for this task."""
        criterion: Criterion = REGISTRIES["criterion"].build(cfg, self.info)
        return criterion

    def train_step(self, batch: Batch, model: Model, criterion: Criterion, optimizer: Optimizer) -> LossOutput:
        """Compute the loss of a batch and add its gradients."""
        output: LossOutput = criterion(model, batch)
        optimizer.backward(output.loss)
        return output

    def valid_step(self, batch: Batch, model: Model, criterion: Criterion) -> LossOutput:
        """Compute the loss of a batch; gradients are off."""
        output: LossOutput = criterion(model, batch)
        return output

    def inference_step(self, batch: Batch, generator: Generator) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence of a batch, best first."""
        return generator.generate(batch.net_input)
