"""Unknown words of a hypothesis: replaced by the source words that they are aligned with, or by what these become."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from seqtrain.base import Alignment, Dictionary
from seqtrain.data.text import read_lines
from seqtrain.errors import DataError


def decode_replacing(
    tokens: Tensor, alignment: Alignment, words: Sequence[str], dictionary: Dictionary, replacements: Mapping[str, str]
) -> str:
    """Return the text of a hypothesis, in which the source stands for what is unknown.

    Args:
        tokens: ids of the hypothesis, (T,).
        alignment: that of the hypothesis; where the source is empty it has no links, and unk stays what it is.
        words: symbols of the source text, ``source_dictionary.split(line)``.
        dictionary: that of the target.
        replacements: what a source word becomes, if it does not stay as it is.
    """
    ids = tokens[dictionary.is_text(tokens)].tolist()
    unknown = [words[source] for source, target in alignment.links if ids[target] == dictionary.unk]
    return dictionary.decode_with(ids, (replacements.get(word, word) for word in unknown))


def read_replacements(path: Path) -> dict[str, str]:
    """Return what words become, by a file with a word and its translation in each line, as fairseq reads it.

    Spaces stand between the two, further columns are left out, and of two lines for a word the latter counts.

    Raises:
        DataError: the file cannot be read, or a line has fewer than two columns.
    """
    replacements: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        columns = line.split()
        if len(columns) < 2:
            raise DataError(f"{path}:{number}: expected a word and its translation, found {line!r:.80}")
        replacements[columns[0]] = columns[1]
    return replacements
