"""Translation between several languages by one model, which is told by tokens what to translate into what."""

import copy
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from seqtrain.base import Batch, Dictionary, Generator, Hypothesis
from seqtrain.data.data_bin import DataBin
from seqtrain.data.number_names import BUILTIN
from seqtrain.data.parallel import SourceDataset
from seqtrain.data.text import find_parallel
from seqtrain.errors import ConfigError
from seqtrain.tasks import register_task
from seqtrain.tasks._pairs import Beginning, PairsConfig, PairsTask


class Langtok(str, Enum):
    """Which language stands at the front of the source."""

    none = "none"
    src = "src"
    tgt = "tgt"


@dataclass
class MultilingualTranslationConfig(PairsConfig):
    """Config of the task ``multilingual_translation``."""

    data: str = BUILTIN
    """Directory of files ``<prefix>.<pair>.<lang>`` or ``<prefix>.<lang>``, or a data-bin, or builtin:number_names."""
    lang_pairs: list[str] = field(default_factory=lambda: ["en-de", "de-en"])
    """What is translated into what; each pair has a training set for each prefix in ``train``."""
    encoder_langtok: Langtok = Langtok.tgt
    """Symbol at the front of the source: none, or that of the source's or the target's language, ``<de>``."""
    decoder_langtok: bool = False
    """Begin each target with the symbol of its language; it is predicted unless criterion.ignore_prefix_size=1."""

    @property
    def languages(self) -> list[str]:
        """All languages, in the order in which the pairs name them."""
        return list(dict.fromkeys(language for pair in self.lang_pairs for language in pair.split("-")))

    @property
    def train_sets(self) -> list[str]:
        """Names of the training sets: those of the first pair, then of the second, ..."""
        return [f"{prefix}.{pair}" for pair in self.lang_pairs for prefix in self.train]

    def contradictions(self) -> Iterable[str]:
        """There are pairs, each is one, and the model can tell what it is to translate into."""
        wrong = [pair for pair in self.lang_pairs if not re.fullmatch(r"[^-.\s]+-[^-.\s]+", pair)]
        if wrong or not self.lang_pairs or len(set(self.lang_pairs)) < len(self.lang_pairs):
            yield f"task.lang_pairs={self.lang_pairs} must be different pairs of languages, such as [en-de,de-en]"
            return
        yield from super().contradictions()
        targets = {pair.partition("-")[2] for pair in self.lang_pairs}
        if len(targets) > 1 and self.encoder_langtok is not Langtok.tgt and not self.decoder_langtok:
            yield (
                f"nothing tells the model which of {', '.join(sorted(targets))} to translate into: "
                "set task.encoder_langtok=tgt or task.decoder_langtok=true"
            )


