"""Toy models to decode, each with the incremental interface and without: a table of probabilities, and a small RNN."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqtrain.base import (
    DecoderModel,
    Dictionary,
    EncoderOutput,
    IncrementalState,
    Model,
    ModelOutput,
    NoSource,
    TaskInfo,
)
from seqtrain.config import GenerationConfig, ModelConfig
from seqtrain.generation import SequenceGenerator

Table = dict[str, dict[str, float]]


class Letters(Dictionary):
    """One symbol a letter; ``$`` is end of sentence and ``.`` is padding."""

    def __init__(self, letters: str = "abc") -> None:
        self.symbols = list("^.$?" + letters)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def fingerprint(self) -> str:
        return "".join(self.symbols)

    def encode(self, text: str) -> list[int]:
        return [self.symbols.index(letter) for letter in text]

    def decode(self, ids: Iterable[int]) -> str:
        return "".join(self.symbols[i] for i in ids if i not in (self.bos, self.pad, self.eos))

    def symbol(self, id: int) -> str:
        return self.symbols[id]


def collate(sources: Sequence[str], dictionary: Dictionary) -> dict[str, Tensor]:
    """Return the net_input of translation; each source gets its end of sentence."""
    ids = [torch.tensor([*dictionary.encode(text), dictionary.eos]) for text in sources]
    return {
        "source_tokens": nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=dictionary.pad),
        "source_lengths": torch.tensor([len(x) for x in ids]),
        "prev_output_tokens": torch.full((len(sources), 3), dictionary.unk),
    }


def log_table(table: Table, dictionary: Dictionary) -> Tensor:
    """Return log-probabilities (V, V) by previous token; rows that are not given are uniform."""
    rows = torch.full((len(dictionary), len(dictionary)), 1.0 / len(dictionary))
    for prev, nexts in table.items():
        row = torch.zeros(len(dictionary))
        for letter, probability in nexts.items():
            row[dictionary.encode(letter)] = probability
        rows[dictionary.encode(prev)] = row
    return rows.log()


class TableModel(Model):
    """Next-token log-probabilities by the previous token: table i for a source of i + 1 letters."""

    def __init__(self, tables: Sequence[Table], task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.tables = torch.stack([log_table(table, task.target_dictionary) for table in tables])

    def forward(self, **net_input: Tensor) -> ModelOutput | Tensor:
        chosen = self.tables[net_input["source_lengths"] - 2]
        prev = net_input["prev_output_tokens"]
        return chosen[torch.arange(len(prev)).unsqueeze(-1), prev]


class CountedState(IncrementalState):
    """Remembers nothing but how much room was asked for, and how often it was used."""

    def __init__(self, rows: int, max_length: int) -> None:
        self.rows, self.room = rows, max_length

    def reorder(self, order: Tensor) -> None:
        self.rows = len(order)


class IncrementalTableModel(TableModel):
    """The same, one token at a time; ``rows_seen`` counts the hypotheses of each position."""

    def __init__(self, tables: Sequence[Table], task: TaskInfo) -> None:
        super().__init__(tables, task)
        self.rows_seen: list[int] = []

    def encode(self, **source: Tensor) -> EncoderOutput:
        assert set(source) == {"source_tokens", "source_lengths"}
        return EncoderOutput(self.tables[source["source_lengths"] - 2], source["source_tokens"] == Dictionary.pad)

    def new_state(self, encoder_output: EncoderOutput, rows: int, max_length: int) -> CountedState:
        return CountedState(rows, max_length)

    def decode_step(self, prev_tokens: Tensor, encoder_output: EncoderOutput, state: CountedState) -> Tensor:
        self.rows_seen.append(len(prev_tokens))
        state.room -= 1
        assert state.room >= 0
        assert state.rows == len(prev_tokens)
        sentences = torch.arange(len(prev_tokens)) // (len(prev_tokens) // len(encoder_output.features))
        return encoder_output.features[sentences, prev_tokens]


class Rows(IncrementalState):
    """Remembers nothing but how many hypotheses there are."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def reorder(self, order: Tensor) -> None:
        self.rows = len(order)


class TableLanguageModel(DecoderModel):
    """Next-token log-probabilities by the previous token."""

    def __init__(self, table: Table, task: TaskInfo) -> None:
        super().__init__(ModelConfig(), task)
        self.table = log_table(table, task.target_dictionary)

    def extract_features(self, source_tokens: Tensor, source_lengths: Tensor) -> Tensor:
        assert source_lengths.max() == source_tokens.size(1)
        return self.table[source_tokens]

    def project(self, features: Tensor) -> Tensor:
        return features


class IncrementalTableLanguageModel(TableLanguageModel):
    """The same, one token at a time, and given ones in one pass; ``prefilled`` has their numbers."""

    def __init__(self, table: Table, task: TaskInfo) -> None:
        super().__init__(table, task)
        self.prefilled: list[int] = []

    def encode(self) -> NoSource:
        return NoSource()

    def new_state(self, encoder_output: NoSource, rows: int, max_length: int) -> Rows:
        return Rows(rows)

    def prefill(self, tokens: Tensor, encoder_output: NoSource, state: Rows) -> None:
        self.prefilled.append(tokens.size(1))

    def decode_step(self, prev_tokens: Tensor, encoder_output: NoSource, state: Rows) -> Tensor:
        assert len(prev_tokens) == state.rows
        return self.table[prev_tokens]


