import pytest

from seqtrain.commands._moved import data_overrides
from seqtrain.config import DatasetConfig, EvaluateConfig, GenerateConfig


@pytest.mark.parametrize("config", [EvaluateConfig, GenerateConfig])
def test_where_data_is_now(config: type[EvaluateConfig] | type[GenerateConfig]) -> None:
    dataset = DatasetConfig(cache_dir="/new cache")
    assert data_overrides(config(dataset=dataset)) == ["dataset.cache_dir='/new cache'"]
    moved = config(dataset=dataset, data="it's", split="test")
    assert data_overrides(moved) == ["dataset.cache_dir='/new cache'", "task.data='it\\'s'"]
