from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks._seqtrain import unlike
from benchmarks._worker import Sentences, Worker
from benchmarks.decoding import OURS, check, summarized
from seqtrain.models.transformer import TransformerConfig


class FakeWorker:
    def __init__(self, name: str, outputs: Sentences, logit: float) -> None:
        self.name, self.outputs, self.logit = name, outputs, logit

    def decode(self, sources: Sentences, logits: Path | None = None) -> dict[str, Any]:
        if logits:
            np.save(logits, np.full((2, 2), self.logit))
        return {"outputs": self.outputs}


def gaps(directory: Path, outputs: Sentences, logit: float) -> dict[str, float]:
    fakes = {OURS: FakeWorker("ours", [[4]], 1.0), "peer": FakeWorker("peer", outputs, logit)}
    return check(cast(dict[str, Worker], fakes), [[5, 2], [6, 2]], directory)


def test_nothing_is_timed_where_models_differ(tmp_path: Path) -> None:
    assert gaps(tmp_path, [[4]], 1.00005)["peer"] == pytest.approx(5e-5)
    with pytest.raises(SystemExit, match=r"logits of peer differ by 0\.0002"):
        gaps(tmp_path, [[4]], 1.0002)
    with pytest.raises(SystemExit, match="logits of peer differ by nan"):
        gaps(tmp_path, [[4]], float("nan"))
    with pytest.raises(SystemExit, match="greedy outputs of peer"):
        gaps(tmp_path, [[7]], 1.0)


def test_summary_of_rounds() -> None:
    ours = [{"outputs": [[4], [5, 6], [8]], "seconds": seconds, "cpu_seconds": 1.0} for seconds in (2.0, 4.0, 1.0)]
    its = [{"outputs": [[4], [5, 7], [8]], "seconds": seconds, "cpu_seconds": 1.0} for seconds in (1.0, 1.0, 1.0)]
    found = summarized(ours, its, [(9.0, 300), (7.0, 200)])
    assert found["sentences_per_second"] == {"median": 3, "min": 3, "max": 3}
    assert found["tokens_per_second"] == {"median": 7, "min": 7, "max": 7}  # three ends of sentence among them
    assert found["relative_speed"] == {"median": 2, "min": 1, "max": 4}
    assert found["identical_outputs"] == 2
    assert found["process_seconds"] == {"median": 8, "min": 7, "max": 9}
    assert found["peak_mb"] == 300


def test_only_plain_models_can_be_exported() -> None:
    plain = TransformerConfig(share_all_embeddings=True, decoder_layers=2, encoder_embed_dim=8, decoder_embed_dim=8)
    assert not unlike(plain)
    assert unlike(TransformerConfig(decoder_normalize_before=True)) == [
        "model.decoder_normalize_before",
        "model.share_all_embeddings",
    ]
