"""The commands: thin shells over what Python calls too."""

from typing import NamedTuple


class Command(NamedTuple):
    """What a command does, in a line, and the primary config that it composes; a tool composes none and reads words."""

    what: str
    config_name: str = ""


COMMANDS = {
    "train": Command("train, validate, save (the default)", "config"),
    "prepare": Command("tokenise and index ahead of training", "config"),
    "generate": Command(
        "translate a file or a split, or continue prompts: generate checkpoint=RUN input=FILE output=FILE", "generate"
    ),
    "score": Command(
        "log-probabilities of given lines, word by word: score checkpoint=RUN source=FILE target=FILE", "score_root"
    ),
    "evaluate": Command("loss, perplexity, BLEU, chrF and TER as JSON: evaluate checkpoint=RUN split=test", "evaluate"),
    "average": Command("average checkpoints: average checkpoint=RUN last=5 output=DIR, or best=5", "average_root"),
    "plugins": Command("list or describe plug-ins and presets: plugins [KIND[/NAME]]"),
    "explain": Command("say what a key means and what set its value: explain KEY [OVERRIDE ...]"),
    "schema": Command("JSON Schema of the YAML files, for editors: schema --write"),
    "new": Command("write a plug-in to start from: new KIND NAME [--dir DIR]"),
    "plot": Command("draw the learning rate of each update: plot [output=FILE.png] [OVERRIDE ...]"),
    "verify": Command("train twice and once with a resume, name what differs: verify [updates=N] [OVERRIDE ...]"),
    "rerun": Command("repeat a run from a checkpoint alone, say whether it ends the same: rerun checkpoint=RUN"),
    "check": Command("say what the plug-ins of a directory guarantee: check DIR"),
}
"""Every command by its name, which is also its module's."""
