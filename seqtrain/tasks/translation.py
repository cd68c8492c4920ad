"""Translation: sentences of one language into those of another, from raw text."""

import logging
from dataclasses import dataclass
from pathlib import Path

from seqtrain.data.data_bin import DataBin
from seqtrain.data.number_names import BUILTIN
from seqtrain.data.text import find_text
from seqtrain.tasks import register_task
from seqtrain.tasks._pairs import PairsConfig, PairsTask

log = logging.getLogger(__name__)


@dataclass
class TranslationConfig(PairsConfig):
    """Config of the task ``translation``."""

    data: str = BUILTIN
    """Directory of text files ``<prefix>.<language>``, plain or .gz, or fairseq's data-bin, or builtin:number_names."""
    source_lang: str = "en"
    """Suffix of the source files."""
    target_lang: str = "de"
    """Suffix of the target files."""
    joined_dictionary: bool = True
    """One dictionary for both languages; needed to share all embeddings."""


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
