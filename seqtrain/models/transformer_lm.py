"""A language model: the transformer's decoder by itself (Radford et al., 2018), with fairseq's options."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from seqtrain.fields import bounded
from seqtrain.models import DecoderModel, NoSource, TaskInfo, register_model
from seqtrain.models._output import (
    OutputFields,
    ProjectingModel,
    build_output,
    check_one_dictionary,
    cutoff_problems,
)
from seqtrain.models._transformer import TransformerFields
from seqtrain.nn.adaptive import AdaptiveEmbedding, bands_of
from seqtrain.nn.decoder import Decoder, DecoderState
from seqtrain.nn.deep_norm import one_stack
from seqtrain.nn.embedding import token_embedding
from seqtrain.nn.initialization import Initialization, initialize_gpt2


@dataclass
class TransformerLMConfig(OutputFields, TransformerFields):
    """Config of the model ``transformer_lm``; layers are pre-norm, as in all of fairseq's named architectures."""

    decoder_normalize_before: bool = True
    """Normalise before each sublayer (pre-norm) instead of after it (post-norm)."""
    adaptive_input_cutoff: list[int] = bounded([], at_least=1)
    """Numbers of the symbols at which bands of rarer ones begin, rising; empty for embeddings of one dimension."""
    adaptive_input_factor: float = bounded(4.0, at_least=1)
    """By how much the embeddings of each band have fewer dimensions than those of the one before."""
    tie_adaptive_weights: bool = False
    """Use the adaptive embeddings in the adaptive softmax too; both have the same bands then."""
    tie_adaptive_proj: bool = False
    """Use the projections of the adaptive embeddings in the adaptive softmax too."""

    def contradictions(self) -> Iterable[str]:
        """Embeddings are those of one dimension or adaptive ones, and what is tied has the same bands."""
        yield from super().contradictions()
        yield from cutoff_problems("adaptive_input_cutoff", self.adaptive_input_cutoff)
        if self.adaptive_input_cutoff and self.share_decoder_input_output_embed:
            yield (
                "model.share_decoder_input_output_embed=true is for embeddings of one dimension, but "
                f"model.adaptive_input_cutoff={self.adaptive_input_cutoff} is set: set model.tie_adaptive_weights=true "
                "and model.adaptive_softmax_cutoff to the same instead"
            )
        yield from self._tying_problems()

    def _tying_problems(self) -> Iterable[str]:
        at_input = self.adaptive_input_cutoff, self.adaptive_input_factor
        at_output = self.adaptive_softmax_cutoff, self.adaptive_softmax_factor
        if self.tie_adaptive_weights and not (self.adaptive_input_cutoff and at_input == at_output):
            yield (
                "model.tie_adaptive_weights=true needs the same bands at both ends, but the cutoffs are "
                f"model.adaptive_input_cutoff={at_input[0]} and model.adaptive_softmax_cutoff={at_output[0]}, "
                f"the factors {at_input[1]:g} and {at_output[1]:g}: make them equal"
            )
        if self.tie_adaptive_proj and not self.tie_adaptive_weights:
            yield "model.tie_adaptive_proj=true ties more than the weights: set model.tie_adaptive_weights=true too"


@register_model("transformer_lm", TransformerLMConfig)
class TransformerLM(ProjectingModel, DecoderModel):
    """A decoder that attends to the tokens so far alone, and a projection to the vocabulary."""

    def __init__(self, cfg: TransformerLMConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        tokens = _token_embedding(cfg, task)
        self.decoder = Decoder(
            cfg.input_embedding(tokens, task.max_positions[1]),
            cfg.layer_spec("decoder", one_stack(cfg.decoder_layers)),
            num_layers=cfg.decoder_layers,
            layerdrop=cfg.decoder_layerdrop,
        )
        tied_to = tokens if _is_tied(cfg, task) else None
        self.output_projection = build_output(
            cfg, cfg.decoder_embed_dim, task, tied_to, tie_projections=cfg.tie_adaptive_proj
        )
        if cfg.init is Initialization.gpt2:
            initialize_gpt2(self, [self.decoder])

    def extract_features(self, source_tokens: Tensor, source_documents: Tensor | None = None, **_: Tensor) -> Tensor:
        """Return the features (B, S, D).

        Args:
            source_tokens: Ids, padded on the right, (B, S).
            source_documents: Rising numbers of the documents that tokens belong to, (B, S): attention stays within
                each, and positions start anew, so that each gets what it gets alone.
            **_: Whatever else a task gives.
        """
        features: Tensor = self.decoder(source_tokens, documents=source_documents)
        return features

    def encode(self, **_: Tensor) -> NoSource:
        """Return nothing: there is no source to encode."""
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> DecoderState:
        """Return an empty state for ``rows`` hypotheses of up to ``max_length`` tokens."""
        return self.decoder.new_state(rows)

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: DecoderState) -> Tensor:
        """Return the logits (N, V) that follow ``prev_tokens`` (N,)."""
        return self.project(self.decoder.step(prev_tokens[:, None], state)[:, 0])

    def prefill(self, tokens: Tensor, encoder_output: NoSource, state: DecoderState) -> None:
        """Add the tokens (N, P) that hypotheses begin with to the state, in one pass."""
        self.decoder.step(tokens, state)


def _token_embedding(cfg: TransformerLMConfig, task: TaskInfo) -> nn.Embedding | AdaptiveEmbedding:
    size, dim, pad = len(task.source_dictionary), cfg.decoder_embed_dim, task.source_dictionary.pad
    if not cfg.adaptive_input_cutoff:
        return token_embedding(size, dim, pad)
    return AdaptiveEmbedding(bands_of(size, cfg.adaptive_input_cutoff, dim, cfg.adaptive_input_factor), pad)


def _is_tied(cfg: TransformerLMConfig, task: TaskInfo) -> bool:
    """Whether the output projection has the weights of the embeddings, which takes one dictionary."""
    tied = cfg.share_decoder_input_output_embed or cfg.tie_adaptive_weights
    if tied:
        check_one_dictionary(task)
    return tied
