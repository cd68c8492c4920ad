"""seqtrain as a decoder that ``decoding.py`` asks, and what it exports to the others."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

import seqtrain
from benchmarks._exported import POSITIONS, Sizes, write
from benchmarks._worker import Array, Sentences, Settings, serve, settings_of
from seqtrain.base import Generator, Task
from seqtrain.config import GenerationConfig
from seqtrain.data.parallel import SourceDataset
from seqtrain.generation import decode_dataset, generation_plan
from seqtrain.generation.workers import Workers
from seqtrain.memory import keep_memory
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.trained import TrainedModel

NAMED_IN_SIZES = ("embed_dim", "ffn_embed_dim", "layers", "attention_heads")
WITHOUT_EFFECT = (
    "_name",
    "dropout",
    "layerdrop",
    "init",
    "checkpoint_activations",
    "alignment_layer",
    "alignment_heads",
    "share_decoder_input_output_embed",
)
"""Ends of the names of options that may differ: sizes, and what makes no difference to decoding this model."""


class Seqtrain:
    """Decodes in batches by length and keeps memory, as ``generate`` does."""

    def __init__(self, run: Path, settings: Settings) -> None:
        self.trained = seqtrain.load(run, device="cpu")
        self.settings = settings
        self._generators: dict[int, Generator] = {}
        torch.set_num_threads(settings.threads)
        keep_memory()
        self.versions = {"seqtrain": seqtrain.__version__, "torch": torch.__version__}

    def decode(self, sources: Sentences) -> Sentences:
        """Return the best output of a beam search for each source."""
        return self._search(sources, self.settings.beam)

    def greedy(self, sources: Sentences) -> tuple[Sentences, Array]:
        """Return the greedy outputs, and the logits (N, V) at each of their tokens, ends included."""
        outputs = self._search(sources, 1)
        return outputs, np.concatenate(list(map(self._logits, sources, outputs)))

    def _search(self, sources: Sentences, beam: int) -> Sentences:
        if beam not in self._generators:
            cfg = GenerationConfig(beam=beam, max_len_b=self.settings.max_length)
            self._generators[beam] = self.trained.generator(cfg)
        return best_outputs(self.trained.task, sources, self._generators[beam])

    @torch.inference_mode()
    def _logits(self, source: list[int], output: list[int]) -> Array:
        prev_output_tokens = torch.tensor([[self.trained.task.info.decoding_start, *output]])
        source_tokens, source_lengths = torch.tensor([source]), torch.tensor([len(source)])
        logits: Array = self.trained.model(source_tokens, source_lengths, prev_output_tokens)[0].numpy()
        return logits


def best_outputs(task: Task[Any], sources: Sentences, search: Generator | Workers) -> Sentences:
    """Return the best output for each source, found in batches of ``generate``'s sizes."""
    dataset = SourceDataset(sources, task.info.max_positions[0])
    found = decode_dataset(task, dataset, search, generation_plan(GenerationConfig()))
    return [best.tokens[:-1].tolist() for best, *_ in found]


def export(trained: TrainedModel, directory: Path) -> None:
    """Write the model for the other tools; end the program where it is none that they can be."""
    model, cfg, info = trained.model, trained.cfg.model, trained.task.info
    if not (isinstance(model, Transformer) and isinstance(cfg, TransformerConfig)) or unlike(cfg):
        options = ", ".join(unlike(cfg)) if isinstance(cfg, TransformerConfig) else "model"
        raise SystemExit(f"the other tools cannot be this model: it must be a plain post-norm one; see {options}")
    dictionary = info.target_dictionary
    sizes = Sizes(
        vocabulary=len(dictionary),
        dim=cfg.decoder_embed_dim,
        encoder_layers=cfg.encoder_layers,
        decoder_layers=cfg.decoder_layers,
        encoder_heads=cfg.encoder_attention_heads,
        decoder_heads=cfg.decoder_attention_heads,
        encoder_ffn=cfg.encoder_ffn_embed_dim,
        decoder_ffn=cfg.decoder_ffn_embed_dim,
        max_positions=max(info.max_positions),
        bos=dictionary.bos,
        pad=dictionary.pad,
        eos=dictionary.eos,
        unk=dictionary.unk,
        start=info.decoding_start,
    )
    positions = model.decoder.embedding.positions
    assert positions is not None
    arrays = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    write(directory, sizes, {**arrays, POSITIONS: positions(0, sizes.max_positions).numpy()})


def unlike(cfg: TransformerConfig) -> list[str]:
    """Return the options that set a model apart from the plain one, Vaswani's with one table of embeddings."""
    plain = TransformerConfig(share_all_embeddings=True)
    names = [field.name for field in fields(cfg) if not field.name.endswith(NAMED_IN_SIZES + WITHOUT_EFFECT)]
    return [f"model.{name}" for name in names if getattr(cfg, name) != getattr(plain, name)]


if __name__ == "__main__":
    _, _, run, told = sys.argv
    serve(Seqtrain(Path(run), settings_of(told)))
