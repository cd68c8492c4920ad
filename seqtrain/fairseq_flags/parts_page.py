"""The page of parts: ``python -m seqtrain.fairseq_flags.parts_page > docs/fairseq-parts.md`` writes it."""

from collections.abc import Iterator

from seqtrain.fairseq_flags.parts import GROUPS, NEW, PARTS, Part

INTRODUCTION = """
# From fairseq's parts to seqtrain's

What stands here for each of fairseq's models, tasks, criterions, optimizers, schedules, tokenizers and scores for text,
by the flag that chooses it there. The command line answers the same:

    $ python -m seqtrain --arch transformer_lm_baevski_gbw --criterion nat_loss
    seqtrain: 2 mistakes:
      --arch transformer_lm_baevski_gbw: write model=transformer_lm_gbw
      --criterion nat_loss: not there: iterative decoding

A part keeps fairseq's name where it is the same. In the last column stands what is wrong in fairseq and right here.
Every part is chosen through Hydra, with a typed config; in fairseq 14 of 66 models and 4 of 10 optimizers are.
"""

HEADINGS = {
    "--arch": "Models: `--arch`, here `model=`",
    "--task": "Tasks: `--task`, here `task=`",
    "--criterion": "Criterions: `--criterion`, here `criterion=`",
    "--optimizer": "Optimizers: `--optimizer`, here `optimizer=`",
    "--lr-scheduler": "Schedules: `--lr-scheduler`, here `lr_scheduler=`",
    "--bpe": "Subwords: `--bpe`, here `tokenizer=`",
    "--tokenizer": "Words: `--tokenizer`, here `tokenizer=`",
    "--scoring": "Scores: `--scoring`, here `scorer=`, or several, `scorer=[bleu,chrf]`",
}

BPE = "fairseq tokenises only what it decodes, and trains on text that is tokenised already; here training does it too."


def markdown() -> str:
    """Return the page: a table for each flag, and the parts that fairseq has not."""
    lines = INTRODUCTION.strip().splitlines()
    for flag in GROUPS:
        lines += ["", f"## {HEADINGS[flag]}", "", *([BPE, ""] if flag == "--bpe" else []), *_table(flag)]
    lines += ["", "## What fairseq has not", "", "| | |", "| --- | --- |"]
    lines += [f"| `{group}={name}` | {what} |" for group, names in NEW.items() for name, what in names.items()]
    return "\n".join(lines) + "\n"


def _table(flag: str) -> Iterator[str]:
    """Yield the lines of the table of a flag; parts of which the same is said stand in one row."""
    yield "| fairseq | seqtrain | | wrong in fairseq |"
    yield "| --- | --- | --- | --- |"
    rows: dict[tuple[str, str, str], list[str]] = {}
    for part in PARTS[flag].values():
        rows.setdefault((_here(part), part.note, part.defect), []).append(f"`{part.name}`")
    yield from (f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in rows.items())


def _here(part: Part) -> str:
    """Return what stands for a part, for a table: names that are the same need not be told twice."""
    if not part.is_there:
        return part.here
    return "the same" if part.here == part.name else f"`{part.here}`"


if __name__ == "__main__":
    print(markdown(), end="")
