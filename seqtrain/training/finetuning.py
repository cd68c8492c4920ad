"""Fine-tuning: the checkpoint that a new run starts from, and the dictionaries that the run has from it.

Once a run has checkpoints of its own it goes on from these, and never reads the other one again.
"""

import contextlib
import hashlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import Enum
from typing import Any

from seqtrain.base import Fingerprint, Task, TaskInfo
from seqtrain.checkpoint import MODEL, OPTIMIZER, STATE, Checkpoint
from seqtrain.config import Plugins, SavingConfig, TokenizerConfig, TrainConfig
from seqtrain.data.tokenizers import REGISTRY as TOKENIZERS
from seqtrain.errors import ConfigError, SeqtrainError
from seqtrain.manifest import read_manifest
from seqtrain.registry import REGISTRIES, choice_of
from seqtrain.training.same_data import recorded_data
from seqtrain.training.vocabulary import check_new_symbols

KEY = "saving.finetune_from"


@dataclass(frozen=True)
class Origin:
    """The checkpoint that a run starts from."""

    checkpoint: Checkpoint
    cfg: TrainConfig
    info: TaskInfo
    """What its model knew of its task."""
    task: str
    """How its task is chosen, ``task=translation``."""

    def fingerprint(self, saving: SavingConfig) -> Fingerprint:
        """Return what identifies all of it that a run takes: its parameters, and its state if some of that goes on."""
        names = {MODEL, *([OPTIMIZER, STATE] if saving.kept else [])}
        hashes = [file.sha256 for name, file in read_manifest(self.checkpoint.path).items() if name in names]
        return Fingerprint(hashlib.sha256(" ".join(hashes).encode()).hexdigest())


def open_origin(cfg: TrainConfig) -> Origin | None:
    """Return the checkpoint that a run starts from, if it starts from one.

    Raises:
        CheckpointError: there is none, or it is damaged.
        PluginError: it was made with a plug-in that is not registered.
        ConfigError: it was made with another tokenizer.
    """
    if not cfg.saving.finetune_from:
        return None
    with naming_origin(cfg.saving):
        checkpoint = Checkpoint.open(cfg.saving.finetune_from)
        checkpoint.bundle().provide(Plugins.installed)
        its = checkpoint.config()
        task: Task[Any] = REGISTRIES["task"].build(its.task)
        task.load(checkpoint.path)
        _check_tokenizer(cfg, its.tokenizer)
        return Origin(checkpoint, its, task.info, choice_of(task))


@contextlib.contextmanager
def naming_origin(cfg: SavingConfig) -> Iterator[None]:
    """Begin a message about the checkpoint that a run starts from with the key that names it."""
    try:
        yield
    except SeqtrainError as error:
        raise type(error)(f"{KEY}={cfg.finetune_from}: {error}") from error


def prepare_task(task: Task[Any], cfg: SavingConfig, origin: Origin | None, resume: Checkpoint | None = None) -> None:
    """Get a task ready to train; a fine-tuned run has its dictionaries from ``resume``, or else from ``origin``.

    Raises:
        ConfigError: the dictionaries are of another task, do not stay as they are, or symbols are new unasked.
        DataError: the data cannot be used.
    """
    if origin is None:
        if cfg.finetune_from and resume is not None:
            task.load(resume.path)
        task.prepare()
        return
    with naming_origin(cfg):
        _take_dictionaries(task, origin)
        if cfg.extend_vocabulary:
            task.extend_vocabulary()
        check_new_symbols(task.info, origin.info, asked_for=cfg.extend_vocabulary)
    before = _dictionaries(task)
    task.prepare()
    if _dictionaries(task) != before:
        raise ConfigError(
            f"{choice_of(task)} makes its dictionaries anew, so {KEY} cannot give it those of a checkpoint: its "
            "prepare() has to leave those alone that load() has read"
        )


def origin_fingerprints(cfg: SavingConfig, origin: Origin | None, resume: Checkpoint | None) -> dict[str, Fingerprint]:
    """Return what a fine-tuned run started from, by name: a resume knows it from the run's own checkpoint."""
    if resume is not None:
        data = recorded_data(resume, resume.state().get("data")) if cfg.finetune_from else {}
        return {name: found for name, found in data.items() if name == KEY}
    return {KEY: origin.fingerprint(cfg)} if origin is not None else {}


def tokenizer_overrides(ours: TokenizerConfig, theirs: TokenizerConfig, *, extend: bool) -> list[str]:
    """Return what to write so that a config has the tokenizer of another; nothing if ids mean the same by both."""
    tokenizer = TOKENIZERS.build(theirs)
    free = {*tokenizer.free_fields, *(tokenizer.extension_fields if extend else ())}
    is_same = type(ours) is type(theirs)
    before = vars(ours) if is_same else _defaults(theirs)
    changed = [
        f"tokenizer.{f.name}={_written(getattr(theirs, f.name))}"
        for f in fields(theirs)
        if f.init and f.name not in free and getattr(theirs, f.name) != before.get(f.name)
    ]
    return changed if is_same else [choice_of(tokenizer), *changed]


def _check_tokenizer(cfg: TrainConfig, theirs: TokenizerConfig) -> None:
    wanted, unless_extended = (
        tokenizer_overrides(cfg.tokenizer, theirs, extend=extend) for extend in (cfg.saving.extend_vocabulary, True)
    )
    if wanted:
        adding = "" if unless_extended else "; or saving.extend_vocabulary=true, to add symbols to its own"
        raise ConfigError(
            "it was trained with another tokenizer than this run's config says, by which its ids mean other things; "
            f"write: {' '.join(map(shlex.quote, wanted))}{adding}"
        )


def _take_dictionaries(task: Task[Any], origin: Origin) -> None:
    try:
        task.load(origin.checkpoint.path)
    except SeqtrainError as error:
        raise ConfigError(
            f"{choice_of(task)} cannot use the dictionaries of its {origin.task}: {error}; choose the task, "
            "and what its dictionaries are of, as they were chosen there"
        ) from error


def _dictionaries(task: Task[Any]) -> list[str]:
    return [task.info.source_dictionary.fingerprint, task.info.target_dictionary.fingerprint]


def _defaults(cfg: TokenizerConfig) -> Mapping[str, Any]:
    return {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(cfg)}


def _written(value: Any) -> Any:
    """Return a value as an override has it."""
    return value.value if isinstance(value, Enum) else "null" if value is None else value
