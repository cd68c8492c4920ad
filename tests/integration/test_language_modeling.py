"""A language model from raw text: trained, resumed, evaluated, and prompts continued."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seqtrain import cli
from seqtrain.commands._word_scores import scored_lines
from seqtrain.config import GenerationConfig
from seqtrain.data.number_names import english
from seqtrain.errors import ConfigError
from seqtrain.loading import load
from seqtrain.trained import TrainedModel

Call = Callable[..., Any]

TINY = [
    "task=language_modeling",
    "tokenizer=char",
    "model=transformer_lm",
    "model.decoder_layers=2",
    "model.decoder_embed_dim=16",
    "model.decoder_ffn_embed_dim=16",
    "model.decoder_attention_heads=2",
    "task.tokens_per_sample=24",
    "task.shift_blocks=true",
    "criterion=cross_entropy",
    "lr_scheduler=fixed",
    "optimizer.lr=3e-3",
    "training.max_update=24",
    "training.device=cpu",
    "dataset.max_tokens=200",
    "validation.final_split=test",
    "saving.interval_updates=8",
    "saving.keep_last=0",
]
LINES = {
    "train": [english(number) if number % 5 else "" for number in range(1, 300, 3)],
    "valid": [english(number) if number % 7 else "" for number in range(300, 360, 3)],
    "test": ["forty-two", "", "sixty  one"],
}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("texts")
    for name, lines in LINES.items():
        (directory / f"{name}.txt").write_text("".join(f"{line}\n" for line in lines))
    return directory


@pytest.fixture(scope="module")
def model(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a tiny language model."""
    run_directory = tmp_path_factory.mktemp("lm") / "run"
    cli.main([*TINY, f"task.data={texts}", f"hydra.run.dir={run_directory}"])
    return run_directory


def nll(model: TrainedModel, lines: list[str], block: int, context: int = 0) -> list[float]:
    """Return -log p of each token of a text, by a forward pass for each block."""
    dictionary = model.task.info.source_dictionary
    text = [id for line in lines for id in [*dictionary.encode(line), dictionary.eos]]
    found = []
    for start in range(0, len(text), block - context):
        first, end = max(0, start - context), min(start + block - context, len(text))
        given = torch.tensor([[text[first - 1] if first else dictionary.eos, *text[first : end - 1]]])
        with torch.no_grad():
            logits = model.model(source_tokens=given, source_lengths=torch.tensor([given.size(1)]))
        log_probs = logits[0].double().log_softmax(-1)[torch.arange(end - first), torch.tensor(text[first:end])]
        found += (-log_probs[start - first :]).tolist()
    return found


def evaluate(call: Call, model: Path, *overrides: object) -> dict[str, Any]:
    result = call("evaluate", f"checkpoint={model}", "device=cpu", *overrides)
    assert result.code == 0, result.err
    parsed: dict[str, Any] = json.loads(result.out)
    return parsed


def test_training_says_loss_perplexity_and_bits(call: Call, texts: Path, tmp_path: Path) -> None:
    result = call(*TINY, f"task.data={texts}", f"hydra.run.dir={tmp_path / 'run'}")
    assert result.code == 0, result.err
    last = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()][-1]
    assert last["valid/ppl"] == pytest.approx(math.exp(last["valid/nll_loss"]))
    assert last["valid/bits_per_character"] == pytest.approx(last["valid/nll_loss"] / math.log(2))
    assert "test/bits_per_word " in result.out
    assert [line for line in result.out.splitlines() if line.startswith("test/ppl ")]
    _, told = result.out.split("continue prompts: python -m seqtrain ")
    command = told.splitlines()[0].replace("=FILE output=FILE", f"={texts / 'test.txt'}")
    decoded = call(*command.split(), "generation.beam=1", "generation.max_len_b=20")
    assert decoded.code == 0 and decoded.out.startswith("forty-two"), decoded.err


def test_a_run_that_was_resumed_ends_with_the_same_bytes(call: Call, texts: Path, model: Path, tmp_path: Path) -> None:
    options = [*TINY, f"task.data={texts}", f"hydra.run.dir={tmp_path / 'run'}"]
    assert call(*options, "training.max_update=10").code == 0
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=24")
    assert resumed.code == 0, resumed.err
    name = "checkpoints/update-00000024/model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (model / name).read_bytes()
    assert load_file(model / name)


