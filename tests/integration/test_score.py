"""``score``: given targets, scored as a search would score them."""

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqtrain.config import GenerationConfig
from seqtrain.loading import load

Call = Callable[..., Any]

SOURCES = ["two hundred and twelve", "one", "seventy-seven", "one hundred and ninety-nine"]
TARGETS = ["zweihundertzwölf", "eins", "sieben und siebzig", "x"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "source.en").write_text("".join(f"{line}\n" for line in SOURCES))
    (tmp_path / "target.de").write_text("".join(f"{line}\n" for line in TARGETS))
    return [f"source={tmp_path / 'source.en'}", f"target={tmp_path / 'target.de'}", "device=cpu"]


@pytest.fixture
def score(call: Call, trained: Path) -> Call:
    return lambda *overrides: call("score", f"checkpoint={trained}", *overrides)


def by_hand(trained: Path, source: str, target: str) -> tuple[list[int], torch.Tensor]:
    """Return the ids of a target and their log-probabilities, by one forward pass."""
    model = load(trained)
    dictionary = model.task.info.source_dictionary
    given, wanted = ([*dictionary.encode(text), dictionary.eos] for text in (source, target))
    with torch.no_grad():
        logits = model.model(
            source_tokens=torch.tensor([given]),
            source_lengths=torch.tensor([len(given)]),
            prev_output_tokens=torch.tensor([[dictionary.eos, *wanted[:-1]]]),
        )
    return wanted, logits[0].double().log_softmax(-1)[torch.arange(len(wanted)), torch.tensor(wanted)]


def test_each_line_is_scored_as_one_forward_pass_scores_it(score: Call, files: list[str], trained: Path) -> None:
    result = score(*files, "format=jsonl")
    assert (result.code, result.err) == (0, "")
    found = [json.loads(line) for line in result.out.splitlines()]
    symbol = load(trained).task.info.target_dictionary.symbol
    for number, (line, source, target) in enumerate(zip(found, SOURCES, TARGETS, strict=True)):
        ids, log_probs = by_hand(trained, source, target)
        assert (line["id"], line["source"], line["target"]) == (number, source, target)
        assert line["tokens"] == [symbol(id) for id in ids]
        assert line["positional_scores"] == pytest.approx(log_probs.tolist(), abs=1e-4)
        assert line["score"] == pytest.approx(log_probs.mean().item(), abs=1e-4)
    words = found[2]
    assert words["words"] == ["sieben", "und", "siebzig", "</s>"]
    positions = words["positional_scores"]
    # "sieben", " und", " siebzig" are 6, 4 and 8 characters.
    expected = [sum(positions[:6]), sum(positions[6:10]), sum(positions[10:18]), positions[18]]
    assert words["word_scores"] == pytest.approx(expected, abs=1e-4)


def test_text_is_a_score_and_the_line(score: Call, files: list[str]) -> None:
    scores = [json.loads(line)["score"] for line in score(*files, "format=jsonl").out.splitlines()]
    assert score(*files).out == "".join(f"{s:.6f}\t{t}\n" for s, t in zip(scores, TARGETS, strict=True))


def test_lines_as_fairseq_writes_them(score: Call, files: list[str], trained: Path) -> None:
    ids, log_probs = by_hand(trained, SOURCES[1], TARGETS[1])
    lines = [line for line in score(*files, "format=fairseq").out.splitlines() if line[2:].startswith("1\t")]
    assert lines[0] == "S-1\tone"
    (_, bits, tokens), (_, again, text), (_, positions) = (line.split("\t") for line in lines[1:])
    assert (tokens, text, again) == ("e i n s", "eins", bits)
    assert float(bits) == pytest.approx(log_probs.mean().item() / math.log(2), abs=1e-4)
    expected = [value / math.log(2) for value in log_probs.tolist()]
    assert [float(value) for value in positions.split()] == pytest.approx(expected, abs=2e-4)
    assert len(ids) == 5


