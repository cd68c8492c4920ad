"""YAML files of choices, presets and experiments, and the comments that they begin with."""

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from hydra._internal.config_repository import IConfigRepository

from seqtrain.commands._describe import groups
from seqtrain.origins import shown_path
from seqtrain.registry import REGISTRIES
from seqtrain.yaml_files import yaml_file


def recipe_groups(repository: IConfigRepository) -> list[str]:
    """Return the groups of recipes, users' too."""
    return [group for group in groups(repository) if group not in REGISTRIES]


def choice_file(repository: IConfigRepository, group: str, name: str) -> Path | None:
    """Return the YAML file of a choice; None if it has none."""
    result = repository.load_config(f"{group}/{name}")
    if result is None or result.path.startswith("structured:"):
        return None
    return yaml_file(result, f"{group}/{name}")


def recipe_lines(repository: IConfigRepository, group: str, name: str) -> Iterator[str]:
    """Yield the file of a recipe, and what it says of itself."""
    file = choice_file(repository, group, name)
    yield f"{group}={name}" + (f": {shown_path(str(file))}" if file else "")
    yield from (f"  {line}".rstrip() for line in comment(file)) if file else ()


def choice_summary(file: Path | None) -> str:
    """Return the first sentence of what a choice says of itself, its commands left out."""
    text = " ".join(line for line in comment(file) if not line.startswith(" ")) if file else ""
    sentence = re.match(r".*?(?<!\bal)\.(?=\s|$)", text.strip())
    return sentence[0] if sentence else text.strip()


def comment(file: Path) -> list[str]:
    """Return the lines of the comment that a YAML file begins with, but for what Hydra reads in it."""
    with file.open(encoding="utf-8") as lines:
        found = [line[1:].rstrip().removeprefix(" ") for line in takewhile(lambda line: line.startswith("#"), lines)]
    kept = [line for line in found if not line.startswith("@package")]
    return kept[1:] if kept and not kept[0] else kept
