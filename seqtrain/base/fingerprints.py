"""What data was, so that a later look can tell whether it is the same, and where it is not."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest

MOST_BLOCKS = 100
"""A fingerprint with more is made coarser."""
COARSER = 10
"""Units in the first blocks; and how many blocks become one when there are too many."""
WINDOW = 1000
"""Most units held in memory."""


@dataclass(frozen=True)
class Fingerprint:
    """Hash of some data, and where it has parts in order, such as lines, of blocks of them."""

    sha256: str
    """Hash of all that counts."""
    unit: str = ""
    """What the parts are called, such as ``lines``; empty if it has none."""
    size: int = 0
    """Number of parts."""
    num_bytes: int = 0
    """Bytes of all parts."""
    block: int = COARSER
    """Parts in a block: 10, 100, 1,000 ..., so that there are at most 100 blocks."""
    blocks: list[str] = field(default_factory=list)
    """Start of the hash of each block, the last of which may be smaller."""

    @classmethod
    def of(cls, unit: str, parts: Iterable[bytes]) -> "Fingerprint":
        """Return the fingerprint of parts, read once, in bounded memory."""
        remaining, whole, part = iter(parts), hashlib.sha256(), hashlib.sha256()
        size, num_bytes, filled, block, blocks = 0, 0, 0, COARSER, list[str]()
        while window := list(islice(remaining, min(block, WINDOW))):
            content = b"".join(window)
            whole.update(content)
            part.update(content)
            size, num_bytes, filled = size + len(window), num_bytes + len(content), filled + len(window)
            if filled == block:
                blocks.append(_short(part.hexdigest()))
                filled, part = 0, hashlib.sha256()
            if len(blocks) == MOST_BLOCKS:
                block, blocks = block * COARSER, _coarser(blocks)
        if filled:
            blocks.append(_short(part.hexdigest()))
        return cls(whole.hexdigest(), unit, size, num_bytes, block, blocks)

    @classmethod
    def of_blocks(cls, unit: str, size: int, num_bytes: int, block: int, contents: Iterable[bytes]) -> "Fingerprint":
        """Return the fingerprint of ``size`` parts by the contents of blocks of 10, 100, 1,000 ... parts."""
        whole, blocks = hashlib.sha256(), list[str]()
        for content in contents:
            part = hashlib.sha256(content)
            whole.update(part.digest())
            blocks.append(_short(part.hexdigest()))
        while len(blocks) >= MOST_BLOCKS:
            block, blocks = block * COARSER, _coarser(blocks)
        return cls(whole.hexdigest(), unit, size, num_bytes, block, blocks)

    def difference(self, now: "Fingerprint") -> str:
        """Say how ``now`` differs from this, ``has 3 lines and had 2, ...``; nothing if it does not."""
        if self.sha256 == now.sha256:
            return ""
        if not (self.unit and self.unit == now.unit):
            return "differs"
        size = f"has {now.size:,} {self.unit} and had {self.size:,}, " if now.size != self.size else ""
        return f"{size}{self._where(now)}"

    def _where(self, now: "Fingerprint") -> str:
        """Say in which block the first difference is."""
        block = max(self.block, now.block)
        pairs = enumerate(zip_longest(self._blocks_of(block), now._blocks_of(block)))
        first = next((number * block for number, (before, after) in pairs if before != after), None)
        if first is None:
            return f"has the same {self.unit} and differs in other ways"
        most = max(self.size, now.size)
        return f"differs first in {self.unit} {first + 1:,} to {min(first + block, most):,} of {most:,}"

    def _blocks_of(self, block: int) -> list[str]:
        """Return the hashes of blocks of so many parts, no fewer than in this one's blocks."""
        blocks, size = self.blocks, self.block
        while size < block:
            blocks, size = _coarser(blocks), size * COARSER
        return blocks


def differences(before: Mapping[str, Fingerprint], now: Mapping[str, Fingerprint]) -> list[str]:
    """Return a line for each piece of data, by name, that is not what it was.

    Data without parts, such as token ids, is made from the rest: it is listed if nothing else differs.
    """
    lines = [f"{name} was there and is not" for name in before if name not in now]
    lines += [f"{name} is there and was not" for name in now if name not in before]
    changed = {name: before[name].difference(now[name]) for name in before if name in now}
    lines += [f"{name} {how}" for name, how in changed.items() if how and before[name].unit]
    return lines or [f"{name} {how}" for name, how in changed.items() if how]


def _coarser(blocks: Sequence[str]) -> list[str]:
    """Return the hash of each ten."""
    tens = ("".join(blocks[first : first + COARSER]) for first in range(0, len(blocks), COARSER))
    return [_short(hashlib.sha256(ten.encode()).hexdigest()) for ten in tens]


def _short(digest: str) -> str:
    """Return as much of a hash as tells blocks apart; that of the whole is kept in full."""
    return digest[:16]
