"""How far a hypothesis has come with the token sequences that it has to contain."""

from dataclasses import dataclass, replace

from torch import Tensor

TokenSequence = tuple[int, ...]


@dataclass(frozen=True)
class ConstraintState:
    """Constraints that a hypothesis has yet to meet, and how much of one it ends with.

    A constraint is met by its tokens in a row, and tokens count for one constraint only: to contain the same twice, ask
    for it twice. Where the tokens of one are the beginning of a longer one, the longer one has precedence.
    """

    left: tuple[TokenSequence, ...]
    """What is not met yet."""
    ordered: bool
    """Whether constraints have to be met in their order, or in any."""
    path: TokenSequence = ()
    """Last tokens of the hypothesis, that some constraint begins with."""
    met_tokens: int = 0
    """Number of tokens of the constraints that are met."""

    @property
    def bank(self) -> int:
        """Number of tokens of constraints that are there."""
        return self.met_tokens + len(self.path)

    @property
    def all_met(self) -> bool:
        """Whether the hypothesis may end."""
        return not self.left

    def next_tokens(self) -> set[int]:
        """Return the tokens that go on with a constraint or begin one."""
        going_on = {x[len(self.path)] for x in self._beginning_with(self.path) if x != self.path}
        return going_on | {x[0] for x in self._open}

    def after(self, token: int) -> "ConstraintState":
        """Return the state of the hypothesis with one token more."""
        return self._at((*self.path, token)) if self.left else self

    @property
    def _open(self) -> tuple[TokenSequence, ...]:
        """Constraints that may be met next."""
        return self.left[:1] if self.ordered else self.left

    def _beginning_with(self, path: TokenSequence) -> list[TokenSequence]:
        return [x for x in self._open if x[: len(path)] == path]

    def _at(self, path: TokenSequence) -> "ConstraintState":
        """Return the state for a hypothesis that ends with ``path``: its latest part that still leads somewhere."""
        if not path or any(x != path for x in self._beginning_with(path)):
            return replace(self, path=path)
        contained = [x for x in self._open if path[: len(x)] == x]
        if not contained:
            return self._at(path[1:])
        longest = max(contained, key=len)
        return self._without(longest)._at(path[len(longest) :])

    def _without(self, constraint: TokenSequence) -> "ConstraintState":
        """Return the state with a constraint met."""
        place = self.left.index(constraint)
        left = self.left[:place] + self.left[place + 1 :]
        return replace(self, left=left, met_tokens=self.met_tokens + len(constraint))


def constraint_states(tokens: Tensor, pad: int, *, ordered: bool) -> list[ConstraintState]:
    """Return what each sentence has to meet, given ``constraint_tokens`` (B, K, L), padded on the right."""
    sentences = [[tuple(id for id in x if id != pad) for x in sentence] for sentence in tokens.tolist()]
    return [ConstraintState(tuple(filter(None, constraints)), ordered) for constraints in sentences]
