from pathlib import Path

import pytest

from seqtrain.commands._shells import INSTALL, UNINSTALL
from seqtrain.commands.completion import candidates, main
from seqtrain.composition import searchpath_override
from seqtrain.errors import ConfigError

EXAMPLE = Path(__file__).parents[3] / "examples" / "my-module"


def test_the_first_word_is_a_command_or_an_override() -> None:
    found = candidates("seqtrain ")
    assert {"train", "generate", "model=", "model.", "training.", "+experiment=", "resume="} <= set(found)
    assert not [word for word in found if word.startswith(("hydra", "_", "-"))]
    assert found == sorted(found) and candidates("seqtrain") == found


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("gen", ["generate", "generation."]),
        ("generate che", ["checkpoint="]),
        ("generate ge", ["generation."]),
        ("train gen", ["generation."]),
        ("evaluate device=c", ["device=cpu", "device=cuda"]),
        (
            "model.positions=",
            [f"model.positions={kind}" for kind in ("alibi", "learned", "none", "rotary", "sinusoidal")],
        ),
        ("training.compile=", ["training.compile=false", "training.compile=true"]),
        ("model.decoder_lay", ["model.decoder_layerdrop=", "model.decoder_layers="]),
        ("model=transformer_vaswani_wmt_en_de", ["model=transformer_vaswani_wmt_en_de_big"]),
        ("optimizer=sgd optimizer.nest", ["optimizer.nesterov="]),
        ("optimizer=sgd optimizer.bet", []),
        ("optimizer=sgd optimizer.momentum=", ["optimizer.momentum=0.0"]),
        ("optimizer=adam optimizer.betas=", ["optimizer.betas=[0.9,0.999]"]),
        ("scorer=[bleu,ch", ["scorer=[bleu,chrf", "scorer=[bleu,chrf_plus_plus"]),
        ("scorer=[t", ["scorer=[ter"]),
        ("scorer", ["scorer.", "scorer="]),
        ("scorer=[bleu,ter] scorer.", ["scorer.bleu.", "scorer.ter."]),
        ("scorer=[bleu] scorer.bleu.tokenizer=z", ["scorer.bleu.tokenizer=zh"]),
        ("task.train=", ["task.train=[train]"]),
        ("task.cache_dir=", []),
        ("+experiment=multi30k_en_de_", ["+experiment=multi30k_en_de_tiny_wu2021", "+experiment=multi30k_en_de_tok"]),
        ("-m optimizer=sgd,adam_g", ["optimizer=sgd,adam_gpt3"]),
        ("-m training.seed=1,2 optimizer=sg", ["optimizer=sgd", "optimizer=sgd_nesterov"]),
        ("hydra/laun", ["hydra/launcher="]),
        ("hydra.sweep.d", ["hydra.sweep.dir="]),
        ("--cfg j", ["job"]),
        ("-c ", ["all", "hydra", "job"]),
        ("--conf", ["--config-dir", "--config-name"]),
        ("explain optimizer.l", ["optimizer.layer_decay", "optimizer.lr"]),
        ("explain optimizer.lr training.see", ["training.seed="]),
        ("plugins opt", ["optimizer"]),
        ("plugins exp", ["experiment"]),
        ("plugins experiment/w", ["experiment/wikitext103"]),
        ("plugins optimizer/s", ["optimizer/schedule_free_adamw", "optimizer/sgd", "optimizer/sgd_nesterov"]),
        ("new lr", ["lr_scheduler"]),
        ("schema lr", ["lr_scheduler"]),
        ("schema --w", ["--write"]),
        ("explain --", ["--help"]),
        ("resume=au", ["resume=auto"]),
        ("plot ou", ["output="]),
        ("plot lr_scheduler=cosine,tri", ["lr_scheduler=cosine,tri_stage", "lr_scheduler=cosine,triangular"]),
        ("plot lr_scheduler=triangular lr_scheduler.max", ["lr_scheduler.max_lr="]),
        ("plot --config-n", ["--config-name"]),
    ],
)
def test_a_word_is_completed(typed: str, expected: list[str]) -> None:
    assert candidates(f"seqtrain {typed}") == expected


