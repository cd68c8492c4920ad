"""The mistakes that people make, by name, and exactly what is said about each.

Those in YAML files, which name file and line, are in ``unit/test_diagnosis.py``; fairseq's flags in
``unit/test_fairseq_flags.py``; those in users' Python in ``integration/test_user_directory.py``.
"""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqtrain.composition import compose, compose_node, discover, without_hydra
from seqtrain.errors import ConfigError
from seqtrain.nodes import flatten
from seqtrain.plugins import conf_directory
from seqtrain.registry import REGISTRIES
from seqtrain.schema.choices import group_choices

MISTAKES = {
    "key misspelt": (
        ["training.max_updates=3"],
        "training.max_updates=3 (command line): there is no such key; did you mean training.max_update?",
    ),
    "section misspelt": (
        ["traning.seed=1"],
        "traning.seed=1 (command line): there is no such key; this key is training.seed",
    ),
    "section forgotten": (
        ["dropout=0.1"],
        "dropout=0.1 (command line): there is no such key; this key is model.dropout",
    ),
    "key of another section": (
        ["training.lr=0.1"],
        "training.lr=0.1 (command line): there is no such key; this key is optimizer.lr",
    ),
    "key of a plug-in misspelt": (
        ["model.dropuot=0.1"],
        "model.dropuot=0.1 (command line): there is no such key; did you mean model.dropout?",
    ),
    "key of a plug-in that is not chosen": (
        ["lr_scheduler.warmup_rate=0"],
        "lr_scheduler.warmup_rate=0 (command line): there is no such key; did you mean lr_scheduler.warmup_updates?",
    ),
    "group misspelt": (
        ["modle=transformer"],
        "modle=transformer (command line): there is no such key; did you mean model?",
    ),
    "key added to a plug-in": (
        ["+model.dropoutt=3"],
        "model.dropoutt=3 (command line): there is no such key; did you mean model.dropout?",
    ),
    "key added to a section": (
        ["+training.max_updates=3"],
        "training.max_updates=3 (command line): there is no such key; did you mean training.max_update?",
    ),
    "key added to the root": (["+foo=3"], "foo=3 (command line): there is no such key"),
    "key below a value": (["training.seed.x=3"], "training.seed.x=3 (command line): there is no such key"),
    "experiment without plus": (
        ["experiment=multi30k_en_de"],
        "experiment=multi30k_en_de (command line): is none of the defaults; add it with +experiment=NAME",
    ),
    "fairseq's key": (
        ["optimization.max_update=3"],
        "optimization.max_update=3 (command line): there is no such key; fairseq's optimization.max_update "
        "is training.max_update",
    ),
    "fairseq's section": (
        ["common.seed=3"],
        "common.seed=3 (command line): there is no such key; fairseq's common.seed is training.seed",
    ),
    "text for an integer": (["training.seed=abc"], "training.seed=abc (command line): must be an integer"),
    "nothing for an integer": (["training.max_update="], "training.max_update= (command line): must be an integer"),
    "fraction for an integer": (
        ["training.max_update=1.5"],
        "training.max_update=1.5 (command line): must be an integer",
    ),
    "null for an integer": (
        ["training.max_update=null"],
        "training.max_update=null (command line): must be an integer",
    ),
    "list for an integer": (["training.max_update=[1]"], "training.max_update=[1] (command line): must be an integer"),
    "text for a number": (["optimizer.lr=fast"], "optimizer.lr=fast (command line): must be a number"),
    "list for a number": (["optimizer.lr=[1,2]"], "optimizer.lr=[1,2] (command line): must be a number"),
    "number with a comma": (["optimizer.lr='0,5'"], "optimizer.lr='0,5' (command line): must be a number"),
    "text for true or false": (
        ["training.compile=maybe"],
        "training.compile=maybe (command line): must be true or false",
    ),
    "number for a list": (
        ["optimizer.betas=0.9"],
        "optimizer.betas=0.9 (command line): must be a list, each item a number",
    ),
    "text in a list of numbers": (
        ["optimizer.betas=[0.9,high]"],
        "optimizer.betas=[0.9,high] (command line): must be a list, each item a number",
    ),
    "text for a list of texts": (
        ["task.train=train"],
        "task.train=train (command line): must be a list, each item text",
    ),
    "mapping for text": (["task.source_lang={a: b}"], "task.source_lang.a=b (command line): there is no such key"),
    "reference for a section": (
        ["validation=${training.seed}"],
        "validation=${training.seed} (command line): is a section; set its keys one by one",
    ),
    "number for a section": (["training=5"], "training=5 (command line): must be a section"),
    "key misspelt in a mapping": (
        ["training={sed: 3}"],
        "training.sed=3 (command line): there is no such key; did you mean training.seed?",
    ),
    "choice that is not there": (
        ["training.precision=fp8"],
        "training.precision=fp8 (command line): must be one of fp32, bf16, fp16",
    ),
    "choice in capitals": (
        ["training.device=CUDA"],
        "training.device=CUDA (command line): must be one of auto, cpu, cuda, mps",
    ),
    "choice misspelt in a list": (
        ["scorer=[bleu,chfr]"],
        "scorer=chfr (command line): there is no such choice; did you mean chrf? Choices: bleu, bleu_lowercase, chrf, "
        "chrf_plus_plus, exact_match, ter, wer",
    ),
    "field of a scorer that is not chosen": (
        ["scorer.bleu.lowercase=true"],
        "scorer.bleu.lowercase=true (command line): is not chosen; choose it by scorer=[exact_match,bleu]",
    ),
    "scorer under another's name": (
        ["scorer.exact_match._name=bleu"],
        "scorer.exact_match._name=bleu (command line): cannot be set: choose the plug-in with "
        "scorer@scorer.exact_match=bleu",
    ),
    "tokenizer that no BLEU has": (
        ["scorer=[bleu]", "scorer.bleu.tokenizer=moses"],
        "scorer.bleu.tokenizer=moses (command line): must be one of auto, none, 13a, intl, char, zh, ja-mecab, "
        "ko-mecab, spm, flores101, flores200",
    ),
    "score for nothing": (
        ["scorer=[]", "validation.generate=true"],
        "validation.generate=true scores decoded text: choose by what, such as scorer=[bleu] "
        "(validation.generate: command line)",
    ),
    "null for a choice": (
        ["model.activation_fn=null"],
        "model.activation_fn=null (command line): must be one of relu, gelu, gelu_tanh, swish, swiglu, geglu",
    ),
    "key misspelt in a list of mappings": (
        ["optimizer.groups=[{pattern: bias, lr_scal: 2}]"],
        "optimizer.groups=[{pattern: bias, lr_scal: 2}] (command line): there is no such key as lr_scal",
    ),
    "number out of range in a list of mappings": (
        ["optimizer.groups=[{pattern: bias, lr_scale: -1}]"],
        "optimizer.groups[0].lr_scale=-1.0 (command line): must be at least 0",
    ),
    "key missing in a list of mappings": (
        ["optimizer.groups=[{lr_scale: 2}]"],
        "optimizer.groups[0].pattern (command line): has no value, and needs one",
    ),
    "number for a mapping": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr=3"],
        "lr_scheduler.epoch2lr=3 (command line): must be a mapping, each value a number",
    ),
    "text in a mapping of numbers": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr={1:fast}"],
        "lr_scheduler.epoch2lr.1=fast (command line): must be a number",
    ),
    "text for a key that is a number": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr={first:0.1}"],
        "lr_scheduler.epoch2lr.first=0.1 (command line): the key first must be an integer",
    ),
    "number out of range in a mapping": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr={1:0.1,2:-0.1}"],
        "lr_scheduler.epoch2lr={1: 0.1, 2: -0.1} (command line): has numbers that must be at least 0",
    ),
    "mapping in a mapping of numbers": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr={1:{2:3}}"],
        "lr_scheduler.epoch2lr.1.2=3 (command line): the key 1.2 must be an integer",
    ),
    "key misspelt in a mapping of sections": (
        ["optimizer=composite", "+optimizer@optimizer.parts.a.optimizer=adam", "optimizer.parts.a.patern=x"],
        "optimizer.parts.a.patern=x (command line): there is no such key; did you mean optimizer.parts.a.pattern?",
    ),
    "two clocks": (
        ["lr_scheduler=manual", "lr_scheduler.epoch2lr={1:0.1}", "lr_scheduler.update2lr={0:0.1}"],
        "lr_scheduler.epoch2lr and lr_scheduler.update2lr are two clocks for one rate: leave one of them out "
        "(lr_scheduler.epoch2lr: command line; lr_scheduler.update2lr: command line)",
    ),
    "model misspelt": (
        ["model=trasformer"],
        "model=trasformer (command line): there is no such choice; did you mean transformer? Choices: ...",
    ),
    "optimizer misspelt": (
        ["optimizer=adm"],
        "optimizer=adm (command line): there is no such choice; did you mean adam? Choices: ...",
    ),
    "scheduler of another name": (
        ["lr_scheduler=noam"],
        "lr_scheduler=noam (command line): there is no such choice; if it is yours, "
        "name its directory: hydra.searchpath=[DIR]. Choices: ...",
    ),
    "tokenizer that is not there": (
        ["tokenizer=bpe"],
        "tokenizer=bpe (command line): there is no such choice; if it is yours, "
        "name its directory: hydra.searchpath=[DIR]. Choices: ...",
    ),
    "criterion of fairseq's spelling": (
        ["criterion=label_smoothed_cross_entropi"],
        "criterion=label_smoothed_cross_entropi (command line): there is no such choice; did you mean "
        "label_smoothed_cross_entropy? Choices: ...",
    ),
    "experiment misspelt": (
        ["+experiment=multi40k_en_de"],
        "experiment=multi40k_en_de (command line): there is no such choice; did you mean multi30k_en_de? Choices: ...",
    ),
    "null for a group": (["model=null"], "model=null (command line): must be the name of a choice"),
    "model added twice": (
        ["+model=transformer"],
        "model=transformer (command line): is chosen already; leave out the +: model=NAME",
    ),
    "name of a plug-in set": (
        ["model._name=foo"],
        "model._name=foo (command line): cannot be set: choose the plug-in with model=foo",
    ),
    "field of a task that stands elsewhere": (
        ["task.cache_dir=x"],
        "task.cache_dir=x (command line): stands for what is set elsewhere: set dataset.cache_dir",
    ),
    "negative seed": (["training.seed=-1"], "training.seed=-1 (command line): must be at least 0"),
    "no accumulation": (["training.update_freq=0"], "training.update_freq=0 (command line): must be at least 1"),
    "negative clip norm": (["training.clip_norm=-0.1"], "training.clip_norm=-0.1 (command line): must be at least 0"),
    "base of the logarithm": (["training.log_base=1"], "training.log_base=1 (command line): must be above 1"),
    "dropout as a percentage": (
        ["model.dropout=10"],
        "model.dropout=10 (command line): must be at least 0 and below 1",
    ),
    "dropout of everything": (
        ["model.dropout=1.0"],
        "model.dropout=1.0 (command line): must be at least 0 and below 1",
    ),
    "negative dropout": (
        ["model.attention_dropout=-0.1"],
        "model.attention_dropout=-0.1 (command line): must be at least 0 and below 1",
    ),
    "no layers": (["model.encoder_layers=0"], "model.encoder_layers=0 (command line): must be at least 1"),
    "smoothing of everything": (
        ["criterion.label_smoothing=1"],
        "criterion.label_smoothing=1 (command line): must be at least 0 and below 1",
    ),
    "beta out of range": (
        ["optimizer.betas=[0.9,1.0]"],
        "optimizer.betas=[0.9,1.0] (command line): has numbers that must be at least 0 and below 1",
    ),
    "one beta": (
        ["optimizer.betas=[0.9]"],
        "optimizer.betas=[0.9] must be two numbers (optimizer.betas: command line)",
    ),
    "eps of zero": (["optimizer.eps=0"], "optimizer.eps=0 (command line): must be above 0"),
    "negative learning rate": (["optimizer.lr=-1e-3"], "optimizer.lr=-1e-3 (command line): must be at least 0"),
    "infinite learning rate": (["optimizer.lr=inf"], "optimizer.lr=inf (command line): must be at least 0 and finite"),
    "learning rate that is no number": (
        ["optimizer.lr=nan"],
        "optimizer.lr=nan (command line): must be at least 0 and finite",
    ),
    "negative batch": (["dataset.max_tokens=-1"], "dataset.max_tokens=-1 (command line): must be at least 0"),
    "no beam": (["generation.beam=0"], "generation.beam=0 (command line): must be at least 1"),
    "vocabulary of special symbols": (
        ["tokenizer.vocab_size=4"],
        "tokenizer.vocab_size=4 (command line): must be above 4",
    ),
    "no character covered": (
        ["tokenizer.character_coverage=0"],
        "tokenizer.character_coverage=0 (command line): must be above 0 and at most 1",
    ),
    "power of zero": (["lr_scheduler.power=0"], "lr_scheduler.power=0 (command line): must be above 0"),
    "more hypotheses than the beam": (
        ["generation.beam=5", "generation.nbest=9"],
        "generation.nbest=9 is more than generation.beam=5: the search keeps `beam` hypotheses; raise "
        "generation.beam or lower generation.nbest (generation.nbest: command line; generation.beam: command line)",
    ),
    "batch without limit": (
        ["dataset.max_tokens=0"],
        "a batch would hold all data: set dataset.max_tokens or dataset.max_sentences (dataset.max_tokens: "
        "command line)",
    ),
    "heads that do not divide": (
        ["model.encoder_attention_heads=3"],
        "model.encoder_embed_dim=128 cannot be split among model.encoder_attention_heads=3: choose a number "
        "of heads that divides it (model.encoder_embed_dim: conf/model/transformer_number_names.yaml:7; "
        "model.encoder_attention_heads: command line)",
    ),
    "shared embeddings of two sizes": (
        ["model.share_all_embeddings=true", "model.encoder_embed_dim=64"],
        "model.share_all_embeddings needs one dimension, but model.encoder_embed_dim=64 and "
        "model.decoder_embed_dim=128: make them equal, or set model.share_decoder_input_output_embed=true "
        "instead (model.share_all_embeddings: command line; model.encoder_embed_dim: command line; "
        "model.decoder_embed_dim: conf/model/transformer_number_names.yaml:11)",
    ),
    "training without end": (
        ["training.max_update=0", "lr_scheduler=fixed"],
        "training would never end: set training.max_update or training.max_epoch (training.max_update: command line)",
    ),
    "decay without end": (
        ["training.max_update=0", "training.max_epoch=3"],
        "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update "
        "(training.max_update: command line)",
    ),
    "best by a score that is not computed": (
        ["saving.metric=valid/bleu", "saving.maximize=true"],
        "saving.metric=valid/bleu (command line): needs scorer=[exact_match,bleu]",
    ),
    "best by a score that validation does not compute": (
        ["scorer=[bleu]", "saving.metric=valid/bleu", "saving.maximize=true"],
        "saving.metric=valid/bleu needs validation.generate=true (saving.metric: command line)",
    ),
    "best by the most edits": (
        ["scorer=[ter]", "saving.metric=valid/ter", "saving.maximize=true", "validation.generate=true"],
        "saving.metric=valid/ter is better the lower it is: set saving.maximize=false "
        "(saving.metric: command line; saving.maximize: command line)",
    ),
    "best by the lowest score": (
        ["saving.metric=valid/exact_match", "validation.generate=true"],
        "saving.metric=valid/exact_match is better the higher it is: set saving.maximize=true "
        "(saving.metric: command line)",
    ),
    "z-loss of log-probabilities": (
        ["model=transformer", "model.adaptive_softmax_cutoff=[8]", "criterion.z_loss=1e-4"],
        "criterion.z_loss=0.0001 keeps logits from drifting, but model=transformer gives log-probabilities, as any "
        "model with an adaptive softmax, and these cannot: set criterion.z_loss=0 (criterion.z_loss: command line)",
    ),
    "nesterov without momentum": (
        ["optimizer=sgd", "optimizer.nesterov=true"],
        "optimizer.nesterov=true needs an optimizer.momentum above 0 and optimizer.dampening=0 "
        "(optimizer.nesterov: command line)",
    ),
    "dictionary without words": (
        ["tokenizer=whitespace", "tokenizer.nwords=3"],
        "tokenizer.nwords=3 leaves room for no word beside 4 special symbols (tokenizer.nwords: command line)",
    ),
    "no value": (["optimizer.lr=???"], "optimizer.lr=??? (command line): has no value, and needs one"),
    "no model": (["~model"], "model: nothing is chosen; add model=NAME"),
    "field deleted": (
        ["~training.seed"],
        "training.seed (command line): cannot be taken away; set it to another value",
    ),
    "unknown key deleted": (["~nothing"], "nothing (command line): there is no such key"),
    "several values": (
        ["training.max_update=1,2"],
        "training.max_update=1,2 (command line): several values; write [A,B] for a list, or add -m to train "
        "once for each",
    ),
    "bracket left open": (
        ["training.max_update=[1"],
        "training.max_update=[1 (command line): cannot be read; quote a value that holds special characters: "
        "\"KEY='VALUE'\"",
    ),
    "special characters in a list": (
        ["task.source_tags=[<BT>]"],
        "task.source_tags=[<BT>] (command line): cannot be read; quote a value that holds special characters: "
        "\"KEY=['A','B']\"",
    ),
    "space in a key": (
        ["a b=c"],
        "a b=c (command line): cannot be read; quote a value that holds special characters: \"KEY='VALUE'\"",
    ),
    "reference to nothing": (
        ["training.max_update=${training.max_updat}"],
        "training.max_update=${training.max_updat} (command line): Interpolation key 'training.max_updat' not found",
    ),
    "reference to an unset variable": (
        ["task.data=${oc.env:NO_SUCH_VARIABLE}"],
        "task.data=${oc.env:NO_SUCH_VARIABLE} (command line): KeyError raised while resolving interpolation: "
        "\"Environment variable 'NO_SUCH_VARIABLE' not found\"",
    ),
    "key of Hydra's misspelt": (["hydra.run.dirr=x"], "hydra.run.dirr=x (command line): there is no such key"),
    "several mistakes": (
        [
            "model.dropout=7",
            "training.max_updates=3",
            "optimizer=adm",
            "optimizer.lr=fast",
            "generation.beam=5",
            "generation.nbest=9",
        ],
        "optimizer=adm (command line): there is no such choice; did you mean adam? Choices: ...\n"
        "training.max_updates=3 (command line): there is no such key; did you mean training.max_update?\n"
        "optimizer.lr=fast (command line): must be a number\n"
        "model.dropout=7 (command line): must be at least 0 and below 1\n"
        "generation.nbest=9 is more than generation.beam=5: the search keeps `beam` hypotheses; raise "
        "generation.beam or lower generation.nbest (generation.nbest: command line; generation.beam: command line)",
    ),
}
"""By name: the overrides and the message, in which ``...`` stands for the choices of the group."""


