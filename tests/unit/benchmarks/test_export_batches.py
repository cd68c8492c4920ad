from pathlib import Path

from benchmarks._batches import Model, read_batches, read_model
from benchmarks._export_batches import export
from seqtrain import compose


def test_batches_are_those_that_a_run_begins_with(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for language, lines in (("en", "ab\nb\n"), ("de", "ba\nbb\n")):
        for split in ("train", "valid"):
            (tmp_path / f"{split}.{language}").write_text(lines)
    words = [f"task.data={tmp_path}", f"dataset.cache_dir={tmp_path}/cache", "tokenizer=char"]
    export(compose([*words, "model=transformer_multi30k_tiny", "dataset.max_tokens=100"]), tmp_path / "out")
    (batch,) = read_batches(tmp_path / "out")
    assert sorted(batch) == [([4, 2], [4, 4, 2]), ([5, 4, 2], [4, 5, 2])]  # b, which there is more of, is 4
    model = read_model(tmp_path / "out")
    assert model == Model(6, 128, 256, 4, 4, 0.3, 100, 0, 1, 2, 3)
