"""How fast data is prepared, planned, read and collated, and in how much memory.

``python -m benchmarks.data --data DIR``, where DIR holds ``train.en`` and ``train.de``, plain or .gz, such as Multi30k.
Prints a line of JSON for each figure: name, value, unit. What fairseq reaches is in the comments of each function.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from seqtrain.base import PlanSpec
from seqtrain.data.encoding import index, lines_of
from seqtrain.data.parallel import ParallelDataset
from seqtrain.data.plan import padding_share, plan_batches
from seqtrain.data.store import Tokens
from seqtrain.data.text import find_text
from seqtrain.data.tokenizers.sentencepiece import SentencePieceConfig, SentencePieceTokenizer
from seqtrain.data.windows import WindowedPlan, Windows, batches_of_windows, count_lengths

Lengths = npt.NDArray[np.int32]
T = TypeVar("T")

LANGUAGES = ("en", "de")
SPEC = PlanSpec(max_tokens=4096)


class Figure(NamedTuple):
    """What was measured."""

    name: str
    value: float
    unit: str


def simulated_lengths(size: int) -> Lengths:
    """Return lengths of sentence pairs like those of news, (N, 2)."""
    random = np.random.default_rng(1)
    return np.clip(random.lognormal(3.1, 0.5, (size, 2)), 2, 250).astype(np.int32)


def simulated_store(lengths: Lengths) -> Tokens:
    """Return a store of sentences with these lengths, (N,)."""
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    ids = np.random.default_rng(2).integers(4, 10_000, int(offsets[-1]), dtype=np.uint16)
    return Tokens(ids, offsets, "simulated")


def seconds(run: Callable[[], object], rounds: int = 5) -> float:
    """Return the median time of some rounds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times)


def batch_plan(size: int = 10_000_000) -> Iterator[Figure]:
    """Plan an epoch; fairseq takes 0.87 to 1.05 s for one side, ordering included."""
    lengths = simulated_lengths(size)
    for sides in (1, 2):
        some = np.ascontiguousarray(lengths[:, :sides])
        taken = seconds(lambda some=some: plan_batches(some, SPEC, epoch=1))  # type: ignore[misc]
        yield Figure(f"batch plan, {size / 1e6:g} M lengths, {sides} side{'s'[: sides - 1]}", taken, "s")


def peak_mb() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def in_new_process(run: Callable[..., T], *arguments: object) -> T:
    """Return what a function returns in a process of its own, whose peak memory is its own too."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(run, *arguments).result()


def to_first_batch(size: int) -> tuple[float, float]:
    """Return the seconds to the first batch of so many pairs, and the MB that came with it."""
    lengths = simulated_lengths(size)
    source, target = (simulated_store(lengths[:, side]) for side in range(2))

    def run() -> None:
        dataset = ParallelDataset(source, target, (1024, 1024), for_training=True)
        next(dataset.batches(epoch=1, plan=SPEC))

    before = peak_mb()
    run()
    return seconds(run, rounds=3), peak_mb() - before


def first_batch(size: int = 4_500_000) -> Iterator[Figure]:
    """Open and plan an epoch of pairs; fairseq takes 1.2 s and 1.2 GB."""
    taken, added = in_new_process(to_first_batch, size)
    yield Figure(f"first batch of {size / 1e6:g} M pairs", taken, "s")
    yield Figure(f"first batch of {size / 1e6:g} M pairs, memory besides ids and offsets", added, "MB")


def collation(size: int = 1_000_000, pairs: int = 290, batches: int = 300) -> Iterator[Figure]:
    """Collate batches of pairs of like lengths; fairseq does 18.4 k pairs/s."""
    lengths = simulated_lengths(size)
    source, target = (simulated_store(lengths[:, side]) for side in range(2))
    dataset = ParallelDataset(source, target, (1024, 1024), for_training=True)
    plan = plan_batches(dataset.lengths, PlanSpec(max_sentences=pairs), epoch=1)
    taken = seconds(lambda: [dataset.collate(plan[number]) for number in range(batches)])
    yield Figure(f"collation, {pairs} pairs a batch", pairs * batches / taken, "pairs/s")


def random_reads(size: int = 1_000_000, reads: int = 100_000) -> Iterator[Figure]:
    """Read sentences one by one, and 290 at a time; fairseq does 220 to 230 k items/s."""
    store = simulated_store(simulated_lengths(size)[:, 0])
    ids = np.random.default_rng(3).integers(0, size, reads)
    one_by_one = seconds(lambda: [store[number] for number in ids.tolist()])
    yield Figure("random reads, one by one", reads / one_by_one, "items/s")
    gathered = seconds(lambda: [store.gather(ids[first : first + 290]) for first in range(0, reads, 290)])
    yield Figure("random reads, 290 at a time", reads / gathered, "items/s")


def streaming(size: int = 16_000_000, window: int = 1 << 20) -> Iterator[Figure]:
    """Count the lengths of a corpus in windows, which is done once, and plan windows."""
    lengths, windows = simulated_lengths(size), Windows(size, window)
    dataset = _Measured(lengths)
    taken = seconds(lambda: count_lengths(windows, dataset), rounds=1)
    yield Figure("windows, counting lengths once", taken / size * 1e9, "s for a billion pairs")
    sizes = batches_of_windows(count_lengths(windows, dataset), SPEC)
    plan = WindowedPlan(windows, dataset, sizes, SPEC, 1)
    every = len(plan) // len(windows)
    taken = seconds(lambda: [plan[number] for number in range(0, len(plan), every)], rounds=1)
    yield Figure("windows, planning", taken / size * 1e9, "s for a billion pairs")


class _Measured:
    """Lengths in memory (N, 2), as windows ask for them."""

    def __init__(self, lengths: Lengths) -> None:
        self.lengths = lengths

    def measure(self, positions: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Lengths]:
        """Return all of some pairs, with their lengths."""
        return positions, self.lengths[positions]


def train_model(data: Path, directory: Path) -> Path:
    """Train the joint model of 10,000 subwords of the *tiny* work; return its file."""
    SentencePieceTokenizer(SentencePieceConfig(vocab_size=10_000)).train(lines_of(texts(data)), directory, "joined")
    return directory / "joined.model"


def texts(data: Path) -> list[Path]:
    """Return the training files of both languages."""
    return [find_text(data, "train", language) for language in LANGUAGES]


def padding(data: Path, model: Path) -> Iterator[Figure]:
    """Plan the pairs at 4,096 tokens a batch, as is done here and as fairseq does."""
    dictionary = SentencePieceTokenizer(SentencePieceConfig()).load(model.parent, model.stem)
    encoded = [dictionary.encode_lines(list(lines_of([file]))) for file in texts(data)]
    lengths = np.array([[len(ids) + 1 for ids in side] for side in encoded], dtype=np.int32).T
    ours, theirs = plan_batches(lengths, SPEC, epoch=1), fairseq_batches(lengths)
    for name, plan in (("seqtrain", ours), ("fairseq's order", theirs)):
        yield Figure(f"padding, {name}", 100 * padding_share(plan, lengths.__getitem__), "% of positions")
        yield Figure(f"padding, {name}, batches", len(plan), "batches")


def fairseq_batches(lengths: Lengths, max_tokens: int = 4096) -> list[npt.NDArray[np.int64]]:
    """Return batches in fairseq's order: shuffled, sorted by target, then by source; any number in a batch."""
    order = np.random.default_rng(1).permutation(len(lengths))
    for side in (1, 0):
        order = order[np.argsort(lengths[order, side], kind="stable")]
    batches: list[list[int]] = [[]]
    longest = 0
    for number, length in zip(order.tolist(), lengths.max(axis=1)[order].tolist(), strict=True):
        longest = max(longest, length)
        if longest * (len(batches[-1]) + 1) > max_tokens:
            batches.append([])
            longest = length
        batches[-1].append(number)
    return [np.array(batch) for batch in batches]


