"""``generate``'s formats, and splits that it decodes and scores."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sacrebleu

from seqtrain.config import GenerationConfig
from seqtrain.data.number_names import english, german
from seqtrain.trained import TrainedModel, load

Call = Callable[..., Any]

LINES = ["two hundred and twelve", "", "one", "ninety-nine"]
CFG = GenerationConfig(beam=2, nbest=2, max_len_b=20)
SOURCES, REFERENCES = ([name(number) for number in range(280, 301)] for name in (english, german))
"""The test set."""


@pytest.fixture
def model(trained: Path) -> TrainedModel:
    return load(trained, device="cpu")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.en"
    file.write_text("".join(f"{line}\n" for line in LINES))
    return file


def fairseq_lines(model: TrainedModel, sources: list[str], references: list[str] | None) -> list[str]:
    """Return what fairseq would print: an independent wording of its format."""
    dictionary, expected = model.task.info.target_dictionary, []
    for number, (text, found) in enumerate(zip(sources, model.hypotheses(sources, CFG), strict=True)):
        expected += [f"S-{number}\t{text}", *([f"T-{number}\t{references[number]}"] if references else [])]
        for hypothesis in found:
            tokens, score = hypothesis.tokens.tolist(), hypothesis.score / math.log(2)
            bits = [f"{x / math.log(2):.4f}" for x in hypothesis.positional_scores.tolist()]
            expected.append(f"H-{number}\t{score}\t{' '.join(dictionary.symbol(id) for id in tokens[:-1])}")
            expected += [f"D-{number}\t{score}\t{dictionary.decode(tokens)}", f"P-{number}\t{' '.join(bits)}"]
        if not found:
            expected += [f"H-{number}\t0.0\t", f"D-{number}\t0.0\t", f"P-{number}\t"] * CFG.nbest
    return expected


def scores_said(err: str) -> list[str]:
    """Return what is said after what was read, and after what was translated."""
    read, translated, *scores = err.splitlines()
    assert read == "test: 21 sentence pairs, 564 + 522 tokens"
    assert translated.startswith("Translated 21 sentences (")
    return scores


def test_fairseq_lines_of_a_file(generate: Call, model: TrainedModel, source: Path) -> None:
    result = generate(f"input={source}", "format=fairseq", "generation.nbest=2")
    assert result.out.splitlines() == fairseq_lines(model, LINES, None)


def test_json_lines_of_a_file(generate: Call, model: TrainedModel, source: Path) -> None:
    result = generate(f"input={source}", "format=jsonl", "generation.nbest=2")
    objects = [json.loads(line, parse_constant=pytest.fail) for line in result.out.splitlines()]
    assert [(x["id"], x["source"], len(x["hypotheses"])) for x in objects] == [
        (number, line, 2 if line else 0) for number, line in enumerate(LINES)
    ]
    dictionary = model.task.info.target_dictionary
    (first, *_), *_ = model.hypotheses(LINES, CFG)
    assert objects[0]["hypotheses"][0] == {
        "text": dictionary.decode(first.tokens.tolist()),
        "tokens": [dictionary.symbol(id) for id in first.tokens.tolist()],
        "score": first.score,
        "positional_scores": first.positional_scores.tolist(),
    }
    assert objects[0]["hypotheses"][0]["tokens"][-1] == "</s>"


def test_a_split_as_text_ends_with_its_scores(generate: Call, model: TrainedModel, tmp_path: Path) -> None:
    result = generate("split=test", f"output={tmp_path / 'out'}")
    assert result.code == 0, result.err
    lines = (tmp_path / "out").read_text().splitlines()
    assert lines == model.translate(SOURCES, CFG)
    metrics = {"BLEU": sacrebleu.BLEU(), "chrF2": sacrebleu.CHRF(), "TER": sacrebleu.TER()}
    scores = {name: metric.corpus_score(lines, [REFERENCES]).score for name, metric in metrics.items()}
    assert scores_said(result.err) == [
        f"Generate test with beam=2: {name} = {scores[name]:.2f} ({metric.get_signature()})"
        for name, metric in metrics.items()
    ]


def test_a_split_in_fairseqs_format(generate: Call, model: TrainedModel) -> None:
    result = generate("split=test", "format=fairseq", "generation.nbest=2")
    lines = [line for line in result.out.splitlines() if not line.startswith("Generate test with beam=2: ")]
    assert lines == fairseq_lines(model, SOURCES, REFERENCES)
    last = result.out.splitlines()[len(lines) :]
    assert len(last) == 3 and last == scores_said(result.err)


def test_other_scores(generate: Call) -> None:
    result = generate("split=test", "scorer=[exact_match]")
    assert scores_said(result.err) == ["Generate test with beam=2: exact match = 0.0 % (nrefs:1|case:mixed|strip:yes)"]


@pytest.mark.parametrize("limits", [("1", "4096"), ("0", "30"), ("8", "4096")])
def test_the_batch_plan_does_not_show(generate: Call, limits: tuple[str, str]) -> None:
    sentences, tokens = limits
    plan = [f"generation.max_sentences={sentences}", f"generation.max_tokens={tokens}"]
    assert generate("split=test", *plan).out == generate("split=test").out


def test_a_split_of_data_that_has_moved(generate: Call, data: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere, =1"
    moved.mkdir()
    for language in ("en", "de"):
        (moved / f"test.{language}").write_text("one\n" if language == "en" else "eins\n")
    result = generate("split=test", f"data={moved}", "format=fairseq")
    assert result.out.startswith("S-0\tone\nT-0\teins\n")
    assert sum(line.startswith("S-") for line in result.out.splitlines()) == 1


def test_a_split_that_is_not_there(generate: Call, tmp_path: Path) -> None:
    message = generate("split=tset", f"output={tmp_path / 'out'}").refused()
    assert message == "there is no split 'tset'; there are: train, valid, test"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["split=test", "input=FILE"], "input=FILE decodes a file and split=test a set of the task"),
        (["split=test", "source_lang=en"], "split=test has its own languages"),
        (["data=DIR"], "data=DIR says where the sets of the task are: name one, such as split=test"),
    ],
)
def test_what_is_decoded_is_one_thing(generate: Call, words: list[str], message: str) -> None:
    assert message in generate(*words).refused()


def test_alignments_and_what_stands_for_unknown_words(
    call: Call, train: Call, tmp_path: Path, words: list[str]
) -> None:
    assert train(*words).code == 0
    write(tmp_path / "input", ["one hundred Xyz", "", "two"])
    options = [f"checkpoint={tmp_path / 'run'}", f"input={tmp_path / 'input'}", "generation.max_len_b=4", "device=cpu"]
    found = json_of(call("generate", *options, "format=jsonl", "print_alignment=hard", "generation.unkpen=-100"))
    (best, *_), nothing, _ = (each["hypotheses"] for each in found)
    assert best["tokens"] == ["<unk>"] * 4 + ["</s>"] and nothing == []
    assert [target for _, target in best["alignment"]] == [0, 1, 2, 3]
    sources = [["one", "hundred", "Xyz"][source] for source, _ in best["alignment"]]

    def texts(*more: str) -> list[str]:
        out: str = call("generate", *options, "generation.unkpen=-100", *more).out
        return out.splitlines()

    assert texts()[0] == " ".join(["<unk>"] * 4)
    assert texts("replace_unk=''")[0] == " ".join(sources)
    write(tmp_path / "dictionary", [f"{word} {word.upper()}!" for word in ("one", "hundred", "Xyz")])
    assert texts(f"replace_unk={tmp_path / 'dictionary'}")[0] == " ".join(f"{word.upper()}!" for word in sources)

    lines = call("generate", *options, "format=fairseq", "print_alignment=soft").out.splitlines()
    first = next(line.removeprefix("A-0\t") for line in lines if line.startswith("A-0"))
    rows = [[float(share) for share in row.split(",")] for row in first.split(" ")]
    tokens = next(line for line in lines if line.startswith("P-0")).split("\t")[1].split(" ")
    assert len(rows) == len(tokens)
    assert all(len(row) == 4 and sum(row) == pytest.approx(1, abs=1e-5) for row in rows)


@pytest.fixture
def words() -> list[str]:
    """Overrides for words as tokens, of which those that come once are unknown."""
    return ["tokenizer=whitespace", "tokenizer.threshold=2", "training.max_update=2"]


def write(file: Path, lines: list[str]) -> None:
    file.write_text("".join(f"{line}\n" for line in lines))


def json_of(result: Any) -> list[dict[str, Any]]:
    assert result.code == 0, result.err
    return [json.loads(line) for line in result.out.splitlines()]


def test_alignments_need_a_place(generate: Call, source: Path) -> None:
    message = generate(f"input={source}", "print_alignment=hard").refused()
    assert message.startswith("print_alignment=hard: lines of text have no alignments; set format=jsonl")


def test_replacements_that_are_not_there(generate: Call, source: Path, tmp_path: Path) -> None:
    message = generate(f"input={source}", f"replace_unk={tmp_path / 'nowhere'}").refused()
    assert str(tmp_path / "nowhere") in message


def test_the_hypothesis_most_like_the_others(generate: Call, model: TrainedModel, source: Path) -> None:
    options = [f"input={source}", "generation.beam=6"]
    (six, *_) = json_of(generate(*options, "generation.nbest=6", "format=jsonl"))
    texts = [each["text"] for each in six["hypotheses"]]
    chrf = sacrebleu.CHRF()
    means = [
        sum(chrf.sentence_score(text, [other]).score for j, other in enumerate(texts) if j != i) / 5
        for i, text in enumerate(texts)
    ]
    ranked = sorted(range(6), key=lambda number: -means[number])
    chosen = generate(*options, "generation.mbr=chrf", "generation.nbest=2").out.splitlines()
    assert chosen[:2] == [texts[number] for number in ranked[:2]]
    sampled = [*options, "generation.sampling=true", "generation.mbr=bleu"]
    assert generate(*sampled).out == generate(*sampled, "buffer_size=1").out
