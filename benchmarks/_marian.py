"""Hugging Face transformers as a decoder that ``decoding.py`` asks: a model of the class ``MarianMTModel``.

It has the architecture as it is, except for its positions: they have other frequencies, and are computed on loading,
so the table is put in its place each time. A batch goes on until its last sentence ends: none leaves it before.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import transformers
from torch.nn.utils.rnn import pad_sequence

from benchmarks._exported import EMBEDDINGS, POSITIONS, Sizes, read
from benchmarks._worker import Array, Sentences, Settings, by_length, serve, settings_of

transformers.utils.logging.disable_progress_bar()

PACKED = {"qkv_proj": "qkv", "kv_proj": "kv"}
RENAMED = {
    "self_attention_norm": "self_attn_layer_norm",
    "cross_attention_norm": "encoder_attn_layer_norm",
    "feed_forward_norm": "final_layer_norm",
    "feed_forward.": "",
    "self_attention": "self_attn",
    "cross_attention": "encoder_attn",
}


class Marian:
    """Decodes in batches by length."""

    def __init__(self, directory: Path, settings: Settings) -> None:
        torch.set_num_threads(settings.threads)
        self.model = transformers.MarianMTModel.from_pretrained(directory).eval()
        for side in (self.model.model.encoder, self.model.model.decoder):
            side.embed_positions.weight.data.copy_(torch.from_numpy(np.load(directory / "positions.npy")))
        self.settings = settings
        self.pad, self.eos = self.model.config.pad_token_id, self.model.config.eos_token_id
        self.versions = {"transformers": transformers.__version__, "torch": torch.__version__}

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""
        return self._search(sources, self.settings.beam)

    def greedy(self, sources: Sentences) -> tuple[Sentences, Array]:
        """Return the greedy outputs, and the logits (N, V) at each of their tokens, ends included."""
        outputs = self._search(sources, 1)
        return outputs, np.concatenate(list(map(self._logits, sources, outputs)))

    def _search(self, sources: Sentences, beam: int) -> Sentences:
        outputs: Sentences = [[] for _ in sources]
        for numbers in by_length(sources, self.settings.hf_batch):
            for number, output in zip(numbers, self._batch([sources[number] for number in numbers], beam), strict=True):
                outputs[number] = output
        return outputs

    @torch.inference_mode()
    def _batch(self, sources: Sentences, beam: int) -> Sentences:
        input_ids = pad_sequence(list(map(torch.tensor, sources)), batch_first=True, padding_value=self.pad)
        generated = self.model.generate(
            input_ids=input_ids,
            attention_mask=input_ids.ne(self.pad).long(),
            num_beams=beam,
            length_penalty=1.0,
            early_stopping=beam > 1,
            do_sample=False,
            min_new_tokens=1,
            max_new_tokens=self.settings.max_length + 1,
            suppress_tokens=[self.pad],
        )
        rows: Sentences = generated[:, 1:].tolist()  # the first is what decoding starts from
        return [row[: row.index(self.eos)] for row in rows]

    @torch.inference_mode()
    def _logits(self, source: list[int], output: list[int]) -> Array:
        decoder_input_ids = torch.tensor([[self.model.config.decoder_start_token_id, *output]])
        logits: Array = self.model(input_ids=torch.tensor([source]), decoder_input_ids=decoder_input_ids).logits[0]
        return logits


def convert(exported: Path, directory: Path) -> None:
    """Write a model of Hugging Face's."""
    sizes, arrays = read(exported)
    model = transformers.MarianMTModel(config(sizes))
    tensors = {name: torch.from_numpy(array) for name, array in marian_arrays(arrays).items()}
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    left = [name for name in missing if not name.endswith(("embed_tokens.weight", "embed_positions.weight"))]
    assert not unexpected and set(left) <= {"lm_head.weight", "final_logits_bias"}, (left, unexpected)
    model.save_pretrained(directory)
    np.save(directory / "positions.npy", arrays[POSITIONS])


def config(sizes: Sizes) -> transformers.MarianConfig:
    """Return the config of a model of these sizes."""
    return transformers.MarianConfig(
        vocab_size=sizes.vocabulary,
        d_model=sizes.dim,
        encoder_layers=sizes.encoder_layers,
        decoder_layers=sizes.decoder_layers,
        encoder_attention_heads=sizes.encoder_heads,
        decoder_attention_heads=sizes.decoder_heads,
        encoder_ffn_dim=sizes.encoder_ffn,
        decoder_ffn_dim=sizes.decoder_ffn,
        max_position_embeddings=sizes.max_positions,
        activation_function="relu",
        scale_embedding=True,
        bos_token_id=sizes.bos,
        pad_token_id=sizes.pad,
        eos_token_id=sizes.eos,
        forced_eos_token_id=sizes.eos,
        decoder_start_token_id=sizes.start,
    )


def marian_arrays(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return seqtrain's arrays under Marian's names, packed projections apart; positions left out."""
    found = {"model.shared.weight": arrays[EMBEDDINGS]}
    for name, array in arrays.items():
        if name not in (EMBEDDINGS, POSITIONS):
            found.update({f"model.{renamed(part)}": x for part, x in unpacked(name, array).items()})
    return found


def renamed(name: str) -> str:
    """Return Marian's name of a parameter of a layer."""
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name


def unpacked(name: str, array: Array) -> dict[str, Array]:
    """Return the projections that an array packs, each under its own name; another array as it is."""
    module = name.split(".")[-2]
    if module not in PACKED:
        return {name: array}
    letters = PACKED[module]
    parts = np.split(array, len(letters))
    return {name.replace(module, f"{letter}_proj"): part for letter, part in zip(letters, parts, strict=True)}


if __name__ == "__main__":
    _, command, model, given = sys.argv
    if command == "convert":
        convert(Path(model), Path(given))
    else:
        serve(Marian(Path(model), settings_of(given)))
