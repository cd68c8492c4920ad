"""No schedule: for optimizers that set the rates of their parameters themselves."""

from dataclasses import dataclass

from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, register_lr_scheduler


@dataclass
class PassThroughConfig(LRSchedulerConfig):
    """Settings of ``pass_through``: there are none."""


@register_lr_scheduler("pass_through", PassThroughConfig)
class PassThrough(LRScheduler):
    """The optimizer's own rate, never changed: ``composite`` has a schedule for each of its groups."""

    def lr_at(self, num_updates: int) -> float:
        """Return the optimizer's rate."""
        return self.base_lr
