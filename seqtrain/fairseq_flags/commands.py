"""What stands for fairseq's commands, and for its flags in those that take a trained model."""

from dataclasses import replace

from seqtrain.fairseq_flags.table import FLAGS, Flag

COMMANDS = {
    "train": ("train", "train, or leave it out"),
    "hydra_train": ("train", "train, or leave it out"),
    "preprocess": ("train", "prepare, or leave it out: training tokenises and indexes by itself"),
    "generate": ("generate", "generate, with split=test for a set of the task; format=fairseq writes its lines"),
    "interactive": ("generate", "generate, which answers what is typed or input=FILE; format=fairseq writes its lines"),
    "validate": ("evaluate", "evaluate"),
    "eval_lm": ("evaluate", "evaluate"),
}
"""fairseq's commands: the one here that its flags go with, and what to write."""

KNOWN = "leave it out: it belongs to training, and the checkpoint knows it"

TRAINING = {"task", "tokenizer", "model", "criterion", "optimizer", "lr_scheduler", "training", "validation", "saving"}
TRAINING |= {"ema", "tracking", "resume", "hydra.run.dir"}
"""Keys and sections that are none of a command that takes a trained model."""

LINES = "leave it out: score takes the lines of source=FILE target=FILE; the command evaluate scores a split"
KEYS = {flag.answer.partition("=")[0] for flag in FLAGS.values()}
OF_SEARCH = {key for key in KEYS if key.startswith("generation.")}
OF_SCORERS = {key for key in KEYS if key.partition(".")[0] == "scorer"}

OTHERWISE = {
    "score": {
        **dict.fromkeys(OF_SEARCH, "leave it out: what is scored is given, and nothing is searched"),
        **dict.fromkeys(OF_SCORERS, "leave it out: generate and evaluate score the text of a split"),
        "generation.lenpen": "lenpen",
        "dataset.max_tokens": "max_tokens",
        "dataset.max_sentences": "max_sentences",
        "dataset.required_batch_size_multiple": "not needed: batches of any size are scored",
        "task.source_lang": "source_lang",
        "task.target_lang": "target_lang",
        "split": LINES,
        "training.seed": "not needed: nothing is left to chance",
        "training.precision": "not there yet: lines are scored in fp32",
    },
    "generate": {
        "dataset.max_tokens": "generation.max_tokens",
        "dataset.max_sentences": "generation.max_sentences",
        "dataset.required_batch_size_multiple": "not needed: batches of any size are decoded",
        "task.source_lang": "source_lang",
        "task.target_lang": "target_lang",
        "training.precision": "not there yet: text is decoded in fp32",
    },
    "evaluate": {
        "task.source_lang": "leave it out: the checkpoint knows it; of several pairs one is split=test.de-en",
        "task.target_lang": "leave it out: the checkpoint knows it; of several pairs one is split=test.de-en",
        "output": "leave it out: scores go to standard output; the command generate writes text, output=FILE",
        "training.precision": "leave it out: losses are computed as in training, and text is decoded in fp32",
    },
}
"""What stands for keys of training in other commands, where it is not ``KNOWN``."""

NOTES = {"source_lang": "of a model of several pairs; leave it out for any other"}
NOTES["target_lang"] = NOTES["source_lang"]

COMMON = {
    "training.device": "device",
    "training.seed": "generation.seed",
    "tokenizer.post_process": "leave it out: text comes out joined, as tokenizer.post_process of training says",
}
"""What stands for keys of training in all of ``OTHERWISE``."""


def in_command(flag: Flag, command: str) -> Flag:
    """Return a flag with what stands for it in one of seqtrain's commands, ``train`` and others."""
    if command not in OTHERWISE or not flag.is_there:
        return flag
    if flag.note.startswith("of the command") and command in flag.note:
        return replace(flag, note="")
    key, equals, value = flag.answer.partition("=")
    instead = {**COMMON, **OTHERWISE[command]}.get(key)
    if instead is None:
        is_known = key in TRAINING or key.partition(".")[0] in TRAINING
        return replace(flag, answer=KNOWN) if is_known else flag
    answer = instead if ": " in instead else f"{instead}{equals}{value}"
    return replace(flag, answer=answer, note=NOTES.get(instead, ""))


def about_data(directory: str, command: str) -> str:
    """Say what to write for the directory of data that is no flag's value."""
    if command == "score":
        return LINES
    if command == "generate":
        return (
            "leave it out: the checkpoint knows it; to decode a set of it write split=test, and "
            f"data={directory} if it is not where it was in training"
        )
    if command == "evaluate":
        return f"leave it out, or write data={directory} if the data is no longer where it was in training"
    return f"write task.data={directory} tokenizer=whitespace"


def of_fairseq(word: str) -> tuple[str, str]:
    """Return the command for one of fairseq's that is none of seqtrain's, and what to write; else nothing."""
    name = word.removeprefix("fairseq-").replace("-", "_")
    if name not in COMMANDS or word in ("train", "generate"):
        return "", ""
    command, instead = COMMANDS[name]
    return command, f"{word}: write {instead}"
