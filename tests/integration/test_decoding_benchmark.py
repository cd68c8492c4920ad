"""seqtrain's side of ``benchmarks/decoding.py``: what answers, in processes of their own."""

import sys
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from benchmarks._worker import Settings, Tool


def test_one_process_and_several_answer_alike(trained: Path, tmp_path: Path) -> None:
    settings = Settings(threads=2, beam=2, max_length=9, hf_batch=1, ct2_parallel=1)
    sources = [[5, 6, 2], [7, 2], [8, 9, 10, 2]]
    with ExitStack() as stack:
        tools = [Tool(Path(sys.executable), module, trained) for module in ("_seqtrain", "_seqtrain_processes")]
        one, several = (stack.enter_context(closing(tool.start(settings))) for tool in tools)
        outputs = one.decode(sources)["outputs"]
        assert several.decode(sources)["outputs"] == outputs
        assert len(outputs) == 3 and 0 < max(map(len, outputs)) <= 9
        assert len(several.decode_singly(sources)) == 3
        for tool in (one, several):
            tool.decode(sources, logits=tmp_path / f"{tool.name}.npy")
    logits = [np.load(tmp_path / f"{tool.name}.npy") for tool in (one, several)]
    np.testing.assert_array_equal(*logits)
