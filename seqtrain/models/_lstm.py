"""What the configs of ``lstm`` and ``lstm_lm`` share: the fields of the decoder."""

from collections.abc import Iterable
from dataclasses import dataclass

from seqtrain.fields import bounded
from seqtrain.models._output import OutputFields
from seqtrain.nn.recurrent import RecurrentSpec


@dataclass
class LSTMFields(OutputFields):
    """Base of the configs of recurrent models with a decoder."""

    dropout: float = bounded(0.1, at_least=0, below=1)
    """Rate of the dropouts whose own rate is null."""
    decoder_dropout_in: float | None = bounded(None, at_least=0, below=1)
    """Rate of dropout on the decoder's embeddings; null for ``dropout``."""
    decoder_dropout_out: float | None = bounded(None, at_least=0, below=1)
    """Rate of dropout on the outputs of the decoder's layers; null for ``dropout``."""
    decoder_embed_dim: int = bounded(512, at_least=1)
    """Dimension of the decoder's embeddings."""
    decoder_hidden_size: int | None = bounded(None, at_least=1)
    """Number of cells of a decoder layer; null for ``decoder_embed_dim``."""
    decoder_layers: int = bounded(1, at_least=1)
    """Number of decoder layers."""
    decoder_out_embed_dim: int = bounded(512, at_least=1)
    """Dimension that is projected to the vocabulary; if it is not the hidden size, a linear layer comes before."""

    def contradictions(self) -> Iterable[str]:
        """The output projection has the dimension of embeddings that it is."""
        yield from super().contradictions()
        at_input, at_output = self.decoder_embed_dim, self.decoder_out_embed_dim
        ties = [name for name in ("share_decoder_input_output_embed", "share_all_embeddings") if vars(self).get(name)]
        if ties and at_input != at_output:
            yield (
                f"model.{ties[0]}=true needs one dimension, but "
                f"model.decoder_embed_dim={at_input} and model.decoder_out_embed_dim={at_output}: make them equal"
            )

    def spec(self, side: str) -> RecurrentSpec:
        """Return what the layers of a side, ``encoder`` or ``decoder``, are like."""
        values = vars(self)
        embed_dim, hidden_size = values[f"{side}_embed_dim"], values[f"{side}_hidden_size"]
        rates = [values[f"{side}_dropout_{where}"] for where in ("in", "out")]
        return RecurrentSpec(
            embed_dim if hidden_size is None else hidden_size,
            values[f"{side}_layers"],
            *(self.dropout if rate is None else rate for rate in rates),
        )
