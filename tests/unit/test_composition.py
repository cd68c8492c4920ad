from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from seqtrain.composition import compose, compose_node, from_container, to_config, to_container
from seqtrain.config import GenerateConfig, Precision
from seqtrain.errors import ConfigError, PluginError
from seqtrain.lr_schedulers.linear import LinearConfig
from seqtrain.models.transformer import TransformerConfig
from seqtrain.optimizers.adamw import AdamWConfig
from seqtrain.optimizers.composite import CompositeConfig, CompositePartConfig
from seqtrain.optimizers.muon import MuonConfig
from seqtrain.optimizers.sgd import SGDConfig


def test_compose_gives_dataclasses() -> None:
    cfg = compose(["model=transformer_tiny", "model.dropout=0.25", "training.precision=bf16"])
    assert isinstance(cfg.model, TransformerConfig)
    assert (cfg.model.encoder_embed_dim, cfg.model.dropout) == (64, 0.25)
    assert cfg.training.precision is Precision.bf16
    assert cfg.task.tokenizer == cfg.tokenizer


def test_composing_leaves_hydra_as_it_was() -> None:
    before = GlobalHydra.instance().hydra
    compose()
    with pytest.raises(ConfigError):
        compose(["nothing=1"])
    assert GlobalHydra.instance().hydra is before


def test_the_root_of_a_command() -> None:
    cfg = to_config(compose_node("generate_root", ["checkpoint=run", "generation.beam=2"]))
    assert isinstance(cfg, GenerateConfig)
    assert (cfg.checkpoint, cfg.input, cfg.generation.beam) == ("run", "-", 2)


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match="checkpoint"):
        to_config(compose_node("generate_root", []))


def test_interpolations_follow() -> None:
    cfg = compose(["lr_scheduler=polynomial_decay", "training.max_update=77"])
    assert cfg.lr_scheduler.total_num_update == 77  # type: ignore[attr-defined]  # PolynomialDecayConfig
    assert cfg.task.cache_dir == cfg.dataset.cache_dir


def test_the_round_trip_through_plain_data() -> None:
    cfg = compose(["optimizer=adam_gpt3", "task.data=somewhere", "scorer=[chrf,bleu]", "scorer.bleu.tokenizer=13a"])
    container = to_container(cfg)
    assert container["optimizer"]["_name"] == "adam"
    assert container["scorer"]["chrf"]["_name"] == "chrf"
    assert container["scorer"]["bleu"]["tokenizer"] == "13a"
    assert "tokenizer" not in container["task"]
    assert from_container(container) == cfg


def test_overrides_of_plain_data() -> None:
    container = to_container(compose())
    cfg = from_container(container, ["training.max_update=9", "task.data='a b'"])
    assert (cfg.training.max_update, cfg.task.data) == (9, "a b")  # type: ignore[attr-defined]  # TranslationConfig


@pytest.mark.parametrize("override", ["training.nothing=1", "training.seed=x", "training.seed=-1", "=", "a"])
def test_wrong_overrides_of_plain_data(override: str) -> None:
    with pytest.raises(ConfigError):
        from_container(to_container(compose()), [override])


def test_plain_data_of_a_plugin_that_is_not_there() -> None:
    container = to_container(compose())
    container["model"]["_name"] = "nobody"
    with pytest.raises(PluginError, match="no model is registered as 'nobody'"):
        from_container(container)


def test_plain_data_with_a_key_of_another_version() -> None:
    container = to_container(compose())
    container["training"]["from_the_future"] = 1
    with pytest.raises(ConfigError, match="from_the_future"):
        from_container(container)


def test_a_user_directory_by_argument(tmp_path: Path) -> None:
    directory = tmp_path / "it's, here"
    (directory / "optimizer").mkdir(parents=True)
    (directory / "optimizer" / "quick.yaml").write_text("defaults: [adam, _self_]\nlr: 0.5\n")
    assert compose(["optimizer=quick"], searchpath=[directory]).optimizer.lr == 0.5


def test_a_checkpoints_config_holds_no_interpolation() -> None:
    assert "${" not in OmegaConf.to_yaml(OmegaConf.create(to_container(compose())))


PARTS = """
defaults:
  - composite
  - muon@parts.layers.optimizer
  - /lr_scheduler/linear@parts.layers.lr_scheduler
  - adamw@parts.rest.optimizer
  - _self_
parts:
  layers: {pattern: layers, optimizer: {lr: 0.02}}
"""


def test_plug_ins_in_a_plug_in(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer/mine.yaml").write_text(PARTS)
    cfg = compose(["optimizer=mine", "optimizer.parts.rest.optimizer.weight_decay=0.2"], searchpath=[tmp_path])
    assert isinstance(cfg.optimizer, CompositeConfig)
    layers, rest = cfg.optimizer.parts["layers"], cfg.optimizer.parts["rest"]
    assert (layers.pattern, layers.optimizer, rest.pattern) == ("layers", MuonConfig(lr=0.02), None)
    assert layers.lr_scheduler == LinearConfig(total_num_update=cfg.training.max_update)
    assert (rest.optimizer, rest.lr_scheduler) == (AdamWConfig(weight_decay=0.2), None)
    assert from_container(to_container(cfg)) == cfg


def test_plug_ins_in_a_plug_in_on_the_command_line() -> None:
    cfg = compose(["optimizer=composite", "+optimizer@optimizer.parts.all.optimizer=sgd"])
    assert cfg.optimizer == CompositeConfig(parts={"all": CompositePartConfig(None, SGDConfig())})


def test_a_plug_in_in_a_plug_in_that_is_not_there() -> None:
    container = to_container(compose(["optimizer=composite", "+optimizer@optimizer.parts.all.optimizer=sgd"]))
    container["optimizer"]["parts"]["all"]["optimizer"]["_name"] = "sdg"
    with pytest.raises(PluginError, match="no optimizer is registered as 'sdg'"):
        from_container(container)
    container["optimizer"]["parts"]["all"]["optimizer"]["_name"] = 3
    with pytest.raises(ConfigError, match=r"optimizer\.parts\.all\.optimizer\._name: is missing, or no text"):
        from_container(container)


def test_a_mistake_is_told_without_what_hydra_says_of_it() -> None:
    with pytest.raises(ConfigError, match=r"did you mean model\.dropout\?") as error:
        compose(["model.dropuot=0.2"])
    assert error.value.__cause__ is None and error.value.__suppress_context__