@pytest.mark.parametrize(
    "typed", ["model.dim=", "model.=", "=", "nonsense.x.y=", "a[b=", "'model=", '"', "~model", "x"]
)
def test_what_is_no_key_has_no_completion(typed: str) -> None:
    assert candidates(f"seqtrain {typed}") == []


@pytest.mark.parametrize(
    "before", ["modle=x", "model=nonsense", "model.dropuot=1", "a b", "--nonsense", "model={", "="]
)
def test_mistakes_before_it_do_not_matter(before: str) -> None:
    assert candidates(f"seqtrain {before} optimizer=sg")[0] == "optimizer=sgd"


def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/first run").mkdir(parents=True)
    (tmp_path / "runs/second").mkdir()
    (tmp_path / "run.txt").touch()
    assert candidates("seqtrain generate checkpoint=ru") == ["checkpoint=run.txt", "checkpoint=runs/"]
    assert candidates("seqtrain generate checkpoint=runs/") == ["checkpoint=runs/second/"]
    assert candidates("seqtrain resume=runs/s") == ["resume=runs/second/"]
    assert candidates("seqtrain hydra.searchpath=[runs,ru")[-1] == "hydra.searchpath=[runs,runs/"
    assert candidates("seqtrain --config-dir ru") == ["run.txt", "runs/"]
    assert candidates("seqtrain check ru") == ["run.txt", "runs/"]
    assert candidates("seqtrain rerun checkpoint=runs/") == ["checkpoint=runs/second/"]
    monkeypatch.setenv("HOME", str(tmp_path))
    assert candidates("seqtrain generate input=~/runs/s") == ["input=~/runs/second/"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("verify up", ["updates="]),
        ("verify updates=5 optimizer=sgd_", ["optimizer=sgd_nesterov"]),
        ("verify updates=", []),
        ("verify --config-n", ["--config-name"]),
        ("rerun ch", ["checkpoint="]),
        ("rerun checkpoint=x plugins=", ["plugins=bundled", "plugins=installed"]),
        ("rerun training.device=c", ["training.device=cpu", "training.device=cuda"]),
        ("rerun optimi", []),
    ],
)
def test_words_of_tools_that_train(typed: str, expected: list[str]) -> None:
    assert candidates(f"seqtrain {typed}") == expected


def test_plugins_and_presets_of_a_user() -> None:
    (search,) = searchpath_override([EXAMPLE])
    found = candidates(f'seqtrain "{search}" model=my_')
    assert found == ["model=my_gru", "model=my_gru_wide", "model=my_transformer"]
    assert candidates(f'seqtrain "{search}" model=my_gru model.embed') == ["model.embed_dim="]


def test_a_primary_config_of_a_user(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("defaults: [config, {override optimizer: sgd}, _self_]\n")
    assert candidates(f"seqtrain --config-dir {tmp_path} --config-name mine optimizer.mom") == ["optimizer.momentum="]


def test_a_broken_directory_of_a_user_leaves_the_rest(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("=\n")
    assert candidates(f"seqtrain hydra.searchpath=[{tmp_path}] optimizer=sg")[0] == "optimizer=sgd"


def test_what_shells_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("bash", "zsh", "fish"):
        main([f"install={shell}"])
        assert capsys.readouterr().out.strip() == INSTALL[shell].strip()
        main([f"uninstall={shell}"])
        assert capsys.readouterr().out.strip() == UNINSTALL[shell]


@pytest.mark.parametrize("arguments", [[], ["install"], ["install=tcsh"], ["what=bash"], ["install=bash", "x"]])
def test_other_words_are_refused(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"-sc takes install=SHELL or uninstall=SHELL, SHELL one of: bash, zsh, fish"):
        main(arguments)


def test_a_query_prints_one_a_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMP_LINE", "seqtrain generate de")
    main(["query=bash"])
    assert capsys.readouterr().out == "device=\n"
    monkeypatch.setenv("COMP_LINE", "seqtrain nonsense.")
    main(["query=bash"])
    assert capsys.readouterr().out == ""
