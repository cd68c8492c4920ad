"""A recurrent encoder-decoder with attention: logits only, so that it is decoded by full forward passes."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqtrain.models import Model, ModelConfig, TaskInfo, register_model


@dataclass
class GRUConfig(ModelConfig):
    """Config of the model ``my_gru``."""

    embed_dim: int = 64
    """Dimension of embeddings and states; even, for the encoder's two directions."""
    dropout: float = 0.1
    """Rate of dropout on embeddings, in [0, 1)."""


@register_model("my_gru", GRUConfig)
class GRUModel(Model):
    """A bidirectional encoder, and a decoder whose states attend to the encoder's (Luong et al., 2015)."""

    def __init__(self, cfg: GRUConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.pad = task.source_dictionary.pad
        self.source_embedding = nn.Embedding(len(task.source_dictionary), cfg.embed_dim)
        self.target_embedding = nn.Embedding(len(task.target_dictionary), cfg.embed_dim)
        self.dropout = nn.Dropout(cfg.dropout)
        self.encoder = nn.GRU(cfg.embed_dim, cfg.embed_dim // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(cfg.embed_dim, cfg.embed_dim, batch_first=True)
        self.output = nn.Linear(2 * cfg.embed_dim, len(task.target_dictionary))

    def forward(self, source_tokens: Tensor, source_lengths: Tensor, prev_output_tokens: Tensor) -> Tensor:
        """Return logits (B, T, V) for source_tokens (B, S), source_lengths (B,), prev_output_tokens (B, T)."""
        embedded = self.dropout(self.source_embedding(source_tokens))
        packed = nn.utils.rnn.pack_padded_sequence(
            embedded, source_lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        encoded, _ = nn.utils.rnn.pad_packed_sequence(
            self.encoder(packed)[0], batch_first=True, total_length=source_tokens.shape[1]
        )
        decoded, _ = self.decoder(self.dropout(self.target_embedding(prev_output_tokens)))
        scores = torch.einsum("btd,bsd->bts", decoded, encoded)
        weights = scores.masked_fill((source_tokens == self.pad)[:, None], float("-inf")).softmax(dim=-1)
        return self.output(torch.cat([decoded, weights @ encoded], dim=-1))
