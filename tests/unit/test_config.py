from typing import Any

import pytest

from seqtrain import config
from seqtrain.errors import ConfigError
from seqtrain.scorers.bleu import BLEUConfig
from seqtrain.scorers.ter import TERConfig


@pytest.mark.parametrize(
    ("section", "values", "message"),
    [
        ("TrainingConfig", {"max_update": -1}, "TrainingConfig.max_update=-1 must be at least 0"),
        ("TrainingConfig", {"update_freq": 0}, "TrainingConfig.update_freq=0 must be at least 1"),
        ("TrainingConfig", {"clip_norm": float("nan")}, "TrainingConfig.clip_norm=nan must be at least 0"),
        ("TrainingConfig", {"log_base": 1.0}, "TrainingConfig.log_base=1.0 must be above 1"),
        ("TrainingConfig", {"log_interval": 0}, "TrainingConfig.log_interval=0 must be at least 1"),
        ("DatasetConfig", {"max_tokens": 0}, "set dataset.max_tokens or dataset.max_sentences"),
        ("DatasetConfig", {"required_batch_size_multiple": 0}, "must be at least 1"),
        ("ValidationConfig", {"max_batches": -1}, "ValidationConfig.max_batches=-1 must be at least 0"),
        ("SavingConfig", {"keep_last": -1}, "SavingConfig.keep_last=-1 must be at least 0"),
        ("SavingConfig", {"extend_vocabulary": True}, "saving.extend_vocabulary=true is for a run that starts from"),
        ("SavingConfig", {"reset": []}, "saving.reset is for a run that starts from another: set saving.finetune_from"),
        (
            "GenerateConfig",
            {"device": config.Device.cuda, "generation": config.GenerationConfig(quantize=config.Quantize.int8)},
            "generation.quantize=int8 is for a CPU, and device=cuda is set: leave out one of them",
        ),
        (
            "EvaluateConfig",
            {"device": config.Device.mps, "generation": config.GenerationConfig(quantize=config.Quantize.int8)},
            "generation.quantize=int8 is for a CPU, and device=mps is set",
        ),
        (
            "TrainConfig",
            {"generation": config.GenerationConfig(quantize=config.Quantize.int8)},
            "generation.quantize=int8 is for trained models",
        ),
        ("GenerationConfig", {"beam": 0}, "GenerationConfig.beam=0 must be at least 1"),
        ("GenerationConfig", {"nbest": 6}, "generation.nbest=6 is more than generation.beam=5"),
        (
            "GenerationConfig",
            {"sampling_topp": 1.1},
            "GenerationConfig.sampling_topp=1.1 must be at least 0 and at most 1",
        ),
        (
            "GenerationConfig",
            {"sampling_topk": 5},
            "generation.sampling_topk=5 is for sampling: set generation.sampling",
        ),
        ("GenerationConfig", {"sampling_topp": 0.9}, "generation.sampling_topp=0.9 is for sampling"),
        (
            "GenerationConfig",
            {"sampling": True, "sampling_topk": 5, "sampling_topp": 0.9},
            "generation.sampling_topk and generation.sampling_topp both say what to draw among: choose one",
        ),
        (
            "GenerationConfig",
            {"diverse_beam_groups": 2},
            "generation.beam=5 cannot be divided into generation.diverse_beam_groups=2 groups of the same size",
        ),
        (
            "GenerationConfig",
            {"sampling": True, "constraints": "ordered"},
            "generation.sampling and generation.constraints are different ways to search: choose one",
        ),
        (
            "GenerationConfig",
            {"diverse_beam_groups": 5, "diversity_rate": 0.5},
            "generation.diverse_beam_groups and generation.diversity_rate are different ways to search: choose one",
        ),
        ("TrainConfig", {}, "training would never end"),
    ],
)
def test_values_out_of_range(section: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        getattr(config, section)(**values)
    assert message in str(error.value)


def test_any_number_of_samples() -> None:
    cfg = config.GenerationConfig(sampling=True, beam=2, nbest=50, diverse_beam_strength=0.1)
    assert cfg.width == 50
    assert config.GenerationConfig(beam=7, nbest=3).width == 7


def test_one_limit_of_batches_is_enough() -> None:
    assert config.DatasetConfig(max_tokens=0, max_sentences=1).max_sentences == 1


@pytest.mark.parametrize(
    ("generate", "name", "maximize", "message"),
    [
        (False, "cased", True, "saving.metric=valid/cased needs validation.generate=true"),
        (True, "cased", False, "is better the higher it is: set saving.maximize=true"),
        (True, "edits", True, "saving.metric=valid/edits is better the lower it is: set saving.maximize=false"),
    ],
)
def test_a_score_that_says_which_checkpoint_is_best(generate: bool, name: str, maximize: bool, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        scored(generate=generate, metric=f"valid/{name}", maximize=maximize)


def scored(*, generate: bool, metric: str, maximize: bool) -> config.TrainConfig:
    return config.TrainConfig(
        training=config.TrainingConfig(max_update=1),
        scorer={"cased": BLEUConfig(), "edits": TERConfig()},
        validation=config.ValidationConfig(generate=generate),
        saving=config.SavingConfig(metric=metric, maximize=maximize),
    )


def test_scores_that_are_better_the_lower_they_are() -> None:
    assert scored(generate=True, metric="valid/edits", maximize=False).scorer["edits"] == TERConfig()
    assert scored(generate=True, metric="valid1/cased", maximize=True).saving.maximize


def test_decoding_for_no_score() -> None:
    with pytest.raises(ConfigError, match=r"choose by what, such as scorer=\[bleu\]"):
        config.TrainConfig(
            training=config.TrainingConfig(max_update=1), validation=config.ValidationConfig(generate=True)
        )


def test_rank_puts_the_best_first() -> None:
    assert sorted([2.0, 3.0, 1.0], key=config.SavingConfig().rank) == [1.0, 2.0, 3.0]
    assert sorted([2.0, 3.0, 1.0], key=config.SavingConfig(maximize=True).rank) == [3.0, 2.0, 1.0]


def test_what_of_another_run_goes_on() -> None:
    assert config.SavingConfig().kept == config.SavingConfig(finetune_from="run").kept == set()
    assert config.SavingConfig(finetune_from="run", reset=[config.Reset.data]).kept == {
        config.Reset.optimizer,
        config.Reset.lr_scheduler,
    }
