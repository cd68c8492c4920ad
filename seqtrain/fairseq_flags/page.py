"""The page that users read: ``python -m seqtrain.fairseq_flags.page > docs/fairseq-flags.md`` writes it."""

from seqtrain.fairseq_flags.table import FLAGS, ROWS, SECTIONS, Flag

INTRODUCTION = """
# From fairseq's flags to seqtrain's keys

seqtrain has no flags but Hydra's: every setting is a key, written `KEY=VALUE`. fairseq's flags on the command line are
answered with the key, one line for each:

    $ python -m seqtrain --arch transformer_iwslt_de_en --max-tokens 4096 --adam-betas '(0.9, 0.98)'
    seqtrain: 3 mistakes:
      --arch transformer_iwslt_de_en: write model=transformer_iwslt_de_en
      --max-tokens 4096: write dataset.max_tokens=4096 (generation.max_tokens where text is decoded)
      --adam-betas (0.9, 0.98): write optimizer.betas=[0.9,0.98]

[fairseq-parts.md](fairseq-parts.md) has the models, tasks, criterions, optimizers, schedules and tokenizers by name.

A section below is called as in fairseq's Hydra configs, where `--max-tokens` is `dataset.max_tokens`. A list is written
`[A,B]`, without spaces.
"""


def markdown() -> str:
    """Return the page for users: a table for each section, flags with one answer in one row."""
    lines = INTRODUCTION.strip().splitlines()
    for section in ROWS:
        heading = SECTIONS.get(section, f"`{section}`")
        lines += ["", f"## {heading}", "", "| fairseq | seqtrain | |", "| --- | --- | --- |"]
        rows: dict[tuple[str, str], list[str]] = {}
        for flag in FLAGS.values():
            if flag.section == section:
                rows.setdefault(_cells(flag), []).append(f"`{flag.name}`")
        lines += [f"| {', '.join(names)} | {first} | {second} |" for (first, second), names in rows.items()]
    return "\n".join(lines) + "\n"


def _cells(flag: Flag) -> tuple[str, str]:
    """Return what the page says of a flag: what stands for it, and a note."""
    if not flag.is_there:
        return flag.answer, ""
    return f"`{flag.answer}`", flag.note


if __name__ == "__main__":
    print(markdown(), end="")
