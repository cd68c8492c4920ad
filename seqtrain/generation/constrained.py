"""Beam search for outputs that contain given token sequences.

The beam is shared out among hypotheses by how many tokens of their constraints they have (Post & Vilar 2018), whose
order may be left open (Hu et al. 2019).
"""

import itertools
import logging
import math
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from seqtrain.generation.beam import BeamSearch
from seqtrain.generation.candidates import Candidates
from seqtrain.generation.constraint_state import ConstraintState
from seqtrain.generation.hypotheses import Hypotheses

log = logging.getLogger(__name__)

NOT_MET = "line %d: found no output of up to %d tokens that has all of its constraints: it goes without some of them"

Candidate = tuple[float, int, int]
"""Score, parent and token."""


class Constrained(BeamSearch):
    """Picks candidates in turns from banks: a bank has those with the same number of tokens of constraints.

    Candidates are the best of each sentence, the best of each hypothesis, and all that go on with a constraint. No
    hypothesis ends before it contains all of its constraints, unless its sentence would be left without an output, as
    the limit of length is there; then a warning is logged.
    A sentence without constraints is decoded as by beam search.

    Args:
        states: the constraints of each sentence of the batch.
        eos: end of sentence.
        lines: number of each sentence, for warnings.
    """

    def __init__(self, states: Sequence[ConstraintState], eos: int, lines: Sequence[int]) -> None:
        self.eos = eos
        self.lines = lines
        self._first = states
        self._states: list[list[ConstraintState]] = []

    def begin(self, hypotheses: Hypotheses) -> None:
        """Count what is given."""
        self._states = [
            [_after_all(state, tokens) for tokens in beams]
            for state, beams in zip(self._first, hypotheses.tokens.tolist(), strict=True)
        ]

    def pick(self, log_probs: Tensor, hypotheses: Hypotheses) -> Candidates:
        """Return the best candidates, in sentences with constraints those of the banks in turns."""
        self._hold_back_ends(log_probs, hypotheses)
        best = super().pick(log_probs, hypotheses)  # log_probs are scores from here on
        for row, sentence in enumerate(hypotheses.sentences.tolist()):
            if self._first[sentence].left:
                found = self._candidates(log_probs[row], self._states[row], best, row)
                for values, each in zip(best, _columns(found, best.tokens.size(1)), strict=True):
                    values[row] = values.new_tensor(each)
        return best

    def _hold_back_ends(self, log_probs: Tensor, hypotheses: Hypotheses) -> None:
        """Rule out the end where constraints are not met, unless the sentence would be left without an output."""
        exist = hypotheses.scores.isfinite()
        ends = log_probs[..., self.eos].clone()
        met = torch.tensor([[state.all_met for state in states] for states in self._states])
        log_probs[..., self.eos].masked_fill_(~met.to(ends.device), -math.inf)
        goes_on, ends_only = ((x & exist).any(1) for x in (log_probs.isfinite().any(-1), ends.isfinite()))
        for row in (ends_only & ~goes_on).nonzero().flatten().tolist():
            if not hypotheses.finished[sentence := int(hypotheses.sentences[row])]:
                log_probs[row, :, self.eos] = ends[row]
                log.warning(NOT_MET, self.lines[sentence], hypotheses.limits[row])

    def _candidates(
        self, scores: Tensor, states: Sequence[ConstraintState], best: Candidates, row: int
    ) -> list[Candidate]:
        """Return the candidates of a sentence that exist, given scores (R, V) and the best of all."""
        wanted = {*zip(best.parents[row].tolist(), best.tokens[row].tolist(), strict=True)}
        wanted |= set(enumerate(scores.argmax(-1).tolist()))
        wanted |= {(parent, token) for parent, state in enumerate(states) for token in state.next_tokens()}
        parents, tokens = (torch.tensor(each, device=scores.device) for each in zip(*sorted(wanted), strict=True))
        found = zip(scores[parents, tokens].tolist(), parents.tolist(), tokens.tolist(), strict=True)
        return in_turns([each for each in found if math.isfinite(each[0])], states)

    def follow(self, rows: Tensor, hypotheses: Hypotheses) -> None:
        """Count the tokens that were added."""
        width = hypotheses.scores.size(1)
        flat = [state for states in self._states for state in states]
        added = zip(rows.tolist(), hypotheses.prev_tokens.tolist(), strict=True)
        states = [flat[row].after(token) for row, token in added]
        self._states = [states[i : i + width] for i in range(0, len(states), width)]


def in_turns(found: list[Candidate], states: Sequence[ConstraintState]) -> list[Candidate]:
    """Return the best candidate of each bank, the fullest bank first, then the second best of each, and so on."""
    banks: dict[int, list[Candidate]] = defaultdict(list)
    for score, parent, token in sorted(found, key=lambda each: -each[0]):
        banks[states[parent].after(token).bank].append((score, parent, token))
    turns = itertools.zip_longest(*(banks[bank] for bank in sorted(banks, reverse=True)))
    return [each for turn in turns for each in turn if each is not None]


def _after_all(state: ConstraintState, tokens: Sequence[int]) -> ConstraintState:
    for token in tokens:
        state = state.after(token)
    return state


def _columns(found: list[Candidate], count: int) -> tuple[list[float], list[int], list[int]]:
    """Return the scores, parents and tokens of ``count`` candidates; those that are missing do not exist."""
    scores, parents, tokens = zip(*(found + [(-math.inf, 0, 0)] * count)[:count], strict=True)
    return list(scores), list(parents), list(tokens)
