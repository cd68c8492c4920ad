"""How many products of matrices a second the processor can do just now, in GFLOP/s; argument: threads."""

import statistics
import sys
import time

import torch

SIZE, SECONDS = 1024, 1.0

if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    a, b = torch.rand(2, SIZE, SIZE)
    out = a @ b
    taken: list[float] = []
    end = time.perf_counter() + SECONDS
    while (start := time.perf_counter()) < end:
        torch.mm(a, b, out=out)
        taken.append(time.perf_counter() - start)
    print(2e-9 * SIZE**3 / statistics.median(taken))
