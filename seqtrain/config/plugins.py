"""The base config of each kind of plug-in."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import ClassVar

from omegaconf import II, MISSING

from seqtrain.fields import Checked, bounded


@dataclass
class PluginConfig(Checked):
    """Base of every plug-in's config."""

    _name: str = field(default="", init=False, repr=False, compare=False)
    """Registered name of the plug-in; filled in by its registry, never by hand."""


@dataclass
class ModelConfig(PluginConfig):
    """Base of the configs in group ``model``."""

    @property
    def is_normalized(self) -> bool:
        """Whether the model gives log-probabilities, whose exponentials add up to 1, instead of any logits."""
        return False


@dataclass
class CriterionConfig(PluginConfig):
    """Base of the configs in group ``criterion``."""

    sentence_avg: bool = False
    """Average the gradient over sentences instead of over target tokens."""

    def contradictions_with(self, model: ModelConfig) -> Iterable[str]:
        """Return what the criterion cannot do with such a model, as ``contradictions`` does."""
        return ()


@dataclass
class TokenizerConfig(PluginConfig):
    """Base of the configs in group ``tokenizer``."""


@dataclass
class ScorerConfig(PluginConfig):
    """Base of the configs in group ``scorer``."""

    maximize: ClassVar[bool] = True
    """Whether a higher score is better."""


@dataclass
class TaskConfig(PluginConfig):
    """Base of the configs in group ``task``."""

    has_references: ClassVar[bool] = True
    """Whether there is text to score decoded text against, as in translation."""
    tokenizer: TokenizerConfig = II("tokenizer")
    """The chosen tokenizer; set it through the group ``tokenizer``."""
    cache_dir: str = II("dataset.cache_dir")
    """Where prepared data is kept; set it as ``dataset.cache_dir``."""


@dataclass
class ParameterGroupConfig(Checked):
    """Settings of its own for the parameters whose name a pattern matches."""

    pattern: str = MISSING
    """Regular expression, searched for in the parameter's name, such as ``bias$|norm``."""
    lr_scale: float = bounded(1.0, at_least=0)
    """Factor on the learning rate of these parameters."""
    weight_decay: float | None = bounded(None, at_least=0)
    """Weight decay of these parameters; the optimizer's own if null."""

    def contradictions(self) -> Iterable[str]:
        """The pattern is one."""
        yield from wrong_patterns("optimizer.groups", [self.pattern])


def wrong_patterns(key: str, patterns: Iterable[str]) -> Iterable[str]:
    """Return what is wrong with those patterns in a key that are no regular expressions."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield f"the pattern {pattern!r} in {key} is no regular expression: {error}"


@dataclass
class LRSchedulerConfig(PluginConfig):
    """Base of the configs in group ``lr_scheduler``."""

    falls_to_the_end: ClassVar[bool] = False
    """Whether the rate falls until the run ends."""


@dataclass
class OptimizerConfig(PluginConfig):
    """Base of the configs in group ``optimizer``."""

    lr: float = bounded(at_least=0)
    """Learning rate, the peak that the scheduler starts from."""
    groups: list[ParameterGroupConfig] = field(default_factory=list)
    """Parameters with settings of their own; the first pattern that matches a parameter takes it."""
    layer_decay: float = bounded(1.0, above=0, at_most=1)
    """Factor on the rate from each layer to the one below: layer l of L, from 0, has lr * layer_decay ** (L - l).

    Embeddings have that of one more layer below; the head, and what is in no layer, has lr.
    """
    frozen: list[str] = field(default_factory=list)
    """Regular expressions; parameters whose name one of them is found in stay as they are and get no gradient."""

    def out_of_range(self) -> list[str]:
        """Return also which of ``frozen`` is no regular expression."""
        return [*super().out_of_range(), *wrong_patterns("optimizer.frozen", self.frozen)]

    def contradictions_with(self, lr_scheduler: LRSchedulerConfig) -> Iterable[str]:
        """Return what the optimizer cannot do with such a schedule, as ``contradictions`` does."""
        return ()


@dataclass
class WeightDecayConfig(OptimizerConfig):
    """Base of the configs of optimizers with weight decay."""

    weight_decay: float = bounded(0.0, at_least=0)
    """Share of a parameter, times the rate, that an update takes away, apart from the gradient."""
    decay_biases_and_norms: bool = False
    """Decay vectors too: the biases, and the gains of normalisations. A group's own ``weight_decay`` counts anyway."""


SHARED = {f.name: str(f.default).strip("${}") for f in fields(TaskConfig) if str(f.default).startswith("${")}
"""Fields of a task's config that stand for a value elsewhere in the root, and its key."""


class Plugins(str, Enum):
    """Whose code runs the plug-ins of a checkpoint that are not seqtrain's own."""

    installed = "installed"
    bundled = "bundled"
