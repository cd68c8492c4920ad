"""The commands: thin shells over what Python calls too."""

from typing import NamedTuple


class Command(NamedTuple):
    """A command: the primary config that it composes, and what it does, in a line."""

    config_name: str
    what: str


COMMANDS = {
    "train": Command("config", "train, validate, save (the default)"),
    "prepare": Command("config", "tokenise and index ahead of training"),
    "generate": Command("generate_root", "translate a file: generate checkpoint=RUN input=FILE output=FILE"),
    "evaluate": Command("evaluate_root", "loss, perplexity, BLEU and chrF as JSON: evaluate checkpoint=RUN split=test"),
    "average": Command("average_root", "average checkpoints: average checkpoint=RUN last=5 output=DIR"),
}
"""Every command by its name, which is also its module's."""
