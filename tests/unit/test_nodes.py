from dataclasses import dataclass, field

from omegaconf import DictConfig, OmegaConf

from seqtrain.nodes import child_of, extra_keys, flatten, is_mapping, make_room, raw


@dataclass
class Part:
    rate: float = 1.0


@dataclass
class Root:
    lr: float = 0.5
    part: Part = field(default_factory=Part)
    parts: dict[str, Part] = field(default_factory=dict)
    rates: dict[int, float] = field(default_factory=lambda: {1: 0.5})


def root() -> DictConfig:
    return OmegaConf.structured(Root)  # type: ignore[no-any-return]


def test_a_mapping_of_values_is_a_value_and_one_of_sections_is_none() -> None:
    node = root()
    assert [is_mapping(child_of(node, key)) for key in ("lr", "part", "parts", "rates")] == [False, False, False, True]


def test_room_for_a_section_in_a_mapping_of_sections() -> None:
    node = root()
    assert list(flatten(node)) == ["lr", "part", "part.rate", "parts", "rates"]
    for key in ("parts.a.rate", "rates.2", "part.rate", "nowhere.b"):
        make_room(node, key)
    assert list(flatten(node)) == ["lr", "part", "part.rate", "parts", "parts.a", "parts.a.rate", "rates"]


def test_keys_that_no_field_stands_for() -> None:
    node = root()
    OmegaConf.update(node, "part.speed", 2, force_add=True)
    assert list(extra_keys(node)) == ["part.speed"]
    assert "part.speed" not in flatten(node)


def test_references_as_they_are_written() -> None:
    node = OmegaConf.create({"a": "${b}", "b": 1})
    assert raw(node) == {"a": "${b}", "b": 1}
    assert child_of(node, "a") is None
