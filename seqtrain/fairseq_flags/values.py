"""How a flag's value is written as an override, where that differs."""

import ast
import json
import re
from collections.abc import Callable, Iterable
from pathlib import PurePath

from seqtrain.fairseq_flags.parts import GROUPS, PARTS, Part
from seqtrain.fairseq_flags.table import FLAGS, Flag


def say(flag: Flag, value: str) -> str:
    """Say what to write for a flag with this value, empty if it has none."""
    part = _part(flag, value)
    if not is_there(flag, value):
        return part.here if part and flag.is_there else flag.answer
    if part is None and value and flag.answer in GROUPS.values():
        listed_there = f"if `python -m seqtrain plugins {flag.answer}` lists it, such as a plug-in of yours"
        return f"write {flag.answer}={value} {listed_there}"
    note = flag.note if part is None else part.note
    return f"write {override(flag, value)}" + (f" ({note})" if note else "")


def is_there(flag: Flag, value: str) -> bool:
    """Return whether there is something to write for a flag with this value."""
    part = _part(flag, value)
    return flag.is_there and (part is None or part.is_there)


def _part(flag: Flag, value: str) -> Part | None:
    """Return the part of fairseq's that a flag chooses, if it is one of fairseq's own."""
    return PARTS.get(LONG_NAMES.get(flag.name, flag.name), {}).get(value)


def override(flag: Flag, value: str) -> str:
    """Return the override for a flag that has one, with this value."""
    if "=" in flag.answer:
        return flag.answer
    value = value or BARE.get(flag.name, "")
    translate = TRANSLATIONS.get(flag.name)
    return translate(value) if translate and value else f"{flag.answer}={value or 'VALUE'}"


def listed(key: str, items: Iterable[str]) -> str:
    """Return the override of a key with a list, in quotes for the shell if it needs them."""
    quoted = [item if re.fullmatch(r"[\w.~/+-]+", item) else f"'{item}'" for item in items]
    text = f"{key}=[{','.join(quoted)}]"
    return f'"{text}"' if "'" in text else text


def split_at_commas(key: str) -> Callable[[str], str]:
    """Return what writes ``A,B`` or ``(A, B)`` as a list."""
    return lambda value: listed(key, [item.strip() for item in value.strip("()[] ").split(",")])


def minus_one_is(off: str, key: str) -> Callable[[str], str]:
    """Return what writes a number, of which fairseq's -1 means ``off``."""
    return lambda value: f"{key}={off if value in ('-1', '-1.0') else value}"


def chosen(name: str) -> Callable[[str], str]:
    """Return what chooses the part that a flag names."""
    return lambda value: f"{GROUPS[name]}={PARTS[name][value].here if value in PARTS[name] else value}"


def prefixes(key: str) -> Callable[[str], str]:
    """Return what writes comma-separated prefixes of files as a directory and a list."""

    def write(value: str) -> str:
        paths = [PurePath(path) for path in value.split(",")]
        data = "" if str(paths[0].parent) == "." else f"task.data={paths[0].parent} "
        return data + listed(key, [path.name for path in paths])

    return write


def joining(key: str) -> Callable[[str], str]:
    """Return what writes how subwords are joined; fairseq's ``@@ `` is subword_nmt's."""
    return lambda value: f"{key}={'subword_nmt' if value.startswith('@@') else value}"


def rates(value: str) -> str:
    """Return the override for one rate, or one for each epoch."""
    if "," not in value:
        return f"optimizer.lr={value.strip('[]')}"
    return "lr_scheduler=fixed " + split_at_commas("lr_scheduler.lr_per_epoch")(value)


def by_number(key: str) -> Callable[[str], str]:
    """Return what writes rates by numbers, ``{"1-4": 0.1, 5: 0.05}``; each holds until the next, so that ranges end."""

    def write(value: str) -> str:
        try:
            ranges = [(part, rate) for parts, rate in ast.literal_eval(value).items() for part in str(parts).split(",")]
            text = ",".join(f"{int(part.split('-')[0])}:{rate}" for part, rate in ranges)
        except (ValueError, SyntaxError, AttributeError):
            text = "NUMBER:RATE,NUMBER:RATE"
        return f'"{key}={{{text}}}"'

    return write


