"""Several optimizers, each of the parameters whose names match a pattern, with schedules of their own."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from omegaconf import MISSING
from torch import Tensor, nn

from seqtrain.base import LRScheduler
from seqtrain.config import LRSchedulerConfig, wrong_patterns
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.fields import Checked, bounded
from seqtrain.optimizers import REGISTRY, Optimizer, OptimizerConfig, register_optimizer
from seqtrain.optimizers._groups import Parameters, some, takes_nothing, trainable_parameters, with_layers_of
from seqtrain.optimizers._state import owner
from seqtrain.registry import REGISTRIES

ROOT_KEY = re.compile(r"(?<![\w.])((?:optimizer|lr_scheduler)\.)")
"""The beginning of a key of a run's optimizer or schedule."""
NUM_UPDATES = "num_updates"
"""Entry of the state that belongs to no parameter."""


@dataclass
class CompositePartConfig(Checked):
    """Some of the parameters, and what updates them."""

    pattern: str | None = None
    """Regular expression, searched for in a parameter's name; null takes the parameters that no other part takes."""
    optimizer: OptimizerConfig = MISSING
    """What updates them, chosen by ``optimizer@optimizer.parts.NAME.optimizer``."""
    lr_scheduler: LRSchedulerConfig | None = None
    """Their rate over training, chosen by ``lr_scheduler@optimizer.parts.NAME.lr_scheduler``; null: a constant one.

    It has to go by updates alone: parts learn nothing of epochs and validation losses.
    """

    def contradictions(self) -> Iterable[str]:
        """The pattern is one, parts have no parts, and what is frozen is said in one place."""
        yield from wrong_patterns("optimizer.parts", [] if self.pattern is None else [self.pattern])
        if isinstance(self.optimizer, CompositeConfig):
            yield "optimizer.parts: a part's optimizer cannot be composite itself; give its parts to the outer one"
        elif isinstance(self.optimizer, OptimizerConfig) and self.optimizer.frozen:
            yield "optimizer.parts: what is frozen is no part's; set optimizer.frozen"


@dataclass
class CompositeConfig(OptimizerConfig):
    """Settings of ``composite``."""

    lr: float = bounded(1.0, at_least=0)
    """Factor on the rates of all parts, which ``lr_scheduler`` sets; ``lr_scheduler=pass_through`` leaves it alone."""
    parts: dict[str, CompositePartConfig] = field(default_factory=dict)
    """Parts by names of one's own; each parameter that is trained belongs to one of them."""

    def contradictions(self) -> Iterable[str]:
        """There are parts, and each says itself what holds for its parameters."""
        if not self.parts:
            yield (
                "optimizer=composite needs optimizer.parts, by names of your own: write for each "
                "+optimizer@optimizer.parts.NAME.optimizer=adamw, for all but one optimizer.parts.NAME.pattern=REGEX"
            )
        rest = [name for name, part in self.parts.items() if part.pattern is None]
        if len(rest) > 1:
            yield f"optimizer.parts: {' and '.join(rest)} have no pattern; only one part can take the rest"
        if self.groups or self.layer_decay != 1:
            yield "optimizer.groups and optimizer.layer_decay are a part's: set optimizer.parts.NAME.optimizer.groups"

    def contradictions_with(self, lr_scheduler: LRSchedulerConfig) -> Iterable[str]:
        """The run's schedule goes for each part too."""
        yield from super().contradictions_with(lr_scheduler)
        for part in self.parts.values():
            yield from part.optimizer.contradictions_with(lr_scheduler)


