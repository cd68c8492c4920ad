from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks._seqtrain import unlike
from benchmarks._worker import Sentences, Worker
from benchmarks.decoding import OURS, Work, check, figures, summarized
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


def test_figures_of_a_round() -> None:
    ours = {"outputs": [[4], [5, 6], [8]], "seconds": 4.0}
    its = {"outputs": [[4], [5, 7], [8]], "seconds": 2.0, "single": [0.1, 0.2, 0.3]}
    found = figures(its, ours)
    assert found.pop("p50_ms") == pytest.approx(200)
    assert found.pop("p95_ms") == pytest.approx(290)
    assert found == {
        "sentences_per_second": 1.5,
        "tokens_per_second": 3.5,  # three ends of sentence among them
        "relative_speed": 2,
        "identical_outputs": 2,
        "longest_output": 2,
    }


def test_rounds_and_whole_processes_of_a_tool() -> None:
    class Given:
        def bleu(self, outputs: Sentences) -> float:
            return len(outputs) * 10.0

    answer = {"outputs": [[4]], "seconds": 1.0, "single": [0.1]}
    answers = {OURS: [answer, answer], "peer": [answer, answer]}
    found = summarized("peer", cast(Work, Given()), answers, [(9.0, 300), (7.0, 200)])
    assert found.labels == {"tool": "peer"}
    assert found.values("sentences_per_second") == [1, 1]
    assert found.values("bleu") == [10]
    assert found.values("process_seconds") == [9, 7]
    assert found.values("peak_mb") == [300, 200]


def test_only_plain_models_can_be_exported() -> None:
    plain = TransformerConfig(share_all_embeddings=True, decoder_layers=2, encoder_embed_dim=8, decoder_embed_dim=8)
    assert not unlike(plain)
    assert unlike(TransformerConfig(decoder_normalize_before=True)) == [
        "model.decoder_normalize_before",
        "model.share_all_embeddings",
    ]
