"""A run directory: its checkpoints, which of them is the best and the last, and which to keep."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from seqtrain import checkpoint
from seqtrain.checkpoint import STATE, Checkpoint
from seqtrain.config import SavingConfig
from seqtrain.errors import CheckpointError, ConfigError
from seqtrain.manifest import read_manifest, verify
from seqtrain.paths import remove_leftovers, replace_link, sync, temporary_name
from seqtrain.training.saved_state import taking_over


def check_unused(path: Path) -> None:
    """Check that no run has saved into a directory.

    Raises:
        ConfigError: one has; its checkpoints would stand in the way of a new run's.
    """
    if checkpoint.named(path / "checkpoints"):
        raise ConfigError(f"{path} holds a run already: go on with it by resume={path}, or choose another directory")


@dataclass(frozen=True)
class RunDirectory:
    """The directory of one run."""

    path: Path
    cfg: SavingConfig

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints lie."""
        return self.path / "checkpoints"

    def checkpoint_path(self, num_updates: int) -> Path:
        """Where the checkpoint of an update lies."""
        return self.checkpoints / f"update-{num_updates:08d}"

    def complete(self) -> list[Checkpoint]:
        """Return the finished checkpoints, oldest first."""
        return [Checkpoint(path) for path in checkpoint.complete(self.checkpoints)]

    def sound(self) -> list[Checkpoint]:
        """Return the finished checkpoints, oldest first, without those that are damaged as far as their sizes tell.

        What is damaged counts for nothing, and is left to the user.

        Raises:
            OSError, CheckpointError: the disk does not let us look.
        """
        return [saved for saved in self.complete() if _is_sound(saved)]

    def up_to(self, num_updates: int) -> Checkpoint | None:
        """Return the checkpoint of an update; the newest before it, if the disk refused that one."""
        earlier = [saved for saved in self.sound() if saved.path <= self.checkpoint_path(num_updates)]
        return earlier[-1] if earlier else None

    def is_among_best(self, value: float) -> bool:
        """Tell whether a checkpoint with this value of ``saving.metric`` would be kept as one of the best."""
        if self.cfg.keep_best == 0 or math.isnan(value):
            return False
        best = self.ranked(self.sound())[: self.cfg.keep_best]
        return len(best) < self.cfg.keep_best or self.cfg.rank(value) < self.cfg.rank(self._value(best[-1]))

    def refresh(self) -> None:
        """Let ``best`` and ``last`` point to what they say, and remove what is not to be kept.

        Raises:
            OSError: the file system refuses.
            CheckpointError: the newest checkpoint is damaged; nothing was removed.
        """
        sound = self.sound()
        ranked = self.ranked(sound)
        # With keep_last=0 the second slice is [-0:], which is all of them.
        keep = {c.path for c in [*ranked[: self.cfg.keep_best], *sound[-self.cfg.keep_last :]]}
        keep |= {c.path for c in sound if self.cfg.keep_every and update_of(c) % self.cfg.keep_every == 0}
        # Before anything goes, what stays is known to be whole, on disk, and where the links point to.
        if len(keep) < len(sound):
            verify(sound[-1].path)
            sync(self.checkpoints)
            keep.add(self._gone_back_to(sound[-1]))
        kept = [c for c in sound if c.path in keep]
        for name, found in (("best", self.ranked(kept)[:1]), ("last", kept[-1:])):
            if found:
                replace_link(self.path / name, f"{self.checkpoints.name}/{found[0].path.name}")
        # Renamed first: a kill in the middle must not leave half a checkpoint under its name.
        for stale in (c for c in sound if c.path not in keep):
            stale.path.rename(temporary_name(stale.path))
        remove_leftovers(self.checkpoints)

    def go_back_to(self, path: Path) -> None:
        """Remove the checkpoints that are newer than this one: what they hold, training has gone back from.

        Raises:
            OSError: the file system refuses.
            CheckpointError: the newest checkpoint that is left is damaged.
        """
        for newer in (c for c in self.sound() if c.path > path):
            newer.path.rename(temporary_name(newer.path))
        self.refresh()

    def make_room(self) -> None:
        """Remove now what will not be kept once one more checkpoint is there, but for the newest one.

        Raises:
            OSError: the file system refuses.
            CheckpointError: the newest checkpoint is damaged; nothing was removed.
        """
        if self.cfg.keep_last > 1:
            RunDirectory(self.path, replace(self.cfg, keep_last=self.cfg.keep_last - 1)).refresh()

    def _gone_back_to(self, newest: Checkpoint) -> Path:
        """Return where a recovery goes back to in a run that goes on from this checkpoint."""
        if not newest.is_resumable:
            return newest.path
        with taking_over(newest.path / STATE):
            return self.checkpoint_path(newest.state()["trainer"]["saved"])

    def ranked(self, checkpoints: Iterable[Checkpoint]) -> list[Checkpoint]:
        """Checkpoints that were validated, best first; of equals the older."""
        values = [(self._value(c), c) for c in checkpoints]
        validated = [pair for pair in values if not math.isnan(pair[0])]
        return [c for _, c in sorted(validated, key=lambda pair: self.cfg.rank(pair[0]))]

    def _value(self, saved: Checkpoint) -> float:
        return saved.metrics().get(self.cfg.metric, math.nan)


def update_of(saved: Checkpoint) -> int:
    """Return the update that a checkpoint is of."""
    return int(saved.path.name.rpartition("-")[2])


def _is_sound(saved: Checkpoint) -> bool:
    """Tell whether a checkpoint's files have the sizes that they were written with, and its metrics can be read.

    Raises:
        OSError, CheckpointError: the disk does not let us look.
    """
    try:
        files = read_manifest(saved.path)
        saved.metrics()
        return all((saved.path / name).stat().st_size == file.bytes for name, file in files.items())
    except FileNotFoundError:
        return False
    except CheckpointError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise
        return False
