"""Where fairseq and seqtrain do something else if a flag is not given."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

ROWS = """
    --criterion | cross_entropy | label_smoothed_cross_entropy | criterion=cross_entropy
    --lr-scheduler | fixed | polynomial_decay, after 200 updates of warm-up | lr_scheduler=fixed
    --max-update | no limit | 1200 | training.max_update=0 training.max_epoch=N
    --source-lang --target-lang | those of the files | en and de | task.source_lang=A task.target_lang=B
    --joined-dictionary | a dictionary for each language | one for both | task.joined_dictionary=false
    --max-tokens | no limit with --batch-size | 2048 | dataset.max_tokens=0
    --label-smoothing | 0 | 0.1 | criterion.label_smoothing=0
    --required-batch-size-multiple | 8 | 1 | dataset.required_batch_size_multiple=8
    --keep-last-epochs --keep-interval-updates | all are kept | the last 3, and the best | saving.keep_last=0
    --weight-decay | 0 | 0, with lamb 0.01 | optimizer.weight_decay=0
    --lamb-eps | 1e-8 | 1e-6 | optimizer.eps=1e-8
    --scoring | bleu | exact_match | scorer=bleu
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


def missing(given: Mapping[str, str], languages: tuple[str, str]) -> Iterator[str]:
    """Yield what else to write for a whole command of ``fairseq-train``, so that it means the same.

    Args:
        given: fairseq's flags, by their long names with dashes, and their values.
        languages: those of the data, if they are known.
    """
    if "--criterion" not in given:
        yield "criterion=cross_entropy"
    elif given["--criterion"].startswith("label_smoothed") and "--label-smoothing" not in given:
        yield "criterion.label_smoothing=0"
    if "--lr-scheduler" not in given:
        yield "lr_scheduler=fixed"
    if "--max-update" not in given:
        yield f"training.max_update={0 if '--max-epoch' in given else 'N'}"
    if "--max-tokens" not in given and "--batch-size" in given:
        yield "dataset.max_tokens=0"
    if "--eval-bleu" in given:
        yield "scorer=bleu"
    if given.get("--task", "translation") == "translation":
        yield from _for_translation(given, languages)


def _for_translation(given: Mapping[str, str], languages: tuple[str, str]) -> Iterator[str]:
    for flag, language in zip(("--source-lang", "--target-lang"), languages, strict=True):
        if flag not in given:
            yield f"task.{flag[2:].replace('-', '_')}={language}"
    if "--share-all-embeddings" not in given:
        yield "task.joined_dictionary=false"
