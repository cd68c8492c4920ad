"""The table of fairseq's parts names what there is here, and all of it."""

import pytest

from seqtrain.fairseq_flags.parts import GROUPS, NEW, PARTS
from seqtrain.plugins import PACKAGES, builtin_names, conf_directory


def presets(group: str) -> set[str]:
    return {file.stem for file in (conf_directory() / group).glob("*.yaml")}


def named(group: str) -> set[str]:
    """Return the names of a group that the table gives for fairseq's parts."""
    parts = [part for flag in GROUPS if GROUPS[flag] == group for part in PARTS[flag].values()]
    return {part.here for part in parts if part.is_there}


@pytest.mark.parametrize("group", PACKAGES)
def test_every_name_in_the_table_can_be_chosen(group: str) -> None:
    there = {*builtin_names(group), *presets(group)}
    assert named(group) - there == set()
    assert NEW[group].keys() - there == set()


@pytest.mark.parametrize("group", PACKAGES)
def test_every_plug_in_is_in_the_table_or_new(group: str) -> None:
    assert set(builtin_names(group)) - named(group) - NEW[group].keys() == set()
    assert named(group) & NEW[group].keys() == set()


@pytest.mark.parametrize("group", PACKAGES)
def test_presets_with_the_name_of_an_architecture_are_in_the_table(group: str) -> None:
    known = {name for flag in GROUPS if GROUPS[flag] == group for name in PARTS[flag]}
    assert presets(group) & known <= named(group)
