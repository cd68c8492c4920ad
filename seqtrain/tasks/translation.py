"""Translation: sentences of one language into those of another, from raw text."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from seqtrain.base import Fingerprint
from seqtrain.data.alignments import index_alignments
from seqtrain.data.corpus import Corpus
from seqtrain.data.data_bin import DataBin
from seqtrain.data.number_names import BUILTIN
from seqtrain.data.parallel import PairsDataset
from seqtrain.data.text import find_text, fingerprint_text
from seqtrain.errors import ConfigError, DataError
from seqtrain.tasks import register_task
from seqtrain.tasks._pairs import PairsConfig, PairsTask


@dataclass
class TranslationConfig(PairsConfig):
    """Config of the task ``translation``."""

    data: str = BUILTIN
    """Directory of text files ``<prefix>.<language>``, plain or .gz, or fairseq's data-bin, or builtin:number_names."""
    source_lang: str = "en"
    """Suffix of the source files."""
    target_lang: str = "de"
    """Suffix of the target files."""
    load_alignments: bool = False
    """Read word alignments too, ``<prefix>.align.<source_lang>-<target_lang>``, lines such as ``0-0 1-2`` of tokens."""
    joined_dictionary: bool = True
    """One dictionary for both languages; needed to share all embeddings."""

    def contradictions(self) -> Iterable[str]:
        """Alignments count the tokens of the text."""
        yield from super().contradictions()
        if self.load_alignments and any(self.source_tags):
            yield "task.load_alignments=true goes without task.source_tags: a tag would move the tokens that links name"


@register_task("translation", TranslationConfig)
class TranslationTask(PairsTask):
    """Pairs of lines: line n of a target file is the translation of line n of its source file."""

    cfg: TranslationConfig

    @property
    def languages(self) -> tuple[str, str]:
        """Source and target language."""
        return self.cfg.source_lang, self.cfg.target_lang

    @property
    def title(self) -> str:
        """Translation, with its languages."""
        return "translation {}-{}".format(*self.languages)

    @property
    def dictionary_names(self) -> tuple[str, ...]:
        """``joined``, or the two languages."""
        return ("joined",) if self.cfg.joined_dictionary else self.languages

    def find_files(self, prefix: str) -> list[tuple[str, Path]]:
        """Return ``<prefix>.<language>`` for source and target, or fairseq's files for it."""
        if isinstance(self.corpus, DataBin):
            return self.corpus.find_files(prefix, self.languages)
        corpus = self.directory()
        return [(f"{prefix}.{language}", find_text(corpus, prefix, language)) for language in self.languages]

    def open_split(self, split: str) -> PairsDataset:
        """Return a split, indexed, with its alignments; say which pairs are left out or cut.

        Raises:
            ConfigError: ``dataset.shuffle_window`` does not go with the rest of the config.
            DataError: a file is missing, empty, unequal to its partner, or no UTF-8 text.
        """
        dataset = super().open_split(split)
        if alignments := list(self._alignment_files(split).values()):
            dataset.align(index_alignments(alignments, dataset.source, dataset.target, Path(self.cfg.cache_dir)))
        return dataset

    def _alignment_files(self, split: str) -> dict[str, Path]:
        """Return the alignment files of a split by name: training needs them, other sets may have none."""
        if not self.cfg.load_alignments:
            return {}
        if any(dictionary.samples for dictionary in self.dictionaries):
            raise ConfigError("task.load_alignments=true needs the same tokens in each epoch: no subword sampling")
        corpus = self.corpus_of(split)
        try:
            return dict(chain.from_iterable(self._find_alignments(corpus, prefix) for prefix in self.sets(split)))
        except DataError:
            if split == "train":
                raise
            return {}

    def _find_alignments(self, corpus: Corpus, prefix: str) -> list[tuple[str, Path]]:
        """Return the names and the alignment files of a prefix: of a data-bin there is one for each part."""
        if isinstance(corpus, DataBin):
            return corpus.find_alignments(prefix, self.languages)
        name, pair = f"{prefix}.align", "-".join(self.languages)
        return [(f"{name}.{pair}", find_text(self.directory(), name, pair))]

    def describe_files(self) -> dict[str, Fingerprint]:
        """Return what the files of training and validation are, by name, alignments too."""
        alignments = (self._alignment_files(split) for split in ["train", *self.splits("valid")])
        named = {name: fingerprint_text(file) for files in alignments for name, file in files.items()}
        return {**super().describe_files(), **named}
