import shlex
from pathlib import Path

import pytest

from seqtrain.composition import compose
from seqtrain.fairseq_flags import HYDRA_FLAGS, answer, hydra_key, of_fairseq
from seqtrain.fairseq_flags.commands import OTHERWISE, in_command
from seqtrain.fairseq_flags.page import markdown
from seqtrain.fairseq_flags.table import FLAGS, Flag
from seqtrain.fairseq_flags.unset import UNSET, Unset
from seqtrain.fairseq_flags.values import TRANSLATIONS
from seqtrain.fields import describe_fields
from seqtrain.plugins import import_builtin
from seqtrain.registry import REGISTRIES

ROOT = Path(__file__).parents[2]
HYDRA_KEYS = {"hydra.run.dir", "hydra.searchpath", "resume"}


def keys_that_there_are() -> set[str]:
    """Return every key of every command, those of the plug-ins too."""
    import_builtin()
    options = (ROOT / "tests/contract/options.txt").read_text().splitlines()
    keys = {line.partition(" ")[2] for line in options} | HYDRA_KEYS | set(REGISTRIES)
    for registry in REGISTRIES.values():
        for name in registry.names():
            keys |= {f"{registry.key(name)}.{field}" for field in describe_fields(registry.entry(name).config_type)}
    return keys


def test_every_key_in_the_table_exists() -> None:
    answers = {flag.answer.partition("=")[0] for flag in FLAGS.values() if flag.is_there}
    assert answers - keys_that_there_are() == set()


def test_every_answer_is_a_key_or_a_sentence() -> None:
    beginnings = ("not needed: ", "not there: ", "not there yet: ")
    assert [f.name for f in FLAGS.values() if not f.is_there and not f.answer.startswith(beginnings)] == []
    assert [f.name for f in FLAGS.values() if f.is_there and " " in f.answer] == []


def test_every_translation_is_of_a_flag_with_a_value() -> None:
    assert [name for name in TRANSLATIONS if not (FLAGS[name].takes_value and FLAGS[name].is_there)] == []


def test_no_flag_of_fairseqs_is_hydras() -> None:
    assert FLAGS.keys() & HYDRA_FLAGS.keys() == set()


def test_the_page_is_made_from_the_table() -> None:
    """``python -m seqtrain.fairseq_flags.page > docs/fairseq-flags.md`` writes it."""
    assert (ROOT / "docs/fairseq-flags.md").read_text(encoding="utf-8") == markdown()