@register_task("multilingual_translation", MultilingualTranslationConfig)
class MultilingualTranslationTask(PairsTask):
    """Pairs of lines in several pairs of languages, with one dictionary over all of them.

    A pair's files are ``<prefix>.<pair>.<language>``; else those of the pair turned round, ``<prefix>.de-en.*`` for
    en-de; else ``<prefix>.<language>``, which may serve several pairs.
    """

    cfg: MultilingualTranslationConfig

    def __init__(self, cfg: MultilingualTranslationConfig) -> None:
        super().__init__(cfg)
        self.chosen = ""
        """The pair that ``in_languages`` has chosen; empty before."""

    @property
    def pair(self) -> str:
        """What ``inference_dataset`` translates into what."""
        return self.chosen or self.cfg.lang_pairs[0]

    @property
    def languages(self) -> tuple[str, str]:
        """The languages that are chosen."""
        return _languages(self.pair)

    def languages_of(self, prefix: str) -> tuple[str, str]:
        """Return the languages of a pair's files, ``<prefix>.<pair>``."""
        return _languages(prefix.rpartition(".")[2])

    @property
    def dictionary_names(self) -> tuple[str, ...]:
        """There is one for all languages."""
        return ("joined",)

    @property
    def tags(self) -> list[str]:
        """The languages, as far as they are told, and the tags of training sets."""
        cfg = self.cfg
        tells = cfg.encoder_langtok is not Langtok.none or cfg.decoder_langtok
        return [*(map(langtok, cfg.languages) if tells else ()), *super().tags]

    @property
    def title(self) -> str:
        """Translation, with its pairs of languages."""
        return f"translation {', '.join(self.cfg.lang_pairs)}"

    def prefixes(self, kind: str) -> dict[str, list[str]]:
        """Return the prefixes of the files of each split of a kind; each pair has its own, ``test.en-de``."""
        splits = super().prefixes(kind)
        if kind == "train":
            return splits
        return {
            f"{split}.{pair}": [f"{prefix}.{pair}" for prefix in prefixes]
            for split, prefixes in splits.items()
            for pair in self.cfg.lang_pairs
        }

    def find_files(self, prefix: str) -> list[tuple[str, Path]]:
        """Return the two files of a pair, ``<prefix>.<pair>``, or fairseq's."""
        stem, (source, target) = prefix.rpartition(".")[0], self.languages_of(prefix)
        if isinstance(self.corpus, DataBin):
            return self.corpus.find_files(stem, (source, target))
        stems = [prefix, f"{stem}.{target}-{source}", stem]
        return find_parallel(self.directory(), stems, (source, target))

    def beginning(self, split: str, number: int) -> Beginning:
        """Return what the sentences of a split's set with this number begin with: languages, then a tag."""
        told = self.telling(self.languages_of(self.sets(split)[number]))
        return Beginning([*told.source, *super().beginning(split, number).source], told.target)

    def telling(self, languages: tuple[str, str]) -> Beginning:
        """Return what tells the model of two languages, at the front of source and target."""
        source, target = map(langtok, languages)
        told = {Langtok.none: [], Langtok.src: [source], Langtok.tgt: [target]}[self.cfg.encoder_langtok]
        return Beginning([*map(self.tag_id, told)], [self.tag_id(target)] if self.cfg.decoder_langtok else [])

    def in_languages(self, source_lang: str, target_lang: str) -> "MultilingualTranslationTask":
        """Return the task whose ``inference_dataset`` is of a pair of languages; with one pair there is no need.

        Where nothing is said it stays as it was chosen.

        Raises:
            ConfigError: the model has not learned that, or it is not said.
        """
        pairs = self.cfg.lang_pairs
        pair = f"{source_lang}-{target_lang}" if source_lang or target_lang else self.chosen
        if pair not in pairs and (pair or len(pairs) > 1):
            said = f"source_lang={source_lang} target_lang={target_lang}: " if pair else ""
            raise ConfigError(
                f"{said}this model translates {', '.join(pairs)}; set source_lang and target_lang to one of these"
            )
        chosen = copy.copy(self)
        chosen.chosen = pair or pairs[0]
        chosen.info = chosen.describe(chosen.dictionaries)
        return chosen

    def decoding_words(self) -> list[str]:
        """Return the languages of the first pair; with one pair there is no need."""
        source, target = _languages(self.cfg.lang_pairs[0])
        return [f"source_lang={source}", f"target_lang={target}"] if len(self.cfg.lang_pairs) > 1 else []

    def output_dictionary(self, split: str) -> Dictionary:
        """Return what decodes the outputs of a split, into the target language of its pair."""
        return self.info.target_dictionary.in_language(self.languages_of(split)[1])

    def inference_dataset(self, lines: Sequence[str]) -> SourceDataset:
        """Return lines of the chosen source language as sentences to decode into the target language."""
        told, dictionary = self.telling(self.languages), self.info.source_dictionary
        sentences = [[*told.source, *ids, dictionary.eos] for ids in dictionary.encode_lines(lines)]
        return SourceDataset(sentences, self.info.max_positions[0], told.target)

    def inference_step(self, batch: Batch, generator: Generator) -> list[list[Hypothesis]]:
        """Return the hypotheses of each sentence of a batch, best first; they begin with a language if targets do."""
        net_input = batch.net_input
        if self.cfg.decoder_langtok and "prefix_tokens" not in net_input:
            net_input = net_input | {"prefix_tokens": batch.target[:, :1]}
        return generator.generate(net_input)


def _languages(pair: str) -> tuple[str, str]:
    source, _, target = pair.partition("-")
    return source, target


def langtok(language: str) -> str:
    """Return the symbol of a language."""
    return f"<{language}>"
