from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from seqtrain.composition import compose, compose_node, from_container, to_config, to_container
from seqtrain.config import GenerateConfig, Precision
from seqtrain.errors import ConfigError, PluginError
from seqtrain.models.transformer import TransformerConfig


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
    cfg = compose(["optimizer=adam_gpt3", "task.data=somewhere", "validation.scorers=[chrf]"])
    container = to_container(cfg)
    assert container["optimizer"]["_name"] == "adam"
    assert container["validation"]["scorers"] == ["chrf"]
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