JOINED = "with tokenizer=whitespace, in training already"


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--max-epoch", "30", "write training.max_epoch=30"),
        ("--upsample-primary", "3", "write task.train_weights=[3,1] (one number for each of task.train)"),
        ("--upsample-primary", "-1", "write task.train_weights=[1,1] (one number for each of task.train)"),
        ("--lang-pairs", "en-de,de-en", "write task.lang_pairs=[en-de,de-en] (with task=multilingual_translation)"),
        (
            "--sampling-method",
            "temperature",
            "write task.sampling_temperature=1.5 (1 is concat; the higher, the more uniform)",
        ),
        ("--lr", "5e-4", "write optimizer.lr=5e-4"),
        ("--lr", "[0.0005]", "write optimizer.lr=0.0005"),
        ("--lr", "0.1,0.05", "write lr_scheduler=fixed lr_scheduler.lr_per_epoch=[0.1,0.05]"),
        (
            "--adaptive-softmax-cutoff",
            "20000,60000",
            "write model.adaptive_softmax_cutoff=[20000,60000] (train with criterion=adaptive_loss)",
        ),
        ("--arch", "transformer_lm_baevski_wiki103", "write model=transformer_lm_wiki103"),
        ("--adam-betas", "(0.9,0.98)", "write optimizer.betas=[0.9,0.98]"),
        ("--arch", "transformer_wmt_en_de", "write model=transformer_wmt_en_de"),
        ("-a", "transformer", "write model=transformer"),
        ("--optimizer", "nag", "write optimizer=nag"),
        (
            "--adafactor-eps",
            "(1e-30, 1e-3)",
            "write optimizer.eps=[1e-30,1e-3] (two numbers, with optimizer=adafactor)",
        ),
        ("--bpe", "characters", "write tokenizer=char"),
        ("--scoring", "sacrebleu", "write scorer=bleu (its tokenizer is that of the language)"),
        (
            "--sacrebleu-tokenizer",
            "zh",
            "write scorer.bleu.tokenizer=zh (with scorer=bleu; else that of the language)",
        ),
        ("--valid-subset", "valid,valid1", "write task.valid=[valid,valid1] (prefixes of files)"),
        ("--trainpref", "data/train", "write task.data=data task.train=[train]"),
        ("--validpref", "valid,other", "write task.valid=[valid,other]"),
        ("--patience", "-1", "write training.patience=0 (counts validations)"),
        ("--warmup-init-lr", "1e-7", "write lr_scheduler.warmup_init_lr=1e-7"),
        (
            "--lr-period-updates",
            "-1",
            "write lr_scheduler.lr_period_updates=null (with lr_scheduler=cosine or triangular)",
        ),
        (
            "--phase-ratio",
            "(0.1, 0.4, 0.5)",
            "write lr_scheduler.phase_ratio=[0.1,0.4,0.5] (with lr_scheduler=tri_stage)",
        ),
        ("--best-checkpoint-metric", "bleu", "write saving.metric=valid/bleu (`<split>/<name>`)"),
        ("--remove-bpe", "sentencepiece", f"write tokenizer.post_process=sentencepiece ({JOINED})"),
        ("--post-process", "@@", f"write tokenizer.post_process=subword_nmt ({JOINED})"),
        ("--eval-bleu-detok", "moses", "not needed: the tokenizer turns ids into plain text, subwords joined"),
        ("--eval-bleu-remove-bpe", "", f"write tokenizer.post_process=subword_nmt ({JOINED})"),
        ("--save-dir", "x", "write hydra.run.dir=x (checkpoints, log and metrics lie in it)"),
        ("--sampling-topk", "-1", "write generation.sampling_topk=0 (without sampling_topp)"),
        ("--sampling-topp", "-1.0", "write generation.sampling_topp=0 (without sampling_topk)"),
        ("--sampling-topp", "0.9", "write generation.sampling_topp=0.9 (without sampling_topk)"),
        ("--diverse-beam-groups", "-1", "write generation.diverse_beam_groups=0"),
        ("--diversity-rate", "0.5", "write generation.diversity_rate=0.5"),
        ("--print-alignment", "", "write print_alignment=hard (of the command generate: hard or soft)"),
        ("--constraints", "", "write generation.constraints=ordered (ordered or unordered)"),
        ("--constraints", "unordered", "write generation.constraints=unordered (ordered or unordered)"),
        ("-s", "de", "write task.source_lang=de"),
        ("-t", "en", "write task.target_lang=en"),
    ],
)
def test_a_flag_with_a_value_behind_it_or_after_an_equals_sign(flag: str, value: str, expected: str) -> None:
    assert answer([flag, value] if value else [flag]) == [f"{flag} {value}".strip() + f": {expected}"]
    assert answer([f"{flag}={value}"]) == [f"{flag}={value}: {expected}"]


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("my-module", "hydra.searchpath=[my-module]"),
        ("~/a/b", "hydra.searchpath=[~/a/b]"),
        ("my dir", "\"hydra.searchpath=['my dir']\""),
    ],
)
def test_a_user_directory(directory: str, expected: str) -> None:
    note = "(port its Python first: docs/tutorials/porting-from-fairseq.md)"
    assert answer(["--user-dir", directory]) == [f"--user-dir {directory}: write {expected} {note}"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{1: 0.1, 5: 0.05}", "1:0.1,5:0.05"),
        ('{"1-4,9": 0.1, "5": 0.05}', "1:0.1,9:0.1,5:0.05"),
        ("{", "NUMBER:RATE,NUMBER:RATE"),
    ],
)
def test_rates_by_number(value: str, expected: str) -> None:
    (line,) = answer(["--epoch2lr", value])
    assert line == f'--epoch2lr {value}: write "lr_scheduler.epoch2lr={{{expected}}}" (with lr_scheduler=manual)'


def test_a_search_as_json() -> None:
    value = '{"beam": 5, "max_len_a": 1.2, "print_step": true, "unnormalized": false, "sampling": true}'
    (line,) = answer(["--eval-bleu-args", value])
    assert line.startswith(
        f"--eval-bleu-args {value}: write generation.beam=5 generation.max_len_a=1.2 generation.sampling=true ("
    )
    (line,) = answer(["--eval-bleu-args", "{"])
    assert "write generation.beam=N, and so on" in line


def test_a_name_that_only_a_plug_in_can_have() -> None:
    (line,) = answer(["--arch", "my_lstm"])
    assert line.startswith("--arch my_lstm: write model=my_lstm if `python -m seqtrain plugins model` lists it")


