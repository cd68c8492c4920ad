"""Sentences per second of beam search, beside Hugging Face transformers and CTranslate2 with the same weights.

    make bench-decoding ARGS='--checkpoint RUN --data DIR --rounds 5 --threads 2 --json FILE'

RUN is a trained model of the kind ``transformer_multi30k_tiny``: post-norm, with one table of embeddings; DIR has the
text of its test set. seqtrain encodes the text once, and all get the same ids. Each tool runs in a process and an
environment of its own, answers in turns (A B C A B C ...), so that what else the machine does meets all of them, and
batches sentences by length as it does best. Nothing is timed unless greedy outputs and their logits agree.

Beam, length penalty 1 and the limit of length are the same for all. What is not: seqtrain and CTranslate2 take
sentences that are done out of a batch, Hugging Face goes on with all until the last one is done. Hugging Face and
seqtrain never choose the symbol of padding; CTranslate2 could. With several threads seqtrain is measured twice: one
process with all of them, and ``num_processes`` with one each.
Some sentences are decoded one at a time as well. Whole processes are timed too: start, loading the converted model,
decoding all, end. Without ``--hf-python`` and ``--ct2-python`` seqtrain is measured by itself.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sacrebleu

import seqtrain
from benchmarks._decoding_table import table
from benchmarks._machine import about
from benchmarks._rounds import Figures, Result, write_results
from benchmarks._seqtrain import export
from benchmarks._worker import Sentences, Settings, Tool, Worker
from seqtrain.composition import quote
from seqtrain.trained import TrainedModel

OURS = "seqtrain"
LOGITS_TOLERANCE = 1e-4
CHECKED = 16
"""Sentences whose greedy outputs and logits are compared."""
WARMING = 256
"""Sentences that are decoded before anything is timed: a batch for each process and more."""
SINGLE = 50
"""Sentences that are decoded one at a time."""


@dataclass(frozen=True)
class Work:
    """What is decoded, and what it should be."""

    trained: TrainedModel
    sources: Sentences
    references: list[str]

    def bleu(self, outputs: Sentences) -> float:
        """Return the BLEU of outputs, cased, with sacreBLEU's 13a."""
        dictionary = self.trained.task.info.target_dictionary
        return float(sacrebleu.corpus_bleu(list(map(dictionary.decode, outputs)), [self.references]).score)


def work(options: argparse.Namespace) -> Work:
    """Load the model and encode the sentences."""
    overrides = [f"task.data={quote(str(options.data.resolve()))}"] if options.data else []
    trained = seqtrain.load(options.checkpoint, device="cpu", overrides=overrides)
    lines, references = (side[: options.sentences] for side in trained.task.text(options.split))
    dictionary = trained.task.info.source_dictionary
    return Work(trained, [[*ids, dictionary.eos] for ids in dictionary.encode_lines(lines)], references)


def tools(options: argparse.Namespace, trained: TrainedModel, directory: Path) -> dict[str, Tool]:
    """Return seqtrain and the tools that there is a Python for, each with its model, which is converted if need be."""
    found = {OURS: Tool(Path(sys.executable), "_seqtrain", options.checkpoint.resolve())}
    if options.threads > 1:
        found[f"{OURS}, {options.threads} processes"] = replace(found[OURS], module="_seqtrain_processes")
    for name, python, module, parallel in (
        ("Hugging Face", options.hf_python, "_marian", 1),
        ("CTranslate2", options.ct2_python, "_ctranslate2", options.ct2_parallel),
    ):
        if python:  # a link is not followed
            found[name] = Tool(Path(os.path.abspath(python)), module, directory / module, parallel)
    peers = [tool for tool in found.values() if tool.model != found[OURS].model]
    if peers:
        export(trained, directory / "exported")
    for tool in peers:
        tool.convert(directory / "exported")
    return found