@pytest.mark.parametrize("rates", ["epoch2lr={1:1e-3,2:1e-4}", "update2lr={0:1e-3,2:1e-4}"])
def test_rates_by_hand_are_read_back_from_a_checkpoint(call: Call, texts: Path, tmp_path: Path, rates: str) -> None:
    options = [*TINY, "lr_scheduler=manual", f"lr_scheduler.{rates}", "training.max_update=2", f"task.data={texts}"]
    assert call(*options, f"hydra.run.dir={tmp_path / 'run'}").code == 0
    resumed = call(f"resume={tmp_path / 'run'}", "training.max_update=4")
    assert resumed.code == 0, resumed.err
    assert evaluate(call, tmp_path / "run")["tokens"] == 22


def test_evaluation(call: Call, model: Path) -> None:
    scores = evaluate(call, model)
    assert list(scores) == [
        "checkpoint", "split", "tokens", "characters", "bytes", "words", "loss", "nll_loss", "ppl",
        "bits_per_character", "bits_per_byte", "bits_per_word",
    ]  # fmt: skip
    assert [scores[name] for name in ("tokens", "characters", "bytes", "words")] == [22, 22, 22, 3]
    losses = nll(load(model), LINES["test"], block=24)
    assert scores["nll_loss"] == pytest.approx(sum(losses) / 22, rel=1e-5)
    assert scores["bits_per_word"] == pytest.approx(sum(losses) / math.log(2) / 3, rel=1e-5)