@pytest.mark.parametrize("name", MISTAKES)
def test_message(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # files of the package are named by their whole path from here
    overrides, expected = MISTAKES[name]
    with pytest.raises(ConfigError) as error:
        compose(overrides)
    message = str(error.value).replace(str(conf_directory()), "conf")
    if "Choices: ..." in expected:
        group = expected.partition("=")[0]
        expected = expected.replace("...", ", ".join(group_choices(discover(), group)))
    assert message == expected


def test_there_are_at_least_sixty() -> None:
    assert len(MISTAKES) >= 60


CHOICES = ("optimizer=adam", "optimizer=sgd", "lr_scheduler=inverse_sqrt", "lr_scheduler=fixed", "tokenizer=whitespace")

KEYS = sorted(
    {
        (choice, key)
        for choice in CHOICES
        for key in flatten(without_hydra(compose_node("config", [choice])))
        if key not in REGISTRIES
    }
)
"""Keys that can be set, and a choice with which they are there."""

VALUES = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(str),
    st.sampled_from(["true", "null", "[]", "[1,a]", "{a: 1}", "''", "???", "${training.seed}", "${nothing.here}"]),
    st.text(st.characters(categories=["L"]), min_size=1, max_size=8),
)


def compose_with(choice: str, key: str, value: str, directory: Path | None) -> None:
    """Compose with a key set on the command line, or in a recipe in a user's directory."""
    if directory is None:
        compose([choice, f"{key}={value}"])
        return
    section, _, name = key.rpartition(".")
    lines = [f"{'  ' * n}{part}:" for n, part in enumerate([part for part in section.split(".") if part])]
    text = "\n".join(["# @package _global_", *lines, f"{'  ' * len(lines)}{name}: {value}"])
    (directory / "experiment").mkdir(exist_ok=True)
    (directory / "experiment" / "mutated.yaml").write_text(text, encoding="utf-8")
    compose([choice, "+experiment=mutated"], searchpath=[directory])


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEYS), VALUES, st.booleans())
def test_a_value_is_taken_or_its_key_is_named(
    tmp_path: Path, place: tuple[str, str], value: str, in_yaml: bool
) -> None:
    choice, key = place
    try:
        compose_with(choice, key, value, tmp_path if in_yaml else None)
    except ConfigError as error:
        assert key in str(error), f"{key}={value}"


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEYS), st.integers(0, 40), st.sampled_from("aeqx_"), st.booleans())
def test_a_misspelt_key_is_named(
    tmp_path: Path, place: tuple[str, str], where: int, letter: str, in_yaml: bool
) -> None:
    choice, key = place
    where %= len(key) + 1
    wrong = key[:where] + letter + key[where:]
    with pytest.raises(ConfigError) as error:
        compose_with(choice, wrong, "1", tmp_path if in_yaml else None)
    assert str(error.value).startswith(f"{wrong}=1 (")
    assert "there is no such key" in str(error.value)
