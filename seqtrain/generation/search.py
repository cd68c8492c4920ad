"""Which search a config asks for."""

from collections.abc import Callable
from dataclasses import replace

from seqtrain.base import Generator, Model, TaskInfo
from seqtrain.config import MBR, GenerationConfig, Quantize
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.minimum_bayes_risk import MinimumBayesRisk, utility_of
from seqtrain.nn.columns import columns_first
from seqtrain.nn.int8 import in_int8


def build_generator(
    cfg: GenerationConfig,
    model: Model,
    task: TaskInfo,
    language_model: LanguageModel | None = None,
    *,
    trained: bool = False,
) -> Generator:
    """Return a search by a model, and by a language model if there is one; with ``mbr`` one that chooses by it.

    Of a model that is ``trained``, whose parameters stay as they are, it may search with a copy that is faster.

    Raises:
        ConfigError: the target dictionary lacks a symbol that ``cfg`` names, or a model cannot be quantised.
    """
    copied: Callable[[Model], Model] | None = columns_first if trained else None
    if cfg.quantize is Quantize.int8:
        copied = in_int8
    if copied is not None:
        model = copied(model)
        language_model = language_model and language_model._replace(model=copied(language_model.model))
    if cfg.mbr is MBR.none:
        return SequenceGenerator(cfg, model, task, language_model=language_model)
    of_all = replace(cfg, nbest=cfg.width, mbr=MBR.none)
    search = SequenceGenerator(of_all, model, task, language_model=language_model)
    return MinimumBayesRisk(search, task.target_dictionary, utility_of(cfg.mbr), cfg.nbest)
