from pathlib import Path

import pytest

from seqtrain.commands.help import help_text
from seqtrain.composition import searchpath_override
from seqtrain.models import transformer

EXAMPLE = Path(__file__).parents[3] / "examples" / "my-module"

STAIRCASE = '''\
from dataclasses import dataclass, field

from seqtrain.fields import bounded
from seqtrain.lr_schedulers import LRScheduler, LRSchedulerConfig, register_lr_scheduler


@dataclass
class StaircaseConfig(LRSchedulerConfig):
    every: int = bounded(500, at_least=1)
    """Updates from one step to the next."""
    factor: float | None = bounded(None, above=0, below=1)
    """What a step multiplies the rate by; null: a half."""
    names: list[str] = field(default_factory=lambda: ["a"])
    """Names of the steps."""


@register_lr_scheduler("staircase", StaircaseConfig)
class Staircase(LRScheduler):
    """Constant, then less."""

    def lr_at(self, num_updates):
        return self.base_lr
'''


def test_choices_of_a_user_too() -> None:
    text = help_text("train", searchpath_override([EXAMPLE]))
    for name in ("my_gru", "my_gru_wide", "my_transformer"):
        assert name in text


def test_the_fields_of_what_is_chosen() -> None:
    lines = help_text("train", ["optimizer=sgd_nesterov", "optimizer.weight_decay=0.5"]).splitlines()
    assert lines[0].startswith("optimizer=sgd: Stochastic gradient descent")
    assert "  optimizer.dampening=0.0  (a number, at least 0 and at most 1)" in lines
    (decay,) = [line for line in lines if line.startswith("  optimizer.weight_decay=")]
    assert decay == "  optimizer.weight_decay=0.5  (a number, at least 0, default 0.0, set in command line)"
    (momentum,) = [line for line in lines if line.startswith("  optimizer.momentum=")]
    assert "default 0.0, set in " in momentum and "conf/optimizer/sgd_nesterov.yaml:" in momentum


def test_the_fields_of_plug_ins_in_a_plug_in() -> None:
    chosen = ["optimizer=composite", "+optimizer@optimizer.parts.a.optimizer=sgd", "optimizer.parts.a.optimizer.lr=3"]
    lines = help_text("train", chosen).splitlines()
    assert "  optimizer.parts.a.pattern=null  (text or null)" in lines
    rate = "  optimizer.parts.a.optimizer.lr=3  (a number, at least 0, default 0.1, set in command line)"
    assert rate in lines


def test_an_experiment() -> None:
    lines = help_text("train", ["+experiment=shakespeare_char_cpu", "task.data=x"]).splitlines()
    assert lines[0].startswith("experiment=shakespeare_char_cpu: ")
    assert lines[1] == "    python -m seqtrain +experiment=shakespeare_char_cpu task.data=DIR"
    chosen = {line.split()[0]: line.split()[1] for line in lines[lines.index("What it comes to:") + 1 :] if "=" in line}
    assert chosen["model=transformer_lm_shakespeare_char"] == "transformer_lm:"
    assert not chosen["criterion=cross_entropy"].endswith(":")
    assert lines[-2].endswith("python -m seqtrain +experiment=shakespeare_char_cpu --cfg job")


def test_the_fields_of_a_plug_in_in_an_experiment() -> None:
    lines = help_text("train", ["+experiment=shakespeare_char_cpu", "optimizer=sgd"]).splitlines()
    assert lines[0].startswith("optimizer=sgd: Stochastic gradient descent")


def test_another_command() -> None:
    text = help_text("average")
    assert text.startswith("average checkpoints: average checkpoint=RUN")
    assert "  last=null  (an integer or null, at least 1)" in text


def test_value_type_range_and_meaning_of_a_plugin() -> None:
    lines = help_text("train", ["model=transformer"]).splitlines()
    file = Path(transformer.__file__)
    line = 1 + file.read_text(encoding="utf-8").splitlines().index('@register_model("transformer", TransformerConfig)')
    first, *fields = lines
    assert first.startswith("model=transformer: An encoder, a decoder that attends to it, and a projection ")
    assert first.endswith(f"{file.parent.name}/{file.name}:{line})")
    assert fields[:10] == [
        "  model.dropout=0.1  (a number, at least 0 and below 1)",
        "      Rate of dropout on embeddings and after each sublayer.",
        "  model.attention_dropout=0.0  (a number, at least 0 and below 1)",
        "      Rate of dropout on attention weights.",
        "  model.activation_dropout=0.0  (a number, at least 0 and below 1)",
        "      Rate of dropout after the activation in feed-forward networks.",
        "  model.activation_fn=relu  (one of relu, gelu, gelu_tanh, swish, swiglu, geglu)",
        "      Nonlinearity of the feed-forward networks; swiglu and geglu are gated, with a third matrix.",
        "  model.positions=sinusoidal  (one of sinusoidal, learned, rotary, alibi, none)",
        "      Positions: sinusoidal and learned ones are embeddings, rotary and alibi part of self attention.",
    ]
    heads = fields.index("  model.encoder_attention_heads=8  (an integer, at least 1)")
    assert fields[heads + 1] == "      Attention heads of an encoder layer, a divisor of ``encoder_embed_dim``."


def test_all_of_a_users_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "lr_scheduler"
    folder.mkdir(parents=True)
    (folder / "staircase.py").write_text(STAIRCASE)
    (folder / "steep.yaml").write_text("defaults: [staircase, _self_]\n\nfactor: 0.1\n")
    monkeypatch.chdir(tmp_path)
    text = help_text("train", ["hydra.searchpath=[mine]", "lr_scheduler=steep", "lr_scheduler.every=7"])
    assert text.rstrip().splitlines() == [
        "lr_scheduler=staircase: Constant, then less. (mine/lr_scheduler/staircase.py:17)",
        "  lr_scheduler.every=7  (an integer, at least 1, default 500, set in command line)",
        "      Updates from one step to the next.",
        "  lr_scheduler.factor=0.1  (a number or null, above 0 and below 1, default null, "
        "set in mine/lr_scheduler/steep.yaml:3)",
        "      What a step multiplies the rate by; null: a half.",
        "  lr_scheduler.names=[a]  (a list, each item text)",
        "      Names of the steps.",
    ]
