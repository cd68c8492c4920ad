"""What every task guarantees, as checks to run on a plug-in of one's own: ``check_task(MyConfig(...))``.

Each check builds the task from its config, prepares it, and raises AssertionError if something is wrong. A task that
derives from one of seqtrain's gets a small corpus instead of the built-in one; any other needs data of its own.
"""

import pickle
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqtrain.base import Batch, Dataset, PlanSpec, Shard, Task, TaskInfo, differences
from seqtrain.config import TaskConfig
from seqtrain.data.number_names import BUILTIN, english, german
from seqtrain.data.tokenizers.char import CharConfig
from seqtrain.errors import ConfigError
from seqtrain.tasks import REGISTRY
from seqtrain.tasks.language_modeling import LanguageModelingConfig
from seqtrain.tasks.multilingual_translation import MultilingualTranslationConfig
from seqtrain.tasks.translation import TranslationConfig
from seqtrain.testing.configs import check_config
from seqtrain.testing.guarantees import Check

PLAN = PlanSpec(max_tokens=512, seed=3)
TRAIN, OTHERS = range(0, 9_000, 73), range(9_000, 12_000, 97)
"""The numbers whose names make the small corpus."""


def check_task(cfg: TaskConfig) -> None:
    """Run all the checks on the task that ``cfg`` describes."""
    with small_corpus(cfg) as small:
        for check in CHECKS:
            check(small)


@contextmanager
def small_corpus(cfg: TaskConfig) -> Iterator[TaskConfig]:
    """Yield the config, with a small corpus if it is that of a task over the built-in one."""
    if isinstance(cfg, TranslationConfig) and cfg.data == BUILTIN:
        sides = {f".{cfg.source_lang}": english, f".{cfg.target_lang}": german}
    elif isinstance(cfg, MultilingualTranslationConfig) and cfg.data == BUILTIN:
        sides = {f".{language}": (english, german)[number % 2] for number, language in enumerate(cfg.languages)}
    elif isinstance(cfg, LanguageModelingConfig) and cfg.data == BUILTIN:
        sides = {"": english}
    else:
        yield cfg
        return
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        for prefixes, numbers in ((cfg.train, TRAIN), ([*cfg.valid, *cfg.test], OTHERS)):
            for prefix, (suffix, name) in product(prefixes, sides.items()):
                text = "".join(f"{name(number)}\n" for number in numbers)
                (directory / f"{prefix}{suffix}").write_text(text, encoding="utf-8")
        small = replace(cfg, data=temporary, cache_dir=str(directory / "cache"), tokenizer=CharConfig())
        yield small if isinstance(small, LanguageModelingConfig) else replace(small, shuffle_window=0)


def check_prepares(cfg: TaskConfig) -> None:
    """Prepared, it has its dictionaries and the sets to train and validate on, the same object each time."""
    task = _prepared(cfg)
    assert isinstance(task.info, TaskInfo), f"info is a {type(task.info).__name__}, should be a TaskInfo"
    for split in ["train", *task.splits("valid")]:
        dataset = task.dataset(split)
        assert len(dataset) > 0, f"{split} has no sentences"
        assert task.dataset(split) is dataset, f"dataset({split!r}) is another object each time"


def check_batches(cfg: TaskConfig) -> None:
    """The batches of an epoch hold each sentence once; the same seed and epoch give the same batches."""
    task = _prepared(cfg)
    for split in task.splits("valid"):
        batches, again = _epoch(task, split), _epoch(task, split)
        ids = [id for batch in batches for id in batch.ids.tolist()]
        assert len(set(ids)) == len(ids), f"{split}: {len(ids) - len(set(ids))} sentences come twice in an epoch"
        expected = len(task.dataset(split))
        assert len(ids) == expected, f"{split}: {len(ids)} of {expected} sentences come in an epoch"
        assert _same(batches, again), f"{split}: an epoch has other batches the second time"


def check_training_data(cfg: TaskConfig) -> None:
    """The training data of an epoch is the same when a resume asks for it again, other epochs or not in between."""
    task = _prepared(cfg)
    epochs = [task.training_dataset(epoch=epoch, seed=3) for epoch in (2, 5, 2)]
    first, _, again = (list(task.get_batch_iterator(dataset, epoch=2, plan=PLAN)) for dataset in epochs)
    assert _same(first, again), "training_dataset gives other sentences for the same epoch and seed the second time"


def check_fingerprints(cfg: TaskConfig) -> None:
    """Prepared again from the same data it has the same fingerprints: a resume is refused if they differ."""
    first, again = (_prepared(cfg).fingerprints() for _ in range(2))
    assert first, "fingerprints() names no data"
    lines = differences(first, again)
    assert not lines, f"prepared again from the same data, {'; '.join(lines)}"


