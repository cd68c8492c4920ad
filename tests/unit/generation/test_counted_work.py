"""What a position of a search costs, counted and not timed: a bound that fails is a regression, or a new bound."""

from collections import Counter

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seqtrain.config import GenerationConfig
from seqtrain.generation import SequenceGenerator
from seqtrain.generation.candidates import BLOCK
from seqtrain.models import TaskInfo
from seqtrain.models.transformer import Transformer, TransformerConfig
from seqtrain.testing.toy import ToyDictionary

VOCABULARY, SENTENCES, BEAM, LAYERS = 24 * BLOCK, 3, 4, 2
OPERATIONS = 197
"""Operations of torch a position, views among them; a tenth above what was counted, as versions of torch differ."""


class Work(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts operations, and those that make or read a tensor as large as all logits of a position."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.operations: Counter[str] = Counter()
        self.large: Counter[str] = Counter()
        self.reading_large: Counter[str] = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204  # torch's
        found, name = func(*args, **(kwargs or {})), func.name()
        self.operations[name] += 1
        given = [*args, *(kwargs or {}).values()]
        known = {x.untyped_storage().data_ptr() for x in given if isinstance(x, Tensor)}
        made = found if isinstance(found, tuple | list) else [found]
        self.large[name] += sum(_is_large(x) and x.untyped_storage().data_ptr() not in known for x in made)
        self.reading_large[name] += any(map(_is_large, given))
        return found


def _is_large(x: object) -> bool:
    return isinstance(x, Tensor) and x.numel() >= SENTENCES * BEAM * VOCABULARY


def work(length: int) -> Work:
    """Return what a search for outputs of a length does."""
    torch.manual_seed(1)
    dictionary = ToyDictionary([f"w{number}" for number in range(VOCABULARY - len(ToyDictionary.specials))])
    task = TaskInfo(dictionary, dictionary, (64, 64))
    cfg = TransformerConfig(
        encoder_embed_dim=16, encoder_ffn_embed_dim=16, encoder_layers=1, encoder_attention_heads=2,
        decoder_embed_dim=16, decoder_ffn_embed_dim=16, decoder_layers=LAYERS, decoder_attention_heads=2,
    )  # fmt: skip
    given = GenerationConfig(beam=BEAM, min_len=length, max_len_b=length)
    search = SequenceGenerator(given, Transformer(cfg, task), task)
    source = torch.tensor([[4, 5, 6, 2], [6, 5, 2, 1], [7, 7, 8, 2]])
    done = Work()
    with done:
        search.generate({"source_tokens": source, "source_lengths": torch.tensor([4, 3, 4])})
    return done


def test_operations_of_a_position() -> None:
    short, long = work(6), work(14)
    a_position = (long.operations - short.operations).total() / 8
    assert a_position <= OPERATIONS, (long.operations - short.operations).most_common()


def test_logits_are_held_once_a_position() -> None:
    large = work(6).large  # of 7 positions, the first of which has one hypothesis a sentence
    assert large.total() == 6, large


def test_candidates_are_sought_among_few() -> None:
    """What is best in blocks of scores is found in one pass; nothing that sorts sees all of them."""
    reading = +work(6).reading_large
    assert "aten::amax" in reading
    assert not [name for name in reading if name.startswith(("aten::sort", "aten::topk", "aten::argsort"))]


def test_the_first_position_is_computed_once_a_sentence() -> None:
    assert work(0).large.total() == 0
