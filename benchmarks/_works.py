"""The works that training is measured on, as other toolkits' figures are known for them."""

from dataclasses import dataclass

OURS = "seqtrain"
MATRICES = "matrix products"
"""The work that says what the processor can do: products of two matrices of 1,024 x 1,024."""

MULTI30K = ("+experiment=multi30k_en_de_tok",)
LM = (
    "task=language_modeling",
    "task.train=[train.de]",
    "task.valid=[]",
    "task.valid_share=0.01",
    "task.tokens_per_sample=512",
    "tokenizer=sentencepiece",
    "tokenizer.vocab_size=5096",
    "model=transformer_lm",
    "model.decoder_layers=6",
    "model.share_decoder_input_output_embed=true",
    "criterion=cross_entropy",
    "optimizer=adam_transformer",
    "lr_scheduler=inverse_sqrt_4k",
    "dataset.max_tokens=2048",
)


@dataclass(frozen=True)
class Sizes:
    """The sizes of a transformer, as far as its matrix products depend on them."""

    encoder_layers: int
    decoder_layers: int
    dim: int
    ffn_dim: int
    vocabulary: int

    def megaflop(self, source_share: float) -> float:
        """Return the matrix products of a target token, forward and backward, in 10^6 operations.

        Those of a weight: 2 operations forward and 4 backward. Attention's own products and padding are left out.

        Args:
            source_share: source tokens for each target token.
        """
        attention, feed_forward = 4 * self.dim**2, 2 * self.dim * self.ffn_dim
        encoder = self.encoder_layers * (attention + feed_forward)
        decoder = self.decoder_layers * (attention * (2 if self.encoder_layers else 1) + feed_forward)
        return 6 * (source_share * encoder + decoder + self.dim * self.vocabulary) / 1e6


@dataclass(frozen=True)
class Work:
    """What is trained, and how much of it is one round."""

    overrides: tuple[str, ...]
    """What sets its config apart from that of ``python -m seqtrain``."""
    sizes: Sizes
    """Those of the model."""
    warmup: int
    """Updates that are not counted."""
    intervals: int
    """How many times as many updates are counted after them."""

    @property
    def updates(self) -> int:
        """All updates of a round."""
        return self.warmup * (1 + self.intervals)


WORKS = {
    "tiny": Work(MULTI30K, Sizes(4, 4, 128, 256, 10_000), warmup=10, intervals=6),
    "base": Work(
        (*MULTI30K, "model=transformer_wmt_en_de", "model.share_all_embeddings=true"),
        Sizes(6, 6, 512, 2048, 10_000),
        warmup=2,
        intervals=4,
    ),
    "lm": Work(LM, Sizes(0, 6, 512, 2048, 5096), warmup=4, intervals=5),
}
"""tiny and base: Multi30k en-de, joint BPE of 10,000, 4,096 tokens a batch; lm: its German side in blocks of 512."""
SOURCE_SHARE = 430_845 / 436_754
"""Source tokens for each target token of tiny and base."""
