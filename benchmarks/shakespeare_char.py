"""Tokens per second of the experiment ``shakespeare_char_cpu``, beside a plain PyTorch loop of the same sizes.

    make bench-shakespeare ARGS='--data DIR --rounds 3 --updates 200 --threads 1 --json FILE'

Both train in this process, in turns (A B A B ...), so that what else the machine does meets both. A round's speed is
that of its updates behind a warm-up, validation and saving left out. The plain loop is what nanoGPT does at this size:
random windows, AdamW fused, gradients clipped, no logging; the model is written here.
"""

import argparse
import io
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn
from torch.nn import functional as F

import seqtrain
from seqtrain.training.state import UpdateResult
from seqtrain.training.trainer import Hook, Trainer

BLOCK, BATCH, DIM, HEADS, LAYERS = 64, 12, 128, 4, 4
PEAK, LOW, WARMUP_UPDATES, DECAY_UPDATES = 1e-3, 1e-4, 100, 2000
TOKENS = BLOCK * BATCH


class Block(nn.Module):
    """Self attention and a feed-forward network, each behind a norm, without biases."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(DIM, bias=False) for _ in range(2))
        self.qkv, self.out = nn.Linear(DIM, 3 * DIM, bias=False), nn.Linear(DIM, DIM, bias=False)
        self.up, self.down = nn.Linear(DIM, 4 * DIM, bias=False), nn.Linear(4 * DIM, DIM, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Transform x (B, T, D)."""
        heads = self.qkv(self.norms[0](x)).view(*x.shape[:2], 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*heads.unbind(0), is_causal=True)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norms[1](x))))


class PlainModel(nn.Module):
    """A decoder with learned positions, its embeddings tied to its output."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocab_size, DIM), nn.Embedding(BLOCK, DIM)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(DIM, bias=False)
        for name, parameter in self.named_parameters():
            if parameter.ndim == 2:
                residual = name.endswith(("out.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * LAYERS) if residual else 0.02)

    def forward(self, tokens: Tensor, target: Tensor) -> Tensor:
        """Return the mean loss of tokens (B, T)."""
        x = self.norm(self.blocks(self.tokens(tokens) + self.positions.weight[: tokens.size(1)]))
        return F.cross_entropy(F.linear(x, self.tokens.weight).flatten(0, 1), target.flatten())


def rate(update: int) -> float:
    """Return the learning rate: a linear warm-up, then a cosine."""
    if update < WARMUP_UPDATES:
        return PEAK * (update + 1) / (WARMUP_UPDATES + 1)
    progress = (update - WARMUP_UPDATES) / (DECAY_UPDATES - WARMUP_UPDATES)
    return LOW + (PEAK - LOW) * (1 + math.cos(math.pi * progress)) / 2


def plain(data: Path, warmup: int, updates: int) -> float:
    """Train with the plain loop and return tokens per second."""
    text = data.joinpath("input.txt").read_text(encoding="utf-8")
    ids = {character: id for id, character in enumerate(sorted(set(text)))}
    tokens = torch.tensor([ids[character] for character in text[: int(0.9 * len(text))]])
    torch.manual_seed(1)
    model = PlainModel(len(ids))
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    rest = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=PEAK, betas=(0.9, 0.99), fused=True)
    start = 0.0
    for update in range(warmup + updates):
        start = time.perf_counter() if update == warmup else start
        for group in optimizer.param_groups:
            group["lr"] = rate(update)
        windows = torch.randint(len(tokens) - BLOCK, (BATCH, 1)) + torch.arange(BLOCK + 1)
        batch = tokens[windows]
        model(batch[:, :-1], batch[:, 1:]).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return updates * TOKENS / (time.perf_counter() - start)


class Stopwatch(Hook):
    """Notes when updates were done, and how many tokens they had."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.tokens: list[int] = []

    def on_update(self, trainer: Trainer, result: UpdateResult | None) -> None:
        """Note an update."""
        self.times.append(time.perf_counter())
        self.tokens.append(result.ntokens if result else 0)


def with_seqtrain(data: Path, warmup: int, updates: int) -> float:
    """Train with seqtrain and return tokens per second."""
    stopwatch = Stopwatch()
    with tempfile.TemporaryDirectory() as directory:
        config = seqtrain.compose(
            [
                "+experiment=shakespeare_char_cpu",
                f"task.data={data}",
                f"training.max_update={warmup + updates}",
                f"lr_scheduler.total_num_update={DECAY_UPDATES}",
                "validation.interval_updates=0",
                "training.device=cpu",
                f"training.num_threads={torch.get_num_threads()}",
            ]
        )
        console = Console(file=io.StringIO())
        seqtrain.train(config, Path(directory) / "run", console=console, hooks=[stopwatch])
    seconds = stopwatch.times[-1] - stopwatch.times[warmup - 1]
    return sum(stopwatch.tokens[warmup:]) / seconds


def measure(
    trainers: dict[str, Callable[[Path, int, int], float]], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Return the speeds of each round, the trainers in turns."""
    speeds: dict[str, list[float]] = {name: [] for name in trainers}
    for _ in range(options.rounds):
        for name, train in trainers.items():
            speeds[name].append(train(options.data, options.warmup, options.updates))
            print(f"{name}: {speeds[name][-1]:,.0f} tokens/s", flush=True)
    return speeds


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print medians with the least and the most, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory of input.txt")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=300, help="updates of a round that are timed")
    parser.add_argument("--warmup", type=int, default=20, help="updates before them")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="file to write")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    speeds = measure({"plain": plain, "seqtrain": with_seqtrain}, options)
    for name, found in speeds.items():
        print(f"{name}: median {statistics.median(found):,.0f} tokens/s ({min(found):,.0f} to {max(found):,.0f})")
    ratio = statistics.median(speeds["seqtrain"]) / statistics.median(speeds["plain"])
    print(f"seqtrain / plain: {ratio:.3f}")
    if options.json:
        about = {"torch": torch.__version__, "threads": options.threads, "updates": options.updates, "ratio": ratio}
        options.json.write_text(json.dumps({**about, "tokens_per_second": speeds}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
