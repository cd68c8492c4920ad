"""Which search a config asks for."""

from dataclasses import replace

from seqtrain.base import Generator, Model, TaskInfo
from seqtrain.config import MBR, GenerationConfig, Quantize
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.minimum_bayes_risk import MinimumBayesRisk, utility_of
from seqtrain.nn.int8 import in_int8


def build_generator(
    cfg: GenerationConfig, model: Model, task: TaskInfo, language_model: LanguageModel | None = None
) -> Generator:
    """Return a search by a model, and by a language model if there is one; with ``mbr`` one that chooses by it.

    Raises:
        ConfigError: the target dictionary lacks a symbol that ``cfg`` names, or a model cannot be quantised.
    """
    if cfg.quantize is Quantize.int8:
        model = in_int8(model)
        language_model = language_model and language_model._replace(model=in_int8(language_model.model))
    if cfg.mbr is MBR.none:
        return SequenceGenerator(cfg, model, task, language_model=language_model)
    of_all = replace(cfg, nbest=cfg.width, mbr=MBR.none)
    search = SequenceGenerator(of_all, model, task, language_model=language_model)
    return MinimumBayesRisk(search, task.target_dictionary, utility_of(cfg.mbr), cfg.nbest)
