"""Which search a config asks for."""

from dataclasses import replace

from seqtrain.base import Generator, Model, TaskInfo
from seqtrain.config import MBR, GenerationConfig
from seqtrain.generation.fusion import LanguageModel
from seqtrain.generation.generator import SequenceGenerator
from seqtrain.generation.minimum_bayes_risk import MinimumBayesRisk, utility_of


def build_generator(
    cfg: GenerationConfig, model: Model, task: TaskInfo, language_model: LanguageModel | None = None
) -> Generator:
    """Return a search by a model, and by a language model if there is one; with ``mbr`` one that chooses by it.

    Raises:
        ConfigError: the target dictionary lacks a symbol that ``cfg`` names.
    """
    if cfg.mbr is MBR.none:
        return SequenceGenerator(cfg, model, task, language_model=language_model)
    of_all = replace(cfg, nbest=cfg.width, mbr=MBR.none)
    search = SequenceGenerator(of_all, model, task, language_model=language_model)
    return MinimumBayesRisk(search, task.target_dictionary, utility_of(cfg.mbr), cfg.nbest)
