"""The edit distance of Levenshtein (1966)."""

from collections.abc import Sequence


def edit_distance(hypothesis: Sequence[object], reference: Sequence[object]) -> int:
    """Return the fewest insertions, deletions and substitutions that make one sequence of ids or words the other."""
    distances = list(range(len(reference) + 1))  # from the hypothesis so far to each beginning of the reference
    for row, given in enumerate(hypothesis, start=1):
        diagonal, distances[0] = distances[0], row
        for column, wanted in enumerate(reference, start=1):
            cheapest = min(diagonal + (given != wanted), distances[column] + 1, distances[column - 1] + 1)
            diagonal, distances[column] = distances[column], cheapest
    return distances[-1]
