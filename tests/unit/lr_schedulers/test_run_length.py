import pytest

from seqtrain.errors import ConfigError
from seqtrain.lr_schedulers._run_length import RunLengthConfig
from seqtrain.testing.configs import default_config

NEEDED = "lr_scheduler needs to know when training ends: set training.max_update or lr_scheduler.total_num_update"


class AnyLengthConfig(RunLengthConfig):
    def needs_length(self) -> bool:
        return False


def test_the_length_is_that_of_training_or_another() -> None:
    assert default_config(RunLengthConfig).length() == 100
    assert RunLengthConfig(total_num_update=7).length() == 7


def test_it_is_needed_unless_the_schedule_says_otherwise() -> None:
    with pytest.raises(ConfigError) as error:
        RunLengthConfig(total_num_update=0)
    assert str(error.value) == NEEDED
    assert AnyLengthConfig(total_num_update=0).length() == 0


def test_a_config_made_by_hand_must_give_it() -> None:
    with pytest.raises(ConfigError, match=r"=\$\{training.max_update\} is no number: pass one to a RunLengthConfig"):
        RunLengthConfig().length()


def test_the_range() -> None:
    with pytest.raises(ConfigError, match=r"RunLengthConfig.total_num_update=-1 must be at least 0"):
        RunLengthConfig(total_num_update=-1)