def test_what_generate_finds_scores_what_it_says(score: Call, trained: Path, tmp_path: Path) -> None:
    model, cfg = load(trained), GenerationConfig(beam=3, nbest=3, max_len_b=20, lenpen=0.8)
    found = list(model.hypotheses(SOURCES, cfg))
    decode = model.task.info.target_dictionary.decode
    texts = [decode(h.tokens.tolist()) for best in found for h in best]
    (tmp_path / "in").write_text("".join(f"{source}\n" * 3 for source in SOURCES))
    (tmp_path / "out").write_text("".join(f"{text}\n" for text in texts))
    result = score(f"source={tmp_path / 'in'}", f"target={tmp_path / 'out'}", "lenpen=0.8", "max_sentences=5")
    scores = [float(line.split("\t")[0]) for line in result.out.splitlines()]
    assert scores == pytest.approx([h.score for best in found for h in best], abs=1e-4)


def test_batches_ensembles_and_files_make_no_difference(
    score: Call, call: Call, files: list[str], trained: Path
) -> None:
    def scores(result: Any) -> list[float]:
        assert result.code == 0, result.err
        return [float(line.split("\t")[0]) for line in result.out.splitlines()]

    expected = scores(score(*files))
    assert scores(score(*files, "max_sentences=1")) == pytest.approx(expected, abs=1e-5)
    twice = call("score", f"checkpoint=[{trained},{trained}]", *files)
    assert scores(twice) == pytest.approx(expected, abs=1e-5)
    packed = Path(files[1].removeprefix("target=")).with_suffix(".gz")
    packed.write_bytes(gzip.compress("\n".join(TARGETS).encode()))
    output = packed.with_name("scores")
    assert score(files[0], f"target={packed}", f"output={output}").out == ""
    assert [float(line.split("\t")[0]) for line in output.read_text().splitlines()] == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("target.de", "eins\n", "source.en has 4 lines and {0}/target.de has 1"),
        ("target.de", "a\nb\n \nd\n", "{0}/target.de:3 is empty and has no score"),
        ("source.en", "a\n\nc\nd\n", "{0}/source.en:2 is empty and has no score"),
        ("target.de", "a\nb\nc\n" + "d" * 40 + "\n", "line 4: the target has 41 tokens for the model's limit of 40"),
        ("source.en", "a\nb\n" + "c" * 40 + "\nd\n", "line 3: its tokens are too many for the model's limit of 40"),
        ("target.de", "", "target={0}/target.de is empty: there is nothing to score"),
        ("target.de", None, "target={0}/target.de: there is no such file"),
        ("source.en", None, "source={0}/source.en: there is no such file"),
    ],
)
def test_refused(score: Call, files: list[str], tmp_path: Path, name: str, text: str | None, message: str) -> None:
    (tmp_path / name).unlink()
    if text is not None:
        (tmp_path / name).write_text(text)
    said = score(*files, f"output={tmp_path / 'scores'}").refused()
    assert message.format(tmp_path) in said
    assert not (tmp_path / "scores").exists()


@pytest.mark.parametrize("key", [0, 1])
def test_output_that_would_replace_what_is_read(score: Call, files: list[str], key: int) -> None:
    name = files[key].partition("=")[2]
    assert score(*files, f"output={name}").refused() == f"output={name} would replace {files[key]}: name another file"
    assert len(Path(name).read_text().splitlines()) == len(SOURCES)


def test_input_that_is_no_utf8(score: Call, files: list[str], tmp_path: Path) -> None:
    (tmp_path / "target.de").write_bytes("eins\nzwei\ndrei\nfünf\n".encode("latin-1"))
    assert score(*files).refused().startswith(f"{tmp_path / 'target.de'}:4: not UTF-8")


def test_a_translation_needs_its_source(score: Call, files: list[str]) -> None:
    assert score(files[1]).refused() == "this model translates: give the sources too"
    assert "target" in score(files[0]).refused()
    assert "has no languages to choose from" in score(*files, "source_lang=en").refused()
