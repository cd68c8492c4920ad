"""Symbols that no text encodes to, such as languages or ``<BT>``, in a dictionary besides its own."""

import hashlib
from collections.abc import Iterable, Sequence

from torch import Tensor

from seqtrain.base import Dictionary
from seqtrain.errors import ConfigError


class TaggedDictionary(Dictionary):
    """Another dictionary with further symbols, their ids after its own. Decoding leaves them out.

    Raises:
        ConfigError: two of the tags are the same, or one is empty.
    """

    def __init__(self, dictionary: Dictionary, tags: Sequence[str]) -> None:
        self.plain = dictionary
        self.tags = {tag: id for id, tag in enumerate(tags, start=len(dictionary))}
        """Their ids."""
        if len(self.tags) < len(tags) or "" in self.tags:
            raise ConfigError(f"the tags {', '.join(map(repr, tags))} of a dictionary must be different and not empty")

    def __len__(self) -> int:
        return len(self.plain) + len(self.tags)

    @property
    def fingerprint(self) -> str:
        """Hash of that of the other dictionary, and of the tags in order."""
        return hashlib.sha256("\n".join([self.plain.fingerprint, *self.tags]).encode()).hexdigest()

    def in_language(self, language: str) -> "TaggedDictionary":
        """Return the same symbols and tags for text of a language."""
        plain = self.plain.in_language(language)
        return self if plain is self.plain else TaggedDictionary(plain, list(self.tags))

    def shares_ids_with(self, other: Dictionary) -> bool:
        """Whether the other has the same tags, and symbols but for the language."""
        if not isinstance(other, TaggedDictionary) or self.tags != other.tags:
            return False
        return self.plain is other.plain or self.plain.shares_ids_with(other.plain)

    def encode(self, text: str) -> list[int]:
        """Return the ids of ``text``; a tag that is written in it is text like any other."""
        return self.plain.encode(text)

    def encode_lines(self, lines: Sequence[str]) -> list[list[int]]:
        """Encode many lines."""
        return self.plain.encode_lines(lines)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``; tags are left out."""
        return self.plain.decode(id for id in ids if id < len(self.plain))

    def split(self, text: str) -> list[str]:
        """Return what ``text`` has for each of its ids."""
        return self.plain.split(text)

    def decode_with(self, ids: Iterable[int], unknown: Iterable[str]) -> str:
        """Return the text of ``ids``, the next of ``unknown`` for each unk; tags are left out."""
        return self.plain.decode_with((id for id in ids if id < len(self.plain)), unknown)

    def is_text(self, ids: Tensor) -> Tensor:
        """Return which ids (...) stand for text, and for no tag."""
        return self.plain.is_text(ids) & ids.lt(len(self.plain))

    def symbol(self, id: int) -> str:
        """Return the symbol with this id."""
        return self.plain.symbol(id) if id < len(self.plain) else list(self.tags)[id - len(self.plain)]

    @property
    def samples(self) -> bool:
        """Whether the other dictionary does."""
        return self.plain.samples

    def sample(self, ids: Sequence[int], seed: int) -> list[int]:
        """Encode by chance the text between tags; these stay where they are."""
        # The other dictionary knows no tags, and keeps bos, of which there is none in text, where it is.
        tags = iter([id for id in ids if id >= len(self.plain)])
        sampled = self.plain.sample([self.bos if id >= len(self.plain) else id for id in ids], seed)
        return [next(tags) if id == self.bos else id for id in sampled]


def old_ids(new: Dictionary, old: Dictionary) -> list[int]:
    """Return the id that each symbol of a dictionary had in one that it goes on from, -1 if it had none, (V,).

    A tag is the same by its name, any other symbol by its id: new ones stand behind the old ones.

    Raises:
        ConfigError: an id stands for another symbol.
    """
    (plain, tags), (old_plain, old_tags) = _taken_apart(new), _taken_apart(old)
    for id in range(len(old_plain)):
        if id >= len(plain) or plain.symbol(id) != old_plain.symbol(id):
            now = repr(plain.symbol(id)) if id < len(plain) else "nothing"
            raise ConfigError(f"id {id} stood for {old_plain.symbol(id)!r} and stands for {now}")
    added = [-1] * (len(plain) - len(old_plain))
    return [*range(len(old_plain)), *added, *(old_tags.get(tag, -1) for tag in tags)]


def _taken_apart(dictionary: Dictionary) -> tuple[Dictionary, dict[str, int]]:
    """Return a dictionary without its tags, and their ids."""
    return (dictionary.plain, dictionary.tags) if isinstance(dictionary, TaggedDictionary) else (dictionary, {})


def tagged(dictionary: Dictionary, tags: Sequence[str]) -> Dictionary:
    """Return a dictionary with tags, or as it is where there are none."""
    return TaggedDictionary(dictionary, tags) if tags else dictionary
