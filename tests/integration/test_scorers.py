"""Scores of decoded text, in training and evaluation: built-in ones with options, a user's own, by language."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqtrain.plugins import forget_user_directory

Call = Callable[..., Any]

SURPLUS = '''
from dataclasses import dataclass
from typing import ClassVar
from seqtrain.fields import bounded
from seqtrain.scorers import Scorer, ScorerConfig, TextScore, register_scorer

@dataclass
class SurplusConfig(ScorerConfig):
    maximize: ClassVar[bool] = False
    free: int = bounded(0, at_least=0)
    """Characters that do not count."""

@register_scorer("surplus", SurplusConfig)
class Surplus(Scorer):
    """Characters that lines have too many or too few, besides some for each."""
    def corpus_score(self, hypotheses, references):
        pairs = zip(hypotheses, references, strict=True)
        off = sum(max(abs(len(one) - len(other)) - self.cfg.free, 0) for one, other in pairs)
        return TextScore("surplus", off / len(references), f"free:{self.cfg.free}|lang:{self.target_lang}")
'''
DECODING = ("validation.generate=true", "validation.interval_updates=2", "validation.interval_epochs=0")


def metrics(run: Path) -> list[dict[str, Any]]:
    reports = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [report for report in reports if "valid/loss" in report]


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Path]:
    """A user directory with a scorer."""
    (tmp_path / "mine/scorer").mkdir(parents=True)
    (tmp_path / "mine/scorer/surplus.py").write_text(SURPLUS)
    yield tmp_path / "mine"
    forget_user_directory(tmp_path / "mine")


def test_a_scorer_of_a_users_own(call: Call, train: Call, tmp_path: Path, user: Path) -> None:
    search, run = f"hydra.searchpath=[{user}]", tmp_path / "run"
    chosen = [search, "scorer=[surplus,chrf]", "scorer.surplus.free=1", "saving.metric=valid/surplus", *DECODING]
    message = train(*chosen, "saving.maximize=true").refused()
    assert "saving.metric=valid/surplus is better the lower it is: set saving.maximize=false" in message

    result = train(*chosen, "training.max_update=4")
    assert result.code == 0, result.err
    values = [report["valid/surplus"] for report in metrics(run)]
    assert len(values) == 2 and all("valid/chrf" in report for report in metrics(run))
    assert f"(valid/surplus {min(values):.4g})" in result.out

    found = call("evaluate", f"checkpoint={run}", search, "scorer=surplus", "scorer.surplus.free=2", "split=valid")
    assert json.loads(found.out)["signatures"] == {"surplus": "free:2|lang:de"}
    assert json.loads((run / "last/plugins.json").read_text())["plugins"][0]["name"] == "surplus"
    assert call(f"resume={run}", "training.max_update=6", "scorer.surplus.free=3").code == 0
    assert len(metrics(run)) == 3


def test_options_of_evaluate(call: Call, trained: Path) -> None:
    options = ["scorer=[bleu,bleu_lowercase,ter]", "scorer.bleu.tokenizer=char", "scorer.ter.normalized=true"]
    found = json.loads(call("evaluate", f"checkpoint={trained}", "device=cpu", *options).out)
    assert list(found)[6:9] == list(found["signatures"]) == ["bleu", "bleu_lowercase", "ter"]
    assert "|case:mixed|eff:no|tok:char|" in found["signatures"]["bleu"]
    assert "|case:lc|eff:no|tok:13a|" in found["signatures"]["bleu_lowercase"]
    assert "|norm:yes|" in found["signatures"]["ter"]
    message = call("evaluate", f"checkpoint={trained}", "scorer=[bleu,meteor]").refused()
    assert message.startswith("scorer=meteor (command line): there is no such choice")


def translated_into(language: str, data: Path, directory: Path) -> list[str]:
    """Return overrides for a corpus whose target language is called otherwise."""
    shutil.copytree(data, directory)
    for file in directory.glob("*.de*"):
        file.rename(file.with_name(file.name.replace(".de", f".{language}")))
    return [f"task.data={directory}", f"task.target_lang={language}"]


def test_the_tokenizer_of_the_target_language(call: Call, train: Call, data: Path, tmp_path: Path) -> None:
    assert train(*translated_into("zh", data, tmp_path / "zh"), "training.max_update=1").code == 0
    found = json.loads(call("evaluate", f"checkpoint={tmp_path / 'run'}", "split=valid", "scorer=bleu").out)
    assert "|tok:zh|" in found["signatures"]["bleu"]


@pytest.mark.parametrize("when", [DECODING, ["validation.final_split=test"]])
def test_a_tokenizer_that_is_not_installed_is_told_before_training(
    train: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: list[str]
) -> None:
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_ja_mecab.MeCab", None)
    corpus = translated_into("ja", data, tmp_path / "ja")
    assert "pip install 'seqtrain[ja]'" in train(*corpus, "scorer=bleu", *when).refused()
    assert not (tmp_path / "run/checkpoints").exists()
    assert train(*corpus, "scorer=bleu", "training.max_update=1").code == 0, "nothing is scored"