def test_a_field_of_a_plug_in_of_the_users() -> None:
    lines = answer(["--encoder-dropout", "0.2", "--user-dir=mine"])
    assert lines[0] == (
        "--encoder-dropout 0.2: there is no such flag; a field of a plug-in of yours is written "
        "GROUP.encoder_dropout=0.2, such as model.encoder_dropout=0.2"
    )


def test_switches_take_no_value() -> None:
    lines = answer(["--share-all-embeddings", "--sentence-avg", "model.dropout=0.1", "--cpu"])
    assert lines == [
        "--share-all-embeddings: write model.share_all_embeddings=true",
        "--sentence-avg: write criterion.sentence_avg=true",
        "--cpu: write training.device=cpu",
    ]


def test_a_flag_without_its_value() -> None:
    assert answer(["--seed"]) == ["--seed: write training.seed=VALUE"]
    assert answer(["--seed", "--cpu"])[0] == "--seed: write training.seed=VALUE"
    assert answer(["--seed", "training.max_update=3"]) == ["--seed: write training.seed=VALUE"]


def test_underscores_are_hyphens() -> None:
    assert answer(["--max_update", "3"]) == ["--max_update 3: write training.max_update=3"]


def test_the_data_directory_is_answered_where_there_are_flags_of_fairseqs() -> None:
    lines = answer(["data-bin/iwslt", "--clip-norm", "0.1"])
    assert lines == [
        "--clip-norm 0.1: write training.clip_norm=0.1",
        "data-bin/iwslt: write task.data=data-bin/iwslt tokenizer=whitespace",
    ]
    assert answer(["data-bin/iwslt", "~model.dropout", "--cfg", "job"]) == []


@pytest.mark.parametrize("flag", [name for name, takes_value in HYDRA_FLAGS.items() if not takes_value])
def test_hydras_switches_are_left_alone(flag: str) -> None:
    assert answer([flag, "model.dropout=0.1", "+a=1", "~b"]) == []


@pytest.mark.parametrize("flag", [name for name, takes_value in HYDRA_FLAGS.items() if takes_value])
def test_hydras_flags_are_left_alone_with_their_values(flag: str) -> None:
    assert answer([flag, "value", "model.dropout=0.1"]) == []
    assert answer([f"{flag}=value"]) == []
    assert answer([flag, "value", "--cpu"]) == ["--cpu: write training.device=cpu"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--max-token", "40"],
            "--max-token 40: there is no such flag; did you mean --max-tokens? "
            "Then write dataset.max_tokens=40 (generation.max_tokens where text is decoded)",
        ),
        (["--multi-run"], "--multi-run: there is no such flag; did you mean --multirun?"),
        (
            ["--frobnicate"],
            "--frobnicate: there is no such flag; settings are written KEY=VALUE, and --help lists them",
        ),
        (["--model.dropout=0.1"], "--model.dropout=0.1: a key has no dashes before it: write model.dropout=0.1"),
        (["--model.dropout", "0"], "--model.dropout 0: a key has no dashes before it: write model.dropout=0"),
    ],
)
def test_a_flag_that_nobody_has(arguments: list[str], expected: str) -> None:
    assert answer(arguments) == [expected]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("optimization.max_update", "training.max_update"),
        ("common.seed", "training.seed"),
        ("checkpoint.save_dir", "hydra.run.dir"),
        ("dataset.batch_size", "dataset.max_sentences"),
        ("optimization.lr", "optimizer.lr"),
        ("optimization.sentence_avg", "criterion.sentence_avg=true"),
        ("common_eval.path", "checkpoint=RUN"),
        ("optimizer.adam_betas", "optimizer.betas"),
        ("generation.print_step", FLAGS["--print-step"].answer),
        ("common.user_dir", "hydra.searchpath"),
        ("bpe", "tokenizer"),
        ("optimizer.momentum", ""),
        ("model.encoder_normalize_before", ""),
        ("preprocess.trainpref", ""),
        ("model.dropouts", ""),
    ],
)
def test_keys_of_fairseqs_hydra_configs(key: str, expected: str) -> None:
    assert hydra_key(key) == expected


def test_the_hydra_key_of_a_flag() -> None:
    assert Flag("--max-tokens", "dataset", True, "dataset.max_tokens").hydra_key == "dataset.max_tokens"


