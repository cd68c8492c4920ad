"""Where fairseq and seqtrain do something else if a flag is not given."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

ROWS = """
    --criterion | cross_entropy | label_smoothed_cross_entropy | criterion=cross_entropy
    --lr-scheduler | fixed | polynomial_decay, after 200 updates of warm-up | lr_scheduler=fixed
    --max-update | no limit | 1200 | training.max_update=0 training.max_epoch=N
    --source-lang --target-lang | those of the files | en and de | task.source_lang=A task.target_lang=B
    --max-tokens | no limit with --batch-size | 2048 | dataset.max_tokens=0
    --label-smoothing | 0 | 0.1 | criterion.label_smoothing=0
    --required-batch-size-multiple | 8 | 1 | dataset.required_batch_size_multiple=8
    --keep-last-epochs --keep-interval-updates | all are kept | the last 3, and the best | saving.keep_last=0
    --weight-decay | 0 | 0, with lamb 0.01 | optimizer.weight_decay=0
    --lamb-eps | 1e-8 | 1e-6 | optimizer.eps=1e-8
    --lr | 0.25 | 3e-3, else that of the optimizer or its preset | optimizer.lr=0.25
    --arch --optimizer | one must be given | those of the embedded job, for number names | model=NAME optimizer=NAME
"""
"""Flags | what fairseq does without | what seqtrain does without | what to write for what fairseq does."""


class Unset(NamedTuple):
    """Flags that are not given, and what that means."""

    flags: tuple[str, ...]
    there: str
    here: str
    override: str
    """What to write for what fairseq does."""


UNSET = [
    Unset(tuple(flags.split()), there, here, override)
    for flags, there, here, override in ([cell.strip() for cell in row.split("|")] for row in ROWS.strip().split("\n"))
]


def not_given(given: Mapping[str, str], words: Iterable[str]) -> Iterator[str]:
    """Yield what else to write for a whole command of ``fairseq-train``, so that it means the same.

    Args:
        given: fairseq's flags, by their names with dashes, and their values.
        words: the command line; what it sets needs no saying.
    """
    keys = {word.partition("=")[0] for word in words}
    names = {{"-a": "--arch", "-s": "--source-lang", "-t": "--target-lang"}.get(name, name) for name in given}
    if "--arch" not in names or len(names) < 3:
        return
    missing = [override for override in _missing(given, names) if override.partition("=")[0] not in keys]
    if missing:
        yield f"not given, where fairseq's defaults differ: write {' '.join(missing)}"


def _missing(given: Mapping[str, str], names: set[str]) -> Iterator[str]:
    """Yield the overrides for flags that matter for what is trained."""
    if "--criterion" not in names:
        yield "criterion=cross_entropy"
    elif given["--criterion"].startswith("label_smoothed") and "--label-smoothing" not in names:
        yield "criterion.label_smoothing=0"
    if "--lr-scheduler" not in names:
        yield "lr_scheduler=fixed"
    if not names & {"--max-update", "--mu"}:
        yield f"training.max_update={0 if names & {'--max-epoch', '--me'} else 'N'}"
    if "--max-tokens" not in names and names & {"--batch-size", "--max-sentences"}:
        yield "dataset.max_tokens=0"
    if given.get("--task", "translation") == "translation":
        yield from ("task.source_lang=A",) if "--source-lang" not in names else ()
        yield from ("task.target_lang=B",) if "--target-lang" not in names else ()