def check_shards(cfg: TaskConfig) -> None:
    """Processes share the batches of an epoch, in turns; one that resumes starts in the middle."""
    task = _prepared(cfg)
    (split, *_), whole = task.splits("valid"), _epoch(task, task.splits("valid")[0])
    for rank in range(2):
        found = _epoch(task, split, shard=Shard(rank, 2))
        assert _same(found, whole[rank::2]), f"process {rank} of 2 does not get every second batch of the epoch"
    start = len(whole) // 2
    assert _same(_epoch(task, split, start=start), whole[start:]), f"start={start} does not skip so many batches"


def check_padding(cfg: TaskConfig) -> None:
    """Targets are padded on the right alone; ``ntokens`` and ``nsentences`` count what is there."""
    task = _prepared(cfg)
    for batch in _epoch(task, task.splits("valid")[0]):
        mask = batch.target.eq(task.info.target_dictionary.pad)
        assert not (mask[:, :-1] & ~mask[:, 1:]).any(), "a target has padding on the left of a token"
        tokens = int((~mask).sum())
        assert batch.ntokens == tokens, f"ntokens is {batch.ntokens}, but the target has {tokens} tokens"
        assert batch.nsentences == len(mask), f"nsentences is {batch.nsentences}, but the target has {len(mask)} rows"
        short = [name for name, x in batch.net_input.items() if len(x) != len(mask)]
        assert not short, f"other numbers of rows than the target has: {', '.join(short)}"


def check_checkpoint(cfg: TaskConfig) -> None:
    """What ``save`` writes is all that ``load`` needs to get ready for inference."""
    task = _prepared(cfg)
    with tempfile.TemporaryDirectory() as directory:
        task.save(Path(directory))
        loaded = REGISTRY.build(cfg)
        loaded.load(Path(directory))
    for side in ("source_dictionary", "target_dictionary"):
        before, after = (getattr(one.info, side).fingerprint for one in (task, loaded))
        assert before == after, f"the {side} is another one after saving and loading"
    assert task.info.max_positions == loaded.info.max_positions, "max_positions differ after saving and loading"


def check_fine_tuning(cfg: TaskConfig) -> None:
    """Prepared from other data after ``load``, it has the dictionaries that it has loaded."""
    trained = _prepared(cfg)
    valid = vars(cfg).get("valid")
    tuned = REGISTRY.build(replace(cfg, **{"train": valid}) if valid and "train" in vars(cfg) else cfg)
    with tempfile.TemporaryDirectory() as directory:
        trained.save(Path(directory))
        tuned.load(Path(directory))
        tuned.prepare()
    for side in ("source_dictionary", "target_dictionary"):
        before, after = (getattr(one.info, side).fingerprint for one in (trained, tuned))
        assert before == after, f"prepare() makes the {side} anew, where load() has read it from a checkpoint"


def check_inference(cfg: TaskConfig) -> str | None:
    """Each line to decode becomes one sentence, in order, whatever the line holds."""
    task = _prepared(cfg)
    lines = ["three", "", "a much longer line with words that are unknown"]
    try:
        dataset: Dataset = task.inference_dataset(lines)
    except ConfigError as error:
        return str(error)
    assert len(dataset) == len(lines), f"{len(lines)} lines become {len(dataset)} sentences"
    plan = PlanSpec(max_tokens=512, shuffle=False)
    ids = sorted(id for batch in task.get_batch_iterator(dataset, epoch=1, plan=plan) for id in batch.ids.tolist())
    assert ids == [0, 1, 2], f"lines 0 to 2 are the sentences {ids}"
    return None


def check_pickles(cfg: TaskConfig) -> None:
    """Its batches and its ``info`` can be sent to another process."""
    task = _prepared(cfg)
    batch = _epoch(task, task.splits("valid")[0])[0]
    assert _same([pickle.loads(pickle.dumps(batch))], [batch]), "a batch is another one after pickling"
    info = pickle.loads(pickle.dumps(task.info))
    same = info.target_dictionary.fingerprint == task.info.target_dictionary.fingerprint
    assert same, "the dictionary is another one after pickling"


CHECKS: tuple[Check, ...] = (
    check_config,
    check_prepares,
    check_batches,
    check_training_data,
    check_fingerprints,
    check_shards,
    check_padding,
    check_checkpoint,
    check_fine_tuning,
    check_inference,
    check_pickles,
)


def _prepared(cfg: TaskConfig) -> Task[Any]:
    task = REGISTRY.build(cfg)
    task.prepare()
    return task


def _epoch(task: Task[Any], split: str, shard: Shard = Shard(), start: int = 0) -> list[Batch]:
    return list(task.get_batch_iterator(task.dataset(split), epoch=2, plan=PLAN, shard=shard, start=start))


def _same(batches: list[Batch], others: list[Batch]) -> bool:
    return len(batches) == len(others) and all(
        _equal(a.net_input, b.net_input) and torch.equal(a.target, b.target)
        for a, b in zip(batches, others, strict=True)
    )


def _equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)
