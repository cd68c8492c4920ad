"""What models with an encoder and a decoder share: the embeddings of both sides."""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import nn

from seqtrain.errors import ConfigError
from seqtrain.models import TaskInfo
from seqtrain.models._output import OutputFields
from seqtrain.nn.embedding import token_embedding


@dataclass
class SidesFields(OutputFields):
    """Base of their configs, which have ``encoder_embed_dim`` and ``decoder_embed_dim`` too."""

    share_all_embeddings: bool = False
    """One table for the embeddings of encoder and decoder and the output projection; needs a joint dictionary."""

    @property
    def ties_output(self) -> bool:
        """Whether the output projection has the weights of the decoder's embeddings."""
        return self.share_all_embeddings or self.share_decoder_input_output_embed

    def contradictions(self) -> Iterable[str]:
        """Shared embeddings have one dimension."""
        yield from super().contradictions()
        source_dim, target_dim = self._embed_dims()
        if self.share_all_embeddings and source_dim != target_dim:
            yield (
                f"model.share_all_embeddings needs one dimension, but model.encoder_embed_dim={source_dim} "
                f"and model.decoder_embed_dim={target_dim}: make them equal, "
                "or set model.share_decoder_input_output_embed=true instead"
            )
        if self.share_all_embeddings and self.adaptive_softmax_cutoff:
            yield (
                "model.share_all_embeddings=true is for a linear output projection, but "
                f"model.adaptive_softmax_cutoff={self.adaptive_softmax_cutoff} is set: leave out one of them"
            )

    def embedding_tables(self, task: TaskInfo) -> tuple[nn.Embedding, nn.Embedding]:
        """Build the tables of source and target; they are one if all are shared.

        Raises:
            ConfigError: all are shared, but there are two dictionaries.
        """
        source, target = task.source_dictionary, task.target_dictionary
        source_dim, target_dim = self._embed_dims()
        if self.share_all_embeddings and not source.shares_ids_with(target):
            raise ConfigError(
                "model.share_all_embeddings needs one dictionary for source and target: "
                "set task.joined_dictionary=true, or model.share_all_embeddings=false"
            )
        source_table = token_embedding(len(source), source_dim, source.pad)
        if self.share_all_embeddings:
            return source_table, source_table
        return source_table, token_embedding(len(target), target_dim, target.pad)

    def _embed_dims(self) -> tuple[int, int]:
        values = vars(self)
        return values["encoder_embed_dim"], values["decoder_embed_dim"]