def encode_all(data: Path, model: Path, tokens: int) -> tuple[int, float, float]:
    """Encode the training text as often as gives so many tokens; return how many, seconds, and peak MB."""
    dictionary = SentencePieceTokenizer(SentencePieceConfig()).load(model.parent, model.stem)
    once = sum(len(ids) + 1 for ids in dictionary.encode_lines(list(lines_of(texts(data)))))
    found, taken = 0, 0.0
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        for file in texts(data):
            copy = _repeated(file, directory, max(1, round(tokens / once)))
            start = time.perf_counter()
            found += len(index([copy], dictionary, directory / "cache").tokens)
            taken += time.perf_counter() - start
    return found, taken, peak_mb()


def _repeated(file: Path, directory: Path, times: int) -> Path:
    """Write the lines of a file so many times."""
    text = "".join(f"{line}\n" for line in lines_of([file]))
    copy = directory / f"text.{file.name.removesuffix('.gz')}"
    with copy.open("w", encoding="utf-8") as out:
        out.writelines(text for _ in range(times))
    return copy


def preparation(data: Path, model: Path, tokens: int) -> Iterator[Figure]:
    """Encode text, SentencePiece included, hash and check it; fairseq-preprocess does 73 k tokens/s of known words."""
    found, taken, peak = in_new_process(encode_all, data, model, tokens)
    yield Figure(f"preparation of {found / 1e6:.0f} M tokens", found / taken, "tokens/s")
    yield Figure(f"preparation of {found / 1e6:.0f} M tokens, whole process", peak, "MB")


def figures(data: Path, tokens: int) -> Iterator[Figure]:
    """Measure all."""
    with tempfile.TemporaryDirectory() as temporary:
        model = train_model(data, Path(temporary))
        yield from padding(data, model)
        yield from preparation(data, model, tokens)
    for measure in (batch_plan, first_batch, collation, random_reads, streaming):
        yield from measure()


def main() -> None:
    """Print each figure as a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory with train.en and train.de, plain or .gz")
    parser.add_argument("--tokens", type=int, default=100_000_000, help="tokens to prepare (default: %(default)s)")
    options = parser.parse_args()
    for figure in figures(options.data, options.tokens):
        print(json.dumps(figure._asdict()), flush=True)


if __name__ == "__main__":
    main()
