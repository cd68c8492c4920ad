"""Seeds of whatever is left to chance: functions of numbers that a resume knows, never of a process's state."""

import hashlib


def derive_seed(*parts: int | str) -> int:
    """Return a seed of 63 bits, another one for other parts."""
    digest = hashlib.blake2b(" ".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