def search(value: str) -> str:
    """Return the overrides for a search given as JSON, ``{"beam": 5}``."""
    try:
        given = {name: setting for name, setting in json.loads(value).items() if setting is not False}
        settings = {f"--{name.replace('_', '-')}": str(setting) for name, setting in given.items()}
    except (ValueError, AttributeError):
        settings = {}
    known = [
        override(FLAGS[name], setting) for name, setting in settings.items() if name in FLAGS and FLAGS[name].is_there
    ]
    return " ".join(known) or "generation.beam=N, and so on"


def upsampling(value: str) -> str:
    """Return the weights for a first set that is seen so many times, and another once."""
    return f"task.train_weights=[{'1' if value == '-1' else value},1]"


def temperature(value: str) -> str:
    """Return the temperature for one of fairseq's methods of sampling."""
    temperatures = {"concat": 1, "temperature": 1.5}
    return f"task.sampling_temperature={temperatures.get(value, 1000)}"


LONG_NAMES = {"-a": "--arch"}
"""Of the flags that choose parts, those that have a short name."""

BARE = dict.fromkeys(("--post-process", "--remove-bpe", "--eval-bleu-remove-bpe"), "@@ ") | {
    "--constraints": "ordered",
    "--print-alignment": "hard",
}
"""Flags whose value may be left out, and what it then is."""

TRANSLATIONS: dict[str, Callable[[str], str]] = {
    **{name: chosen(name) for name in GROUPS},
    **{short: chosen(name) for short, name in LONG_NAMES.items()},
    "--post-process": joining("tokenizer.post_process"),
    "--remove-bpe": joining("tokenizer.post_process"),
    "--eval-bleu-remove-bpe": joining("tokenizer.post_process"),
    "--user-dir": lambda value: listed("hydra.searchpath", [value]),
    "--train-subset": split_at_commas("task.train"),
    "--valid-subset": split_at_commas("task.valid"),
    "--upsample-primary": upsampling,
    "--lang-pairs": split_at_commas("task.lang_pairs"),
    "--sampling-method": temperature,
    "--sampling-weights": lambda value: "task.train_weights=[NUMBER,NUMBER]",
    "--lr": rates,
    "--learning-rate": rates,
    "--adaptive-softmax-cutoff": split_at_commas("model.adaptive_softmax_cutoff"),
    "--adaptive-input-cutoff": split_at_commas("model.adaptive_input_cutoff"),
    "--adam-betas": split_at_commas("optimizer.betas"),
    "--adamax-betas": split_at_commas("optimizer.betas"),
    "--lamb-betas": split_at_commas("optimizer.betas"),
    "--adafactor-eps": split_at_commas("optimizer.eps"),
    "--warmup-init-lr": minus_one_is("null", "lr_scheduler.warmup_init_lr"),
    "--lr-period-updates": minus_one_is("null", "lr_scheduler.lr_period_updates"),
    "--phase-ratio": split_at_commas("lr_scheduler.phase_ratio"),
    "--epoch2lr": by_number("lr_scheduler.epoch2lr"),
    "--update2lr": by_number("lr_scheduler.update2lr"),
    "--keep-interval-updates": minus_one_is("0", "saving.keep_last"),
    "--keep-last-epochs": minus_one_is("0", "saving.keep_last"),
    "--keep-best-checkpoints": minus_one_is("1", "saving.keep_best"),
    "--sampling-topk": minus_one_is("0", "generation.sampling_topk"),
    "--sampling-topp": minus_one_is("0", "generation.sampling_topp"),
    "--diverse-beam-groups": minus_one_is("0", "generation.diverse_beam_groups"),
    "--diversity-rate": minus_one_is("0", "generation.diversity_rate"),
    "--patience": minus_one_is("0", "training.patience"),
    "--best-checkpoint-metric": lambda value: f"saving.metric=valid/{value}",
    "--eval-bleu-args": search,
    "--trainpref": prefixes("task.train"),
    "--validpref": prefixes("task.valid"),
    "--testpref": prefixes("task.test"),
    "--nwordssrc": minus_one_is("0", "tokenizer.nwords"),
    "--nwordstgt": minus_one_is("0", "tokenizer.nwords"),
}
"""How values are written that differ."""
