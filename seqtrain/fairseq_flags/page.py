"""The page that users read: ``python -m seqtrain.fairseq_flags.page > docs/fairseq-flags.md`` writes it."""

import shlex
from collections.abc import Iterator

from seqtrain.fairseq_flags import answer
from seqtrain.fairseq_flags.table import FLAGS, ROWS, SECTIONS, Flag
from seqtrain.fairseq_flags.unset import UNSET

EXAMPLE = "data-bin/iwslt --arch transformer_iwslt_de_en -s de -t en --max-tokens 4096 --adam-betas '(0.9, 0.98)'"

INTRODUCTION = """
# From fairseq's flags to seqtrain's keys

seqtrain has no flags but Hydra's: every setting is a key, written `KEY=VALUE`. fairseq's flags on the command line are
answered with the key, one line for each. A whole command is answered with what has to be written where it relies on
fairseq's defaults, too, and with the command that does the same:

    SHOWN

After `generate` and `evaluate`, and after fairseq's own commands, the answer is what these take: a trained model knows
its task, tokenizer and criterion.

[fairseq-parts.md](fairseq-parts.md) has the models, tasks, criterions, optimizers, schedules and tokenizers by name.

A section below is called as in fairseq's Hydra configs, where `--max-tokens` is `dataset.max_tokens`. A list is written
`[A,B]`, without spaces.
"""


def markdown() -> str:
    """Return the page for users: a table for each section, flags with one answer in one row."""
    lines = [*INTRODUCTION.strip().replace("    SHOWN", _shown()).splitlines(), *_not_given()]
    for section in ROWS:
        heading = SECTIONS.get(section, f"`{section}`")
        lines += ["", f"## {heading}", "", "| fairseq | seqtrain | |", "| --- | --- | --- |"]
        rows: dict[tuple[str, str], list[str]] = {}
        for flag in FLAGS.values():
            if flag.section == section:
                rows.setdefault(_cells(flag), []).append(f"`{flag.name}`")
        lines += [f"| {', '.join(names)} | {first} | {second} |" for (first, second), names in rows.items()]
    return "\n".join(lines) + "\n"


def _shown() -> str:
    """Return the command of the introduction and what it is answered."""
    lines = answer(shlex.split(EXAMPLE))
    return "\n".join(
        [
            f"    $ python -m seqtrain {EXAMPLE}",
            f"    seqtrain: {len(lines)} mistakes:",
            *(f"      {line}" for line in lines),
        ]
    )


def _not_given() -> Iterator[str]:
    """Yield the table of what else is done where a flag is not given."""
    yield from ("", "## What is not given", "", "| without | fairseq | seqtrain | for the same write |")
    yield "| --- | --- | --- | --- |"
    for unset in UNSET:
        flags = ", ".join(f"`{flag}`" for flag in unset.flags)
        yield f"| {flags} | {unset.there} | {unset.here} | `{unset.override}` |"


def _cells(flag: Flag) -> tuple[str, str]:
    """Return what the page says of a flag: what stands for it, and a note."""
    if not flag.is_there:
        return flag.answer, ""
    return f"`{flag.answer}`", flag.note


if __name__ == "__main__":
    print(markdown(), end="")