@pytest.mark.parametrize("window", [0, 5, 23])
def test_a_sliding_context(call: Call, model: Path, window: int) -> None:
    scores = evaluate(call, model, "split=valid", f"context_window={window}", "dataset.max_tokens=100")
    losses = nll(load(model), LINES["valid"], block=24, context=window)
    assert scores["tokens"] == len(losses)
    assert scores["nll_loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)


def test_log_probabilities_of_tokens_and_words(call: Call, model: Path, tmp_path: Path) -> None:
    probs, stats = tmp_path / "probs", tmp_path / "stats"
    evaluate(call, model, f"output_word_probs={probs}", f"output_word_stats={stats}", "context_window=3")
    lines = [json.loads(line) for line in probs.read_text().splitlines()]
    assert [line["words"] for line in lines] == [["forty-two", "</s>"], ["</s>"], ["sixty", "one", "</s>"]]
    assert lines[0]["tokens"] == [*"forty-two", "</s>"]
    expected = [-loss for loss in nll(load(model), LINES["test"], block=24, context=3)]
    found = [log_prob for line in lines for log_prob in line["token_log_probs"]]
    assert found == pytest.approx(expected, abs=1e-5)
    assert lines[0]["word_log_probs"] == pytest.approx([sum(expected[:9]), expected[9]], abs=1e-4)
    ends = [line["word_log_probs"][-1] for line in lines]
    words = {line["word"]: line for line in map(json.loads, stats.read_text().splitlines())}
    assert list(words) == ["</s>", "forty-two", "one", "sixty"]
    assert words["</s>"] == {"word": "</s>", "count": 3, "mean_log_prob": pytest.approx(sum(ends) / 3, abs=1e-5)}


def test_lines_are_scored_each_by_itself(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("sixty  one\nforty-two\n")
    words = [f"checkpoint={model}", f"target={tmp_path / 'lines'}", "device=cpu"]
    result = call("score", *words, "format=jsonl")
    assert result.code == 0, result.err
    for line, text in zip(map(json.loads, result.out.splitlines()), ["sixty  one", "forty-two"], strict=True):
        assert "source" not in line and line["target"] == text
        expected = [-loss for loss in nll(load(model), [text], block=24)]
        assert line["positional_scores"] == pytest.approx(expected, abs=1e-5)
        assert line["score"] == pytest.approx(sum(expected) / len(expected), abs=1e-5)
    said = call("score", *words, f"source={tmp_path / 'lines'}").refused()
    assert said == "this is a language model: leave out the sources"
    (tmp_path / "lines").write_text("one\n" + "a" * 24 + "\n")
    assert "line 2: its tokens are too many for the model's limit of 24" in call("score", *words).refused()


def test_lines_and_numbers_that_word_scores_lack_are_told(
    model: Path, texts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "seqtrain.commands")
    in_documents = ["task.sample_break_mode=complete_doc", "task.shift_blocks=false", f"task.data={texts}"]
    trained = load(model, device="cpu", overrides=in_documents)
    scored = list(scored_lines(trained, "test", trained.cfg.dataset))
    assert [len(line.ids) for line in scored] == [10, 11]
    torch.nn.init.constant_(next(trained.model.parameters()), math.nan)
    (first, *_) = scored_lines(trained, "test", trained.cfg.dataset)
    assert all(map(math.isnan, first.log_probs))
    left_out = "test: left out 1 of 3 lines, boundaries that are in no block"
    assert caplog.messages[:2] == [left_out, left_out]
    assert "the model gives NaN as the log-probability of 21 tokens" in caplog.messages[2]


@pytest.mark.parametrize("beam", [1, 3])
def test_prompts_are_continued(call: Call, model: Path, tmp_path: Path, beam: int) -> None:
    prompts = ["two hundred", "", "f", "  ", "one hundred and", "f"]
    (tmp_path / "prompts").write_text("".join(f"{line}\n" for line in prompts))
    options = [f"generation.beam={beam}", "generation.max_len_b=20", "device=cpu"]
    result = call("generate", f"checkpoint={model}", f"input={tmp_path / 'prompts'}", *options)
    assert (result.code, result.err) == (0, "")
    lines = result.out.split("\n")
    assert len(lines) == len(prompts) + 1
    assert [line for line, prompt in zip(lines, prompts, strict=False) if not prompt.strip()] == ["", ""]
    assert all(line.startswith(prompt) for line, prompt in zip(lines, prompts, strict=False) if prompt.strip())
    assert lines[2] == lines[5] != "f"
    # Each alone gives what all together gave.
    cfg = GenerationConfig(beam=beam, max_len_b=20)
    language_model = load(model)
    assert lines[4] == language_model.complete(prompts[4], cfg) == language_model.complete([prompts[4]], cfg)[0]
    with pytest.raises(ConfigError, match=r"this is a language model, and does not translate: use complete\(\)"):
        language_model.translate(prompts[4])


def test_a_prompt_over_the_limit(call: Call, model: Path, tmp_path: Path) -> None:
    (tmp_path / "prompts").write_text("one\n" + "a" * 30 + "\n")
    result = call("generate", f"checkpoint={model}", f"input={tmp_path / 'prompts'}", "device=cpu")
    assert result.code == 0
    assert result.err == "warning: line 2 is over the model's limit of 24 tokens: its end is left out\n"
    assert result.out.splitlines()[1] == "a" * 23


def test_text_is_not_scored_against_references(call: Call, texts: Path) -> None:
    message = call(*TINY, f"task.data={texts}", "validation.generate=true").refused()
    assert message.startswith(
        "validation.generate=true scores decoded text, and task=language_modeling has no references"
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.data=nowhere"], "the directory nowhere does not exist; check task.data"),
        (
            ["task.data=nowhere", "model=transformer_tiny"],
            "the model transformer does not go with task=language_modeling: it translates",
        ),
        (["task.train=[nothing]"], "there is no text file"),
        (["task.valid=[no]"], "task.valid=[] task.valid_share=0.1 takes the end of the training text instead"),
        (["task.context_window=24"], "task.context_window=24 leaves nothing to predict of task.tokens_per_sample=24"),
        (["task.max_target_positions=8"], "task.tokens_per_sample=24 is over task.max_target_positions=8"),
        (["task.sample_break_mode=lines"], "task.sample_break_mode=lines"),
    ],
)
def test_mistakes(call: Call, texts: Path, overrides: list[str], message: str) -> None:
    assert message in call(*TINY, f"task.data={texts}", *overrides).refused()


def test_mistakes_in_evaluation(call: Call, model: Path, trained: Path, tmp_path: Path) -> None:
    assert "leaves nothing to predict" in call("evaluate", f"checkpoint={model}", "context_window=24").refused()
    assert "task.context_window" in call("evaluate", f"checkpoint={trained}", "context_window=4").refused()
    words = f"output_word_probs={tmp_path / 'probs'}"
    result = call("evaluate", f"checkpoint={trained}", words, "device=cpu")
    assert result.code == 2 and "need a language model that predicts the next token" in result.err
    assert not (tmp_path / "probs").exists()
    result = call("evaluate", f"checkpoint={model}", f"output_word_stats={tmp_path / 'no' / 'such'}")
    assert result.code == 2 and f"cannot write {tmp_path / 'no' / 'such'}" in result.err
