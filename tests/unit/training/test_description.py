import torch

from seqtrain.composition import compose
from seqtrain.registry import REGISTRIES
from seqtrain.testing.toy import toy_task
from seqtrain.training.description import description


def test_what_is_trained_and_on_what() -> None:
    cfg = compose(["model=lstm_lm", "task=language_modeling", "tokenizer=byte", "training.max_update=1"])
    model = REGISTRIES["model"].build(cfg.model, toy_task())
    number = sum(parameter.numel() for parameter in model.parameters())
    plugins, size = description(cfg, model, torch.device("cpu"))
    assert plugins.startswith("task language_modeling, model lstm_lm, criterion ")
    assert plugins.endswith(", tokenizer byte")
    assert size == f"{number:,} parameters; cpu with {torch.get_num_threads()} threads, fp32"
    assert description(cfg, model, torch.device("mps"))[1].endswith("; mps, fp32")
