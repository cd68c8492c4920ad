"""Where the data of a checkpoint's task is to be found now, as overrides of the checkpoint's config."""

from seqtrain.composition import quote
from seqtrain.config import EvaluateConfig, GenerateConfig


def data_overrides(cfg: EvaluateConfig | GenerateConfig) -> list[str]:
    """Return where prepared data is kept here, and the directory of the data if one is named."""
    overrides = [f"dataset.cache_dir={quote(cfg.dataset.cache_dir)}"]
    return [*overrides, f"task.data={quote(cfg.data)}"] if cfg.data else overrides