def check(workers: Mapping[str, Worker], sources: Sentences, directory: Path) -> dict[str, float]:
    """Return by how much the logits of each tool differ from seqtrain's; end the program where that is too much."""
    few = [sources[number] for number in range(0, len(sources), max(1, len(sources) // CHECKED))][:CHECKED]
    outputs, logits = {}, {}
    for name, worker in workers.items():
        file = directory / f"{worker.name}.npy"
        outputs[name] = worker.decode(few, logits=file)["outputs"]
        logits[name] = np.load(file)
        if outputs[name] != outputs[OURS]:
            raise SystemExit(f"greedy outputs of {name} are not those of {OURS}: these are not the same models")
    gaps = {name: float(np.abs(logits[name] - logits[OURS]).max()) for name in workers}
    for name, gap in gaps.items():
        if not gap <= LOGITS_TOLERANCE:
            raise SystemExit(
                f"logits of {name} differ by {gap:.2g} from those of {OURS}: these are not the same models"
            )
    return gaps


def decode(workers: Mapping[str, Worker], sources: Sentences, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return the answers of each round, the tools in turns; ``single`` has the seconds of sentences by themselves."""
    few = sources[:: max(1, len(sources) // SINGLE)][:SINGLE]
    for worker in workers.values():
        worker.decode(sources[:WARMING])
        worker.decode_singly(few[:1])
    answers: dict[str, list[dict[str, Any]]] = {name: [] for name in workers}
    for _ in range(rounds):
        for name, worker in workers.items():
            answers[name].append(worker.decode(sources) | {"single": worker.decode_singly(few)})
            print(f"{name}: {len(sources) / answers[name][-1]['seconds']:.1f} sentences/s", flush=True)
    return answers


def run_processes(
    tools: Mapping[str, Tool], settings: Settings, sources: Sentences, rounds: int
) -> dict[str, list[tuple[float, int]]]:
    """Return the seconds and megabytes of each round's whole processes, the tools in turns."""
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in tools}
    for _ in range(rounds):
        for name, tool in tools.items():
            start = time.perf_counter()
            worker = tool.start(settings)
            peak = worker.decode(sources)["peak_mb"]
            worker.close()
            found[name].append((time.perf_counter() - start, peak))
            print(f"{name}: {found[name][-1][0]:.1f} s as a process", flush=True)
    return found


def figures(answer: dict[str, Any], ours: dict[str, Any]) -> Figures:
    """Return what is told of a round: a tool's answer, and seqtrain's."""
    outputs, seconds = answer["outputs"], answer["seconds"]
    return {
        "sentences_per_second": len(outputs) / seconds,
        "tokens_per_second": sum(len(output) + 1 for output in outputs) / seconds,  # with ends
        "relative_speed": ours["seconds"] / seconds,
        "p50_ms": 1000 * float(np.percentile(answer["single"], 50)),
        "p95_ms": 1000 * float(np.percentile(answer["single"], 95)),
        "identical_outputs": sum(mine == its for mine, its in zip(ours["outputs"], outputs, strict=True)),
        "longest_output": max(map(len, outputs)),
    }


def summarized(
    name: str,
    given: Work,
    answers: Mapping[str, Sequence[dict[str, Any]]],
    processes: Sequence[tuple[float, int]],
) -> Result:
    """Return what is told of a tool: of each round, then of each whole process."""
    rounds = [figures(answer, ours) for answer, ours in zip(answers[name], answers[OURS], strict=True)]
    rounds[0]["bleu"] = given.bleu(answers[name][0]["outputs"])
    whole = [{"process_seconds": seconds, "peak_mb": peak} for seconds, peak in processes]
    return Result({"tool": name}, [*rounds, *whole])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="run or checkpoint of seqtrain")
    parser.add_argument("--data", type=Path, help="directory of the test set's text, if not where it was in training")
    parser.add_argument("--split", default="test", help="what to decode")
    parser.add_argument("--sentences", type=int, help="how many, from the first; all if not given")
    parser.add_argument("--hf-python", type=Path, help="Python with torch and transformers")
    parser.add_argument("--ct2-python", type=Path, help="Python with ctranslate2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--process-rounds", type=int, default=3, help="rounds of whole processes")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--beam", type=int, default=5)
    parser.add_argument("--max-length", type=int, default=200, help="most tokens of an output")
    parser.add_argument("--hf-batch", type=int, default=16, help="sentences of a batch of Hugging Face's")
    parser.add_argument("--ct2-parallel", type=int, default=1, help="batches at a time of CTranslate2, of the threads")
    parser.add_argument("--json", type=Path, help="file to write")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Check, measure, print a table, and write JSON if asked to."""
    options, load = parse(arguments), os.getloadavg()[0]
    settings = Settings(options.threads, options.beam, options.max_length, options.hf_batch, options.ct2_parallel)
    given = work(options)
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        converted = tools(options, given.trained, directory)
        with ExitStack() as stack:
            workers = {name: stack.enter_context(closing(tool.start(settings))) for name, tool in converted.items()}
            gaps = check(workers, given.sources, directory)
            answers = decode(workers, given.sources, options.rounds)
        processes = run_processes(converted, settings, given.sources, options.process_rounds)
    results = [summarized(name, given, answers, processes[name]) for name in answers]
    print(table(results))
    if options.json:
        versions = {name: worker.versions for name, worker in workers.items()}
        told_of_work = {"load": load, "sentences": len(given.sources), "logits_gap": gaps}
        described = {**about(options.threads), "tools": versions, **asdict(settings), **told_of_work}
        write_results(options.json, described, results)


if __name__ == "__main__":
    main()