KNOWN = "leave it out: it belongs to training, and the checkpoint knows it"
OF_SEVERAL_PAIRS = "leave it out: the checkpoint knows it; of several pairs one is split=test.de-en"
MOVED = (
    "leave it out: the checkpoint knows it; to decode a set of it write split=test, and data=bin if it is not where it "
    "was in training"
)


@pytest.mark.parametrize(
    ("flag", "value", "generate", "evaluate"),
    [
        ("--arch", "transformer", KNOWN, KNOWN),
        ("--beam", "5", "write generation.beam=5", "write generation.beam=5"),
        ("--save-dir", "x", KNOWN, KNOWN),
        ("--gen-subset", "valid", "write split=valid", "write split=valid"),
        (
            "--source-lang",
            "de",
            "write source_lang=de (of a model of several pairs; leave it out for any other)",
            OF_SEVERAL_PAIRS,
        ),
        (
            "--max-tokens",
            "9",
            "write generation.max_tokens=9",
            "write dataset.max_tokens=9 (generation.max_tokens where text is decoded)",
        ),
        (
            "--remove-bpe",
            "",
            "leave it out: text comes out joined, as tokenizer.post_process of training says",
            "leave it out: text comes out joined, as tokenizer.post_process of training says",
        ),
        ("--cpu", "", "write device=cpu", "write device=cpu"),
        ("--seed", "3", "write generation.seed=3", "write generation.seed=3"),
        ("--context-window", "9", "write context_window=9 (of the command evaluate)", "write context_window=9"),
    ],
)
def test_a_trained_model_takes_other_keys(flag: str, value: str, generate: str, evaluate: str) -> None:
    for command, expected in (("generate", generate), ("evaluate", evaluate)):
        (line,) = answer([flag, value] if value else [flag], command)
        assert line.partition(": ")[2] == expected


@pytest.mark.parametrize("command", OTHERWISE)
def test_every_answer_is_a_key_of_the_command_or_of_another_that_it_names(command: str) -> None:
    options = [line.split(" ") for line in (ROOT / "tests/contract/options.txt").read_text().splitlines()]
    keys = {key for root, key in options if root == command} | {"hydra.searchpath"}
    if "scorer" in keys:
        keys |= {key for key in keys_that_there_are() if key.startswith("scorer.")}
    for flag in (in_command(flag, command) for flag in FLAGS.values()):
        if flag.is_there and flag.answer.partition("=")[0] not in keys:
            assert flag.note.startswith("of the command "), flag


def test_the_data_of_a_trained_model() -> None:
    assert answer(["bin", "--beam", "5"], "generate")[1] == f"bin: {MOVED}"
    assert answer(["bin", "--beam", "5"], "evaluate")[1].startswith("bin: leave it out, or write data=bin if")


WHOLE = ["--arch", "transformer", "--optimizer", "adam", "--lr", "1"]
LANGUAGES = "task.source_lang=A task.target_lang=B task.joined_dictionary=false"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], f"criterion=cross_entropy lr_scheduler=fixed training.max_update=N {LANGUAGES}"),
        (
            ["-s", "de", "--max-epoch", "3", "criterion=ctc"],
            "lr_scheduler=fixed training.max_update=0 task.target_lang=B task.joined_dictionary=false",
        ),
        (
            ["--task", "language_modeling", "--batch-size", "8", "--max-update", "5"],
            "criterion=cross_entropy lr_scheduler=fixed dataset.max_tokens=0",
        ),
        (
            ["--share-all-embeddings", "-t", "de", "--mu", "5", "lr_scheduler=fixed"],
            "criterion=cross_entropy task.source_lang=A",
        ),
        (
            ["--criterion=label_smoothed_cross_entropy", "--lr-scheduler=cosine", "-t=de", "--mu=5", "--eval-bleu"],
            "criterion.label_smoothing=0 scorer=bleu task.source_lang=A task.joined_dictionary=false",
        ),
    ],
)
def test_what_a_whole_command_leaves_to_fairseqs_defaults(words: list[str], expected: str) -> None:
    line, whole = answer([*WHOLE, *words])[-2:]
    assert whole.startswith("as a whole: python -m seqtrain model=transformer optimizer=adam ")
    assert line == f"not given, where fairseq's defaults differ: write {expected}"


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (WHOLE[:4], "train"),
        (WHOLE, "evaluate"),
        (
            [*WHOLE, "--criterion=ctc", "--lr-scheduler=fixed", "--mu=5", "--task=language_modeling", "task.data=x"],
            "train",
        ),
    ],
)
def test_where_nothing_else_is_to_be_written(arguments: list[str], command: str) -> None:
    assert [line for line in answer(arguments, command) if line.startswith("not given")] == []


