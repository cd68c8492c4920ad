"""Damaged SentencePiece models: its C++ code neither crashes nor hangs nor takes memory without end."""

import io
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sentencepiece as spm

from seqtrain.data.number_names import english, german

ROOT = Path(__file__).parents[3]
MEMORY = 3 << 30
"""Address space of a process that tries damaged models, in bytes."""
MODELS: list[dict[str, Any]] = [
    {"model_type": "bpe", "vocab_size": 100},
    {"model_type": "unigram", "vocab_size": 100},
    {"model_type": "unigram", "vocab_size": 356, "byte_fallback": True},
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("models")
    lines = [name(number) for number in range(1, 1_000_000, 9973) for name in (english, german)]
    for number, options in enumerate(MODELS):
        model = io.BytesIO()
        specials: dict[str, Any] = {"bos_id": 0, "pad_id": 1, "eos_id": 2, "unk_id": 3}
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(lines), model_writer=model, minloglevel=3, num_threads=1, **options, **specials
        )
        (directory / f"whole-{number}.model").write_bytes(model.getvalue())
    return directory


def limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def test_a_damaged_sentencepiece_model(seeds: range, models: Path) -> None:
    program = Path(__file__).with_name("sentencepiece_cases.py")
    ended = subprocess.run(
        [sys.executable, str(program), str(models), str(seeds.start), str(seeds.stop)],
        capture_output=True,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        preexec_fn=limit_memory,  # nothing else runs in this process's threads
        check=False,
    )
    seeds_tried = ended.stdout.decode().split()
    assert seeds_tried[-1:] == ["done"], f"{seeds_tried[-1:]} ended with {ended.returncode}: {ended.stderr[-1000:]!r}"
    assert len(seeds_tried) == len(seeds) + 1
