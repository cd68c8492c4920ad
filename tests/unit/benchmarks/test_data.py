import gzip
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from benchmarks import data, scale
from benchmarks.data import Figure
from seqtrain.data.encoding import lines_of
from seqtrain.data.number_names import english, german
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceTokenizer


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    for language, name in (("en", english), ("de", german)):
        lines = "".join(f"{name(number)}\n" for number in range(100_000, 999_000, 301))
        (tmp_path / f"train.{language}.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path


def figures(found: Iterable[Figure]) -> dict[str, float]:
    return {name: value for name, value, _ in found}


def test_plans_reads_and_collation_of_a_few_pairs() -> None:
    assert all(value > 0 for value in figures(data.batch_plan(size=2000)).values())
    assert len(figures(data.collation(size=2000, pairs=20, batches=5))) == 1
    assert len(figures(data.random_reads(size=500, reads=300))) == 2
    assert len(figures(data.streaming(size=3000, window=256))) == 2
    assert data.to_first_batch(2000)[0] > 0


def test_text_is_repeated_up_to_so_many_tokens(texts: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    SentencePieceTokenizer(SentencePieceConfig(vocab_size=90)).train(lines_of(data.texts(texts)), model, "joined")
    once, _, _ = data.encode_all(texts, model / "joined.model", 1)
    often, seconds, megabytes = data.encode_all(texts, model / "joined.model", 300_000)
    assert often > once and often % once == 0
    assert seconds > 0 < megabytes
    found = figures(data.padding(texts, model / "joined.model"))
    assert 0 < found["padding, seqtrain"] < found["padding, fairseq's order"] < 50


def test_batches_in_fairseqs_order() -> None:
    lengths = np.array([[5, 3], [2, 9], [5, 2], [4, 4]])
    assert [batch.tolist() for batch in data.fairseq_batches(lengths, max_tokens=10)] == [[1], [3, 2], [0]]


def test_a_process_of_many_sees_its_share() -> None:
    found = figures(scale.simulate(pairs=1_600_000, ranks=8, window=1 << 14, rank=3))
    assert found["windows"] == 98
    assert found["pairs seen by the process"] == pytest.approx(200_000, rel=0.05)
    assert found["windows read by it"] <= 17
