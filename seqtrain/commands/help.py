"""``--help``: commands, choices and fields, without importing torch or any plug-in."""

import ast
import dataclasses
import inspect
from enum import Enum
from typing import Any

from omegaconf import MISSING

from seqtrain.commands import COMMANDS
from seqtrain.composition import ROOTS, conf_directory
from seqtrain.plugins import PACKAGES, builtin_names

USAGE = """\
seqtrain trains sequence models in which every part is a plug-in with a typed config.

  python -m seqtrain [OVERRIDE ...]                       train; without overrides, number names from English to German
  python -m seqtrain COMMAND [OVERRIDE ...]
  python -m seqtrain resume=RUN                           go on with a run, exactly
  python -m seqtrain -m KEY=VALUE,VALUE [OVERRIDE ...]    train once for each combination
  python -m seqtrain --cfg job [OVERRIDE ...]             print the config and do nothing

Example: python -m seqtrain +experiment=multi30k_en_de task.data=DIR optimizer.lr=1e-3
"""


def help_text(command_name: str) -> str:
    """Return the help of a command."""
    parts = [USAGE, "Commands:", *(f"  {name:10} {command.what}" for name, command in COMMANDS.items())]
    if COMMANDS[command_name].config_name == "config":
        parts += ["", "Groups, chosen with GROUP=NAME:", *map(_describe_group, [*PACKAGES, "experiment"])]
    parts += ["", "Fields, set with KEY=VALUE:", *_describe_fields(ROOTS.get(command_name, ROOTS["train"]))]
    return "\n".join(parts)


def field_docs(config_type: type) -> dict[str, str]:
    """Return the text below each field of a dataclass, those of its bases included."""
    docs: dict[str, str] = {}
    for cls in reversed(config_type.__mro__):
        if dataclasses.is_dataclass(cls):
            body = ast.parse(inspect.cleandoc(inspect.getsource(cls))).body[0]
            assert isinstance(body, ast.ClassDef)
            for field, text in zip(body.body, body.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    docs[ast.unparse(field.target)] = ast.literal_eval(text.value)
    return docs


def _describe_group(group: str) -> str:
    presets = sorted(file.stem for file in (conf_directory() / group).glob("*.yaml"))
    names = sorted([*(builtin_names(group) if group in PACKAGES else []), *presets])
    return f"  {group if group in PACKAGES else '+' + group}: {', '.join(names)}"


def _describe_fields(config_type: type, prefix: str = "") -> list[str]:
    lines: list[str] = []
    docs = field_docs(config_type)
    for field in dataclasses.fields(config_type):
        if isinstance(field.type, type) and dataclasses.is_dataclass(field.type):
            if field.default is not MISSING:
                lines += _describe_fields(field.type, f"{prefix}{field.name}.")
        elif not field.name.startswith("_"):
            lines.append(f"  {prefix}{field.name}={_default(field)}")
            lines.append(f"      {docs.get(field.name, '')}")
    return lines


def _default(field: "dataclasses.Field[Any]") -> str:
    value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
    values = value if isinstance(value, list) else [value]
    text = ",".join(str(v.value) if isinstance(v, Enum) else str(v) for v in values)
    return f"[{text}]" if isinstance(value, list) else text
