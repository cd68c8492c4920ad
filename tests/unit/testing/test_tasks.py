"""Each check finds the mistake that it is there for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtrain.base import Batch, Dataset, Fingerprint, PlanSpec, Shard
from seqtrain.data.dictionary_files import DictionaryFiles
from seqtrain.data.parallel import PairsDataset, SourceDataset
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.errors import ConfigError
from seqtrain.tasks import REGISTRY
from seqtrain.tasks.translation import TranslationConfig, TranslationTask
from seqtrain.testing import tasks as checks
from seqtrain.testing.guarantees import Check


@dataclass
class FaultyConfig(TranslationConfig):
    """A task that is sound but for one fault."""

    fault: str = "none"
    """What is wrong."""


class Faulty(TranslationTask):
    cfg: FaultyConfig
    epochs = 0

    def dataset(self, split: str) -> PairsDataset:
        if self.cfg.fault == "prepares":
            self._datasets.clear()
        return super().dataset(split)

    def training_dataset(self, *, epoch: int, seed: int) -> PairsDataset:
        Faulty.epochs += 1
        return self.dataset("valid" if self.cfg.fault == "epochs" and Faulty.epochs == 1 else "train")

    def fingerprints(self) -> dict[str, Fingerprint]:
        Faulty.epochs += self.cfg.fault == "clock"
        if self.cfg.fault == "nameless":
            return {}
        return {"time": Fingerprint(str(Faulty.epochs))} if self.cfg.fault == "clock" else super().fingerprints()

    def prepare(self) -> None:
        if self.cfg.fault == "learns anew":
            self._dictionary_files = DictionaryFiles()
        super().prepare()

    def load(self, directory: Path) -> None:
        super().load(directory)
        if self.cfg.fault == "checkpoint":
            self.info = replace(self.info, max_positions=(1, 1))

    def inference_dataset(self, lines: Sequence[str]) -> SourceDataset:
        if self.cfg.fault == "no inference":
            raise ConfigError("task faulty does not decode")
        return super().inference_dataset([line for line in lines if line or self.cfg.fault != "inference"])

    def get_batch_iterator(
        self, dataset: Dataset, *, epoch: int, plan: PlanSpec, shard: Shard = Shard(), start: int = 0
    ) -> Iterator[Batch]:
        fault = self.cfg.fault
        Faulty.epochs += 1
        plan = replace(plan, seed=Faulty.epochs) if fault == "seed" else plan
        shard, start = (Shard(), 0) if fault == "shards" else (shard, start)
        batches = super().get_batch_iterator(dataset, epoch=epoch, plan=plan, shard=shard, start=start)
        changes: dict[str, Callable[[Batch], list[Batch]]] = {
            "twice": lambda batch: [batch, batch],
            "missing": lambda batch: [],
            "ntokens": lambda batch: [replace(batch, ntokens=batch.target.numel() + 1)],
            "left": lambda batch: [replace(batch, target=batch.target.flip(1))],
        }
        for batch in batches:
            yield from changes[fault](batch) if fault in changes else [batch]


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    REGISTRY.register("faulty", FaultyConfig)(Faulty)
    Faulty.epochs = 0
    yield
    REGISTRY.forget({__name__})


@pytest.fixture
def cfg() -> Iterator[Any]:
    """A config with a small corpus."""
    with checks.small_corpus(FaultyConfig()) as small:
        yield small


def test_a_sound_task_passes() -> None:
    checks.check_task(FaultyConfig())


def test_data_of_the_users_own_is_left_alone() -> None:
    cfg = FaultyConfig(data="/corpus", tokenizer=CharConfig())
    with checks.small_corpus(cfg) as same:
        assert same is cfg


def test_a_task_need_not_decode(cfg: FaultyConfig) -> None:
    assert checks.check_inference(replace(cfg, fault="no inference")) == "task faulty does not decode"


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        ("prepares", checks.check_prepares, r"dataset\('train'\) is another object each time"),
        ("twice", checks.check_batches, "valid: [0-9]+ sentences come twice in an epoch"),
        ("missing", checks.check_batches, "valid: 0 of 31 sentences come in an epoch"),
        ("seed", checks.check_batches, "valid: an epoch has other batches the second time"),
        ("epochs", checks.check_training_data, "gives other sentences for the same epoch and seed the second time"),
        ("clock", checks.check_fingerprints, "prepared again from the same data, time differs"),
        ("nameless", checks.check_fingerprints, r"fingerprints\(\) names no data"),
        ("shards", checks.check_shards, "process 0 of 2 does not get every second batch"),
        ("left", checks.check_padding, "a target has padding on the left of a token"),
        ("ntokens", checks.check_padding, "ntokens is [0-9]+, but the target has [0-9]+ tokens"),
        ("checkpoint", checks.check_checkpoint, "max_positions differ after saving and loading"),
        ("learns anew", checks.check_fine_tuning, r"prepare\(\) makes the source_dictionary anew"),
        ("inference", checks.check_inference, "3 lines become 2 sentences"),
    ],
)
def test_a_fault_is_found(cfg: FaultyConfig, fault: str, check: Check, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check(replace(cfg, fault=fault))


def test_batches_are_compared_by_their_tensors() -> None:
    batch = Batch(torch.arange(1), {"source_tokens": torch.ones(1, 2)}, torch.ones(1, 2), 2, 1)
    assert checks._same([batch], [replace(batch, net_input={"source_tokens": torch.ones(1, 2)})])
    assert not checks._same([batch], [replace(batch, net_input={"source_tokens": torch.zeros(1, 2)})])
    assert not checks._same([batch], [])
