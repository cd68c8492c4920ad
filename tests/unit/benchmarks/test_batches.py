from pathlib import Path

from benchmarks._batches import Model, Pair, read_batches, read_model, write_batches, write_text

MODEL = Model(7, 128, 256, 4, 4, 0.3, 100, bos=0, pad=1, eos=2, unk=3)
BATCHES: list[list[Pair]] = [[([4, 5, 2], [6, 2])], [([5, 2], [4, 4, 2]), ([6, 2], [5, 2])]]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_batches(tmp_path, MODEL, BATCHES)
    assert read_model(tmp_path) == MODEL
    assert list(read_batches(tmp_path)) == BATCHES


def test_ids_as_words(tmp_path: Path) -> None:
    write_batches(tmp_path, MODEL, BATCHES)
    assert write_text(tmp_path, tmp_path, ("<s>", "<unk>")) == 3
    assert (tmp_path / "train.source").read_text() == "4 5\n5\n6\n"
    assert (tmp_path / "train.target").read_text() == "6\n4 4\n5\n"
    assert (tmp_path / "vocabulary").read_text().split() == ["<s>", "<unk>", "4", "5", "6"]
