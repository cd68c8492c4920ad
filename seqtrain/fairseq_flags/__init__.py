"""fairseq's flags on the command line, and the keys of its Hydra configs, are answered with seqtrain's keys."""

import difflib
import re
from collections import deque
from collections.abc import Sequence

from seqtrain.fairseq_flags.commands import about_data, in_command, of_fairseq
from seqtrain.fairseq_flags.table import FLAGS, SECTIONS
from seqtrain.fairseq_flags.values import say
from seqtrain.fairseq_flags.whole import in_whole

__all__ = ["answer", "hydra_key", "of_fairseq"]

HYDRA_FLAGS = {
    **dict.fromkeys(("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r"), False),
    **dict.fromkeys(("--multirun", "-m", "--shell-completion", "-sc"), False),
    **dict.fromkeys(("--cfg", "-c", "--info", "-i", "--package", "-p", "--experimental-rerun"), True),
    **dict.fromkeys(("--config-path", "-cp", "--config-name", "-cn", "--config-dir", "-cd"), True),
}
"""Hydra's own flags, and whether a value follows."""

HYDRA_KEYS = {
    flag.hydra_key: flag.answer
    for flag in FLAGS.values()
    if flag.section not in SECTIONS and flag.hydra_key != flag.answer.partition("=")[0]
}
HYDRA_KEYS |= {"bpe": "tokenizer", "scoring": "scorer"}
"""What stands for the keys of fairseq's Hydra configs that are not called so here, two of its groups among them."""


def answer(arguments: Sequence[str], command: str = "train") -> list[str]:
    """Return a line for each flag that is not Hydra's: what to write for fairseq's, and that there is no other.

    Args:
        arguments: the words of a command line, after the command. Values follow a flag, or stand behind its ``=``.
        command: the command, which decides what there is to write.
    """
    words, lines, bare, given, known = deque(arguments), [], [], dict[str, str](), True
    user_dir = any(word.partition("=")[0] == "--user-dir" for word in arguments)
    while words:
        word = words.popleft()
        name, separator, value = word.partition("=")
        if not word.startswith("-"):
            bare += [] if separator or word.startswith("~") else [word]
        elif name in HYDRA_FLAGS:
            if HYDRA_FLAGS[name] and not separator:
                _take_value(words)
        else:
            flag = FLAGS.get(_hyphens(name))
            if not separator and (flag is None or flag.takes_value):
                value = _take_value(words)
            given |= {flag.name: value} if flag else {}
            known &= flag is not None
            typed = word if separator else f"{word} {value}".strip()
            said = say(in_command(flag, command), value) if flag else _unknown(name, value, user_dir, command)
            lines.append(f"{typed}: {said}")
    lines += [f"{word}: {about_data(word, command)}" for word in bare if given]
    return [*lines, *(in_whole(given, bare, arguments, known=known) if command == "train" else ())]


def hydra_key(key: str) -> str:
    """Return what stands for one of fairseq's Hydra keys: a key, an override, or a sentence.

    Nothing for keys that are not fairseq's, and for those that are called the same here.
    """
    return HYDRA_KEYS.get(key, "")


def _unknown(name: str, value: str, user_dir: bool, command: str) -> str:
    """Say that there is no such flag, and what may have been meant: with plug-ins of the user's, a field of theirs."""
    if "." in name:
        return f"a key has no dashes before it: write {name.lstrip('-')}={value or 'VALUE'}"
    if user_dir:
        field = f"{name.lstrip('-').replace('-', '_')}={value or 'VALUE'}"
        return f"there is no such flag; a field of a plug-in of yours is written GROUP.{field}, such as model.{field}"
    close = difflib.get_close_matches(_hyphens(name), [*FLAGS, *HYDRA_FLAGS], n=1, cutoff=0.75)
    if not close:
        return "there is no such flag; settings are written KEY=VALUE, and --help lists them"
    meant = f"there is no such flag; did you mean {close[0]}?"
    return f"{meant} Then {say(in_command(FLAGS[close[0]], command), value)}" if close[0] in FLAGS else meant


def _take_value(words: deque[str]) -> str:
    """Take and return the next word if it is a flag's value; a flag, and KEY=VALUE, is not."""
    if words and re.match(r"[^-]|-[\d.]", words[0]) and not re.match(r"[+~\w./@-]+=", words[0]):
        return words.popleft()
    return ""


def _hyphens(name: str) -> str:
    return name.replace("_", "-")
