"""The table of fairseq's parts names what there is here, and all of it."""

import pytest

from seqtrain.fairseq_flags.parts import GROUPS, NEW, PARTS
from seqtrain.plugins import PACKAGES, builtin_names, conf_directory

WAITING = {
    "model": {
        *("lstm_lm", "transformer_lm_big", "transformer_lm_wiki103", "transformer_lm_gbw", "transformer_lm_gpt"),
        *("transformer_lm_gpt2_small", "transformer_lm_gpt2_medium", "transformer_lm_gpt2_big"),
        *("transformer_lm_gpt2_tiny", "transformer_lm_gpt2_big_wide", "transformer_lm_gpt2_bigger"),
        *("transformer_lm_gpt3_small", "transformer_lm_gpt3_medium", "transformer_lm_gpt3_large"),
        *("transformer_lm_gpt3_xl", "transformer_lm_gpt3_2_7", "transformer_lm_gpt3_6_7"),
        *("transformer_lm_gpt3_13", "transformer_lm_gpt3_175"),
    },
    "task": {"multilingual_translation"},
}
"""Names that are not merged yet."""


def presets(group: str) -> set[str]:
    return {file.stem for file in (conf_directory() / group).glob("*.yaml")}


def named(group: str) -> set[str]:
    """Return the names of a group that the table gives for fairseq's parts."""
    parts = [part for flag in GROUPS if GROUPS[flag] == group for part in PARTS[flag].values()]
    return {part.here for part in parts if part.is_there}


@pytest.mark.parametrize("group", PACKAGES)
def test_every_name_in_the_table_can_be_chosen(group: str) -> None:
    there = {*builtin_names(group), *presets(group), *WAITING.get(group, ())}
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