def test_the_languages_are_those_of_the_data(tmp_path: Path) -> None:
    (tmp_path / "train.de-en.en.idx").touch()
    told = answer([*WHOLE, str(tmp_path)])[-2]
    assert told.endswith(" task.source_lang=de task.target_lang=en task.joined_dictionary=false")


def test_the_whole_command_composes() -> None:
    words = "bin --arch=transformer_iwslt_de_en -s=de -t=en --optimizer=adam --adam-betas=(0.9,0.98) --lr=5e-4 --fp16"
    words += " --max-epoch=3 --path=x --fp16-no-flatten-grads --patience=-1 training.seed=7"
    whole = answer(words.split())[-1]
    _, _, command = whole.partition("python -m seqtrain ")
    cfg = compose([*shlex.split(command), "training.precision=fp32"])
    assert cfg == compose(
        [
            "model=transformer_iwslt_de_en",
            "task.data=bin",
            "tokenizer=whitespace",
            "task.source_lang=de",
            "task.target_lang=en",
            "optimizer=adam",
            "optimizer.betas=[0.9,0.98]",
            "optimizer.lr=5e-4",
            "training.max_epoch=3",
            "training.max_update=0",
            "training.patience=0",
            "training.seed=7",
            "criterion=cross_entropy",
            "lr_scheduler=fixed",
            "task.joined_dictionary=false",
        ]
    )
    assert "training.precision=fp16" in command and "checkpoint" not in command


def test_with_flags_of_a_plug_in_there_is_no_whole_command() -> None:
    assert answer([*WHOLE, "--encoder-dropout", "0.2"])[-1].startswith("not given, ")
    assert answer(["--arch", "mine", *WHOLE[2:]])[-1].startswith("as a whole: python -m seqtrain model=mine optimizer")


@pytest.mark.parametrize("words", [["--arch", "x", "--cpu"], ["--optimizer", "adam", "--lr", "1", "--cpu", "bin"]])
def test_a_few_flags_are_no_whole_command(words: list[str]) -> None:
    assert [line for line in answer(words) if line.startswith(("not given", "as a whole"))] == []


def test_what_seqtrain_does_where_nothing_is_given() -> None:
    cfg = compose()
    here = {flag: unset.here for unset in UNSET for flag in unset.flags}
    assert here["--criterion"] == cfg.criterion._name
    assert here["--lr-scheduler"] == "polynomial_decay, after 200 updates of warm-up"
    assert (cfg.lr_scheduler._name, getattr(cfg.lr_scheduler, "warmup_updates", 0)) == ("polynomial_decay", 200)
    assert here["--max-update"] == str(cfg.training.max_update)
    assert here["--max-tokens"] == str(cfg.dataset.max_tokens)
    assert here["--required-batch-size-multiple"] == str(cfg.dataset.required_batch_size_multiple)
    assert here["--keep-last-epochs"] == f"the last {cfg.saving.keep_last}, and the best"
    assert [here["--scoring"]] == list(cfg.scorer)
    assert here["--lr"].startswith("3e-3") and cfg.optimizer.lr == 3e-3
    assert UNSET[0].flags[0] in FLAGS and set(here) <= FLAGS.keys()


@pytest.mark.parametrize("unset", UNSET, ids=lambda unset: unset.flags[0])
def test_every_override_for_fairseqs_defaults_is_of_keys_that_there_are(unset: Unset) -> None:
    assert {word.partition("=")[0] for word in unset.override.split()} <= keys_that_there_are()


@pytest.mark.parametrize(
    ("word", "command", "instead"),
    [
        (
            "fairseq-generate",
            "generate",
            "generate, with split=test for a set of the task; format=fairseq writes its lines",
        ),
        ("fairseq-eval-lm", "evaluate", "evaluate"),
        ("eval_lm", "evaluate", "evaluate"),
        ("fairseq-train", "train", "train, or leave it out"),
        (
            "interactive",
            "generate",
            "generate, which answers what is typed or input=FILE; format=fairseq writes its lines",
        ),
    ],
)
def test_fairseqs_commands(word: str, command: str, instead: str) -> None:
    assert of_fairseq(word) == (command, f"{word}: write {instead}")


@pytest.mark.parametrize("word", ["train", "generate", "task=translation", "score", "fairseq"])
def test_words_that_are_no_commands_of_fairseqs(word: str) -> None:
    assert of_fairseq(word) == ("", "")