class RecurrentModel(Model):
    """A random RNN over the previous tokens that starts from the mean of the source: the whole prefix matters."""

    def __init__(self, task: TaskInfo, dim: int = 8) -> None:
        super().__init__(ModelConfig(), task)
        torch.manual_seed(7)
        vocabulary = len(task.target_dictionary)
        self.embedding = nn.Embedding(vocabulary, dim)
        self.hidden = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(0.5)
        self.projection = nn.Linear(dim, vocabulary)

    def first(self, source_tokens: Tensor) -> Tensor:
        real = (source_tokens != Dictionary.pad).unsqueeze(-1)
        total: Tensor = (self.embedding(source_tokens) * real).sum(1)
        return total / real.sum(1)

    def next(self, hidden: Tensor, prev_tokens: Tensor) -> Tensor:
        return torch.tanh(torch.add(self.hidden(hidden), self.embedding(prev_tokens)))

    def forward(self, **net_input: Tensor) -> ModelOutput | Tensor:
        hidden, outputs = self.first(net_input["source_tokens"]), []
        for prev_tokens in net_input["prev_output_tokens"].unbind(1):
            hidden = self.next(hidden, prev_tokens)
            outputs.append(self.projection(self.dropout(hidden)) * 3)
        return ModelOutput(torch.stack(outputs, 1), {})


class HiddenState(IncrementalState):
    """The RNN's hidden state, (N, D)."""

    def __init__(self, hidden: Tensor) -> None:
        self.hidden = hidden

    def reorder(self, order: Tensor) -> None:
        self.hidden = self.hidden[order]


class IncrementalRecurrentModel(RecurrentModel):
    """The same, one token at a time."""

    def encode(self, **source: Tensor) -> EncoderOutput:
        first = self.first(source["source_tokens"]).unsqueeze(1)
        return EncoderOutput(first, source["source_tokens"] == Dictionary.pad)

    def new_state(self, encoder_output: EncoderOutput, rows: int, max_length: int) -> HiddenState:
        first = encoder_output.features[:, 0]
        return HiddenState(first.repeat_interleave(rows // len(first), 0))

    def decode_step(self, prev_tokens: Tensor, encoder_output: EncoderOutput, state: HiddenState) -> Tensor:
        state.hidden = self.next(state.hidden, prev_tokens)
        logits: Tensor = self.projection(self.dropout(state.hidden)) * 3
        return logits


@pytest.fixture
def task() -> TaskInfo:
    """Seven symbols: the specials, a, b and c."""
    return TaskInfo(Letters(), Letters())


@pytest.fixture
def make_task() -> Callable[..., TaskInfo]:
    """Return a function of the letters and of what else a TaskInfo takes."""

    def make(letters: str = "abc", **options: Any) -> TaskInfo:
        return TaskInfo(Letters(letters), Letters(letters), **options)

    return make


@pytest.fixture
def net_input(task: TaskInfo) -> Callable[[Sequence[str]], dict[str, Tensor]]:
    """Return a function from sources to net_input."""
    return lambda sources: collate(sources, task.source_dictionary)


@pytest.fixture
def table_model(task: TaskInfo) -> Callable[..., IncrementalTableModel]:
    """Return a function from tables to a model with the incremental interface."""
    return lambda *tables: IncrementalTableModel(tables, task)


@pytest.fixture
def full_table_model(task: TaskInfo) -> Callable[..., TableModel]:
    """Return a function from tables to a model without the incremental interface."""
    return lambda *tables: TableModel(tables, task)


@pytest.fixture
def language_model() -> type[IncrementalTableLanguageModel]:
    """Return a language model of a table, with the incremental interface."""
    return IncrementalTableLanguageModel


@pytest.fixture
def full_language_model() -> type[TableLanguageModel]:
    """Return a language model of a table, without the incremental interface."""
    return TableLanguageModel


@pytest.fixture
def recurrent_model() -> Callable[[TaskInfo], IncrementalRecurrentModel]:
    """Return the RNN with the incremental interface."""
    return IncrementalRecurrentModel


@pytest.fixture
def full_recurrent_model() -> Callable[[TaskInfo], RecurrentModel]:
    """Return the RNN without it; the same parameters."""
    return RecurrentModel


@pytest.fixture
def search() -> Callable[..., list[list[tuple[str, float]]]]:
    """Return a function that searches and gives each sentence's hypotheses as (symbols, score), without the end.

    Keys of net_input besides the source's are ``inputs``; what else is given are fields of GenerationConfig.
    """

    def run(
        model: Model,
        task: TaskInfo,
        sources: Sequence[str] = ("a",),
        inputs: Mapping[str, Tensor] | None = None,
        **options: Any,
    ) -> list[list[tuple[str, float]]]:
        generator = SequenceGenerator(GenerationConfig(**options), model, task)
        found = generator.generate({**collate(sources, task.source_dictionary), **(inputs or {})})
        assert all(math.isfinite(hypothesis.score) for sentence in found for hypothesis in sentence)
        symbol = task.target_dictionary.symbol
        return [[("".join(map(symbol, x.tokens[:-1].tolist())), x.score) for x in sentence] for sentence in found]

    return run
