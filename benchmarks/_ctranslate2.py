"""CTranslate2 as a decoder that ``decoding.py`` asks, in fp32. Its tokens are ids written out."""

import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.converters import Converter
from ctranslate2.specs.transformer_spec import TransformerDecoderSpec, TransformerEncoderSpec, TransformerSpec

from benchmarks._exported import EMBEDDINGS, POSITIONS, read
from benchmarks._worker import Array, Sentences, Settings, serve, settings_of

BATCH_TOKENS = 4096


class CTranslate2:
    """Decodes in batches by length, of up to ``BATCH_TOKENS`` source tokens; one sentence as fast as it can."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        self.directory, self.settings = directory, settings
        self.translator = self._loaded(settings.ct2_parallel, settings.threads // settings.ct2_parallel)
        self.versions = {"ctranslate2": ctranslate2.__version__}

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""
        return list(map(_ids, self._search(sources, beam_size=self.settings.beam)))

    def greedy(self, sources: Sentences) -> tuple[Sentences, Array]:
        """Return the greedy outputs, and the logits (N, V) at each of their tokens, ends included."""
        # By default the end is forbidden at first, which the logits would show.
        results = self._search(sources, beam_size=1, return_logits_vocab=True, min_decoding_length=0)
        logits = [np.array(step, dtype=np.float32) for result in results for step in result.logits[0]]
        return list(map(_ids, results)), np.stack(logits)

    def _loaded(self, parallel: int, threads: int) -> ctranslate2.Translator:
        """Return the model, for so many batches at a time, each with so many threads."""
        return ctranslate2.Translator(
            str(self.directory),
            device="cpu",
            compute_type="float32",
            inter_threads=parallel,
            intra_threads=threads,
        )

    @cached_property
    def _for_one(self) -> ctranslate2.Translator:
        """With two threads a sentence of tiny takes ten times as long, one of base nearly twice."""
        return self._loaded(1, 1)

    def _search(self, sources: Sentences, **options: Any) -> list[ctranslate2.TranslationResult]:
        translator = self._for_one if len(sources) == 1 else self.translator
        return translator.translate_batch(
            [list(map(str, source)) for source in sources],
            max_batch_size=BATCH_TOKENS,
            batch_type="tokens",
            length_penalty=1,
            max_decoding_length=self.settings.max_length,
            **options,
        )


def _ids(result: ctranslate2.TranslationResult) -> list[int]:
    return list(map(int, result.hypotheses[0]))


class FromSeqtrain(Converter):
    """Fills CTranslate2's description of a transformer; its packed projections are packed as seqtrain's are."""

    def __init__(self, exported: Path) -> None:
        self.sizes, self.arrays = read(exported)

    def _load(self) -> TransformerSpec:
        sizes = self.sizes
        encoder = TransformerEncoderSpec(sizes.encoder_layers, sizes.encoder_heads, pre_norm=False)
        decoder = TransformerDecoderSpec(sizes.decoder_layers, sizes.decoder_heads, pre_norm=False)
        for side, name, embeddings in (
            (encoder, "encoder", encoder.embeddings[0]),
            (decoder, "decoder", decoder.embeddings),
        ):
            embeddings.weight = self.arrays[EMBEDDINGS]
            side.position_encodings.encodings = self.arrays[POSITIONS]
            for number, layer in enumerate(side.layer):
                self._fill_layer(layer, f"{name}.layers.{number}")
        decoder.projection.weight = self.arrays[EMBEDDINGS]
        spec = TransformerSpec(encoder, decoder)
        self._describe(spec)
        return spec

    def _describe(self, spec: TransformerSpec) -> None:
        """Tell the vocabulary and its special symbols."""
        sizes = self.sizes
        tokens = list(map(str, range(sizes.vocabulary)))
        spec.register_source_vocabulary(tokens)
        spec.register_target_vocabulary(tokens)
        spec.config.bos_token, spec.config.eos_token = str(sizes.bos), str(sizes.eos)
        spec.config.unk_token, spec.config.decoder_start_token = str(sizes.unk), str(sizes.start)
        spec.config.layer_norm_epsilon = 1e-5

    def _fill_layer(self, layer: Any, name: str) -> None:
        self._fill(layer.self_attention, f"{name}.self_attention", ("qkv_proj", "out_proj"))
        if hasattr(layer, "attention"):
            self._fill(layer.attention, f"{name}.cross_attention", ("q_proj", "kv_proj", "out_proj"))
        self._fill_norm(layer.ffn.layer_norm, f"{name}.feed_forward_norm")
        self._fill_linear(layer.ffn.linear_0, f"{name}.feed_forward.fc1")
        self._fill_linear(layer.ffn.linear_1, f"{name}.feed_forward.fc2")

    def _fill(self, attention: Any, name: str, projections: tuple[str, ...]) -> None:
        self._fill_norm(attention.layer_norm, f"{name}_norm")
        for linear, projection in zip(attention.linear, projections, strict=True):
            self._fill_linear(linear, f"{name}.{projection}")

    def _fill_norm(self, norm: Any, name: str) -> None:
        norm.gamma, norm.beta = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]

    def _fill_linear(self, linear: Any, name: str) -> None:
        linear.weight, linear.bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]


if __name__ == "__main__":
    _, command, model, given = sys.argv
    if command == "convert":
        FromSeqtrain(Path(model)).convert(given)
    else:
        serve(CTranslate2(Path(model), settings_of(given)))
