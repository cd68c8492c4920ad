"""Loading of trained models: ``seqtrain.load(RUN)``, of several as an ensemble, and with a language model."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TypeVar

from seqtrain.checkpoint import Checkpoint
from seqtrain.composition import discover, register_all, searchpath_override
from seqtrain.config import Device, Plugins
from seqtrain.errors import ConfigError
from seqtrain.generation.compatible import check_ensemble, check_language_model
from seqtrain.generation.fusion import LanguageModel
from seqtrain.nn.ensemble import Ensemble
from seqtrain.restored import restore
from seqtrain.trained import TrainedModel
from seqtrain.training.device import find_device

EnumT = TypeVar("EnumT", bound=Enum)


def load(
    path: str | Path | Sequence[str | Path],
    *,
    language_model: str | Path = "",
    device: Device | str = Device.auto,
    overrides: Sequence[str] = (),
    searchpath: Sequence[str | Path] = (),
    plugins: Plugins | str = Plugins.installed,
) -> TrainedModel:
    """Load a run directory's best checkpoint, or a checkpoint directory. No code of it is run unless that is asked for.

    Args:
        path: the run or checkpoint directory; several are an ensemble.
        language_model: that of a language model that has a say when text is decoded.
        device: where to compute.
        overrides: of its config, such as ``task.data=DIR`` where the data has moved.
        searchpath: user directories with the plug-ins that it was made with.
        plugins: ``bundled`` runs the checkpoint's own copy of users' plug-ins.

    Raises:
        CheckpointError: there is none, or it is damaged.
        ConfigError: the models do not go together, or there is no such ``device`` or choice of ``plugins``.
        PluginError: it was made with a plug-in that is not registered.
    """
    register_all()
    if searchpath:
        discover(searchpath_override(searchpath))
    device, plugins = _chosen(Device, device, "device"), _chosen(Plugins, plugins, "plugins")
    paths = [path] if isinstance(path, str | Path) else path
    trained = _together([_load(str(one), overrides, device, plugins) for one in paths])
    if not language_model:
        return trained
    return _with_language_model(trained, _load(language_model, (), device, plugins), f"lm_path={language_model}")


def _chosen(choices: type[EnumT], name: str, key: str) -> EnumT:
    if name not in choices.__members__:
        raise ConfigError(f"{key}={name}: there is no such choice; there are {', '.join(choices.__members__)}")
    return choices[name]


def _load(path: str | Path, overrides: Sequence[str], device: Device, plugins: Plugins) -> TrainedModel:
    checkpoint = Checkpoint.open(path)
    checkpoint.bundle().provide(plugins)
    cfg, task, model = restore(checkpoint, overrides)
    return TrainedModel(checkpoint, cfg, task, model.to(find_device(device)).eval())


def _together(loaded: Sequence[TrainedModel]) -> TrainedModel:
    """Return models as one, with the task of the one whose limits are the lowest."""
    if not loaded:
        raise ConfigError("checkpoint=[] names no model: name a run directory or a checkpoint directory")
    lowest = check_ensemble([(str(trained.checkpoint.path), trained.task) for trained in loaded])
    if len(loaded) == 1:
        return loaded[0]
    others = [trained.checkpoint for trained in loaded if trained is not loaded[lowest]]
    return replace(loaded[lowest], model=Ensemble([trained.model for trained in loaded]).eval(), others=others)


def _with_language_model(trained: TrainedModel, other: TrainedModel, name: str) -> TrainedModel:
    """Return a model in whose searches another one, called ``name`` in messages, has a say."""
    language = LanguageModel(other.model, other.task.info)
    tokenizer = trained.checkpoint.path / "tokenizer"
    check_language_model(name, language, trained.task.info.target_dictionary, tokenizer)
    return replace(trained, language_model=language)