@register_optimizer("composite", CompositeConfig)
class Composite(Optimizer):
    """An optimizer and, if wanted, a schedule for each part of the parameters.

    At update n a part runs at the rate ``lr`` * (what its own schedule gives after n - 1 updates, or its optimizer's
    constant rate), where ``lr`` is the factor that the run's own ``lr_scheduler`` sets for all.

    Raises:
        ConfigError: a parameter belongs to no part or to two, a part has none, or a schedule goes by epochs.
    """

    def __init__(self, cfg: CompositeConfig, named_parameters: Iterable[tuple[str, nn.Parameter]]) -> None:
        super().__init__(cfg, named_parameters)
        parameters = trainable_parameters(named_parameters)
        taken = _taken(cfg.parts, parameters)
        self.parts = {name: _Part(name, part, taken[name], parameters) for name, part in cfg.parts.items()}
        self._num_updates = 0
        self.lr = cfg.lr

    @property
    def lr(self) -> float:
        """Factor on the rates of all parts."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = value
        for part in self.parts.values():
            part.optimizer.lr = value * part.rate_at(self._num_updates)

    def step(self) -> None:
        """Update each part, and set the rates of the next update."""
        for optimizer in self._optimizers():
            optimizer.step()
        self._num_updates += 1
        self.lr = self._lr

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimizer in self._optimizers():
            optimizer.zero_grad()

    def train(self) -> None:
        """Hold the parameters that training goes on with."""
        for optimizer in self._optimizers():
            optimizer.train()

    def eval(self) -> None:
        """Hold the parameters to evaluate and save."""
        for optimizer in self._optimizers():
            optimizer.eval()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the states of all parts, whose parameters differ, and the number of updates."""
        state = {NUM_UPDATES: torch.tensor(self._num_updates)}
        for optimizer in self._optimizers():
            state |= optimizer.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over a state that :meth:`state_dict` returned.

        Raises:
            CheckpointError: it is that of another optimizer or of other parameters.
        """
        known = {name for part in self.parts.values() for name in part.names}
        strange = [entry for entry in state if entry != NUM_UPDATES and owner(entry) not in known]
        if strange or NUM_UPDATES not in state:
            what = f"{some(sorted(strange))}: unexpected" if strange else f"{NUM_UPDATES} is missing"
            raise CheckpointError(f"the checkpoint's optimizer state is not of this composite: {what}")
        self._num_updates = int(state[NUM_UPDATES])
        for part in self.parts.values():
            part.optimizer.load_state_dict({e: tensor for e, tensor in state.items() if owner(e) in part.names})
        self.lr = self._lr

    def _optimizers(self) -> Iterator[Optimizer]:
        return (part.optimizer for part in self.parts.values())


class _Part:
    def __init__(self, name: str, cfg: CompositePartConfig, parameters: Parameters, of_model: Parameters) -> None:
        self.names = set(parameters)
        with _keys_of_part(name):
            optimizer_cfg = with_layers_of(of_model, cfg.optimizer, parameters)
            self.optimizer = REGISTRY.build(optimizer_cfg, parameters.items())
        self.rate_at = part_rate(name, cfg, self.optimizer)
        """The part's own rate after so many updates."""


def part_rate(name: str, cfg: CompositePartConfig, optimizer: Optimizer) -> Callable[[int], float]:
    """Return what gives the own rate of a part after so many updates, for an optimizer that has the part's rate.

    Raises:
        ConfigError: the schedule goes by epochs or losses.
    """
    if cfg.lr_scheduler is None:
        constant = optimizer.lr
        return lambda num_updates: constant
    with _keys_of_part(name):
        scheduler: LRScheduler = REGISTRIES["lr_scheduler"].build(cfg.lr_scheduler, optimizer)
    if type(scheduler).step is not LRScheduler.step:
        raise ConfigError(
            f"optimizer.parts.{name}.lr_scheduler: {type(scheduler).__name__} goes by epochs or losses, "
            "of which parts do not learn; take one that goes by updates alone, such as inverse_sqrt"
        )
    return scheduler.lr_at


@contextmanager
def _keys_of_part(name: str) -> Iterator[None]:
    """Let messages name the keys of a part where they name those of a whole run."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(ROOT_KEY.sub(rf"optimizer.parts.{name}.\1", str(error))) from error


def _taken(parts: Mapping[str, CompositePartConfig], parameters: Parameters) -> dict[str, Parameters]:
    """Return the parameters of each part.

    Raises:
        ConfigError: a part has none, or a parameter belongs to no part or to two.
    """
    owners = {name: _owner(parts, name) for name in parameters}
    for part, cfg in parts.items():
        if part not in owners.values():
            raise ConfigError(takes_nothing(f"optimizer.parts.{part}", cfg.pattern, parameters))
    if left := [name for name, part in owners.items() if part is None]:
        raise ConfigError(f"optimizer.parts: no part takes {some(left)}; a part without a pattern takes the rest")
    return {part: {name: p for name, p in parameters.items() if owners[name] == part} for part in parts}


def _owner(parts: Mapping[str, CompositePartConfig], name: str) -> str | None:
    """Return the part that a parameter belongs to."""
    matching = [part for part, cfg in parts.items() if cfg.pattern is not None and re.search(cfg.pattern, name)]
    if len(matching) > 1:
        raise ConfigError(
            f"optimizer.parts: {' and '.join(matching)} both take {name}; their patterns must not overlap"
        )
    return next(iter([*matching, *(part for part, cfg in parts.items() if cfg.pattern is None)]), None)
