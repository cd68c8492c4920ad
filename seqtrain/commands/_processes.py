"""What decodes for ``generate``: a search in this process, or ``num_processes`` with one each."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import torch

from seqtrain import plugins
from seqtrain.base import Batch
from seqtrain.commands._decoded import Search, search_by
from seqtrain.commands._moved import data_overrides
from seqtrain.commands._runs import ended_by_sigterm
from seqtrain.commands._speed import Measured, Speed
from seqtrain.commands._streams import is_typed
from seqtrain.config import Device, GenerateConfig
from seqtrain.generation.worker import Found
from seqtrain.generation.workers import Workers
from seqtrain.loading import load
from seqtrain.memory import keep_memory
from seqtrain.trained import TrainedModel


@contextmanager
def searching(cfg: GenerateConfig, speed: Speed) -> Iterator[tuple[TrainedModel, Search]]:
    """Yield the model that is asked for, and what decodes with it: of several processes each has weights of its own."""
    count = cfg.num_processes or number_there(cfg.device)
    if count == 1:
        trained = load_model(cfg)
        yield trained, Measured(search_by(trained, cfg), speed)
        return
    threads = max(1, torch.get_num_threads() // count)
    # What is written is scored here: a worker gets no scorers.
    start = partial(set_up, replace(cfg, scorer={}), plugins.searchpath(), threads)
    with ended_by_sigterm(), Workers(start, count, windows_ahead(cfg, count), speed.add) as workers:
        yield without_weights(load_model(replace(cfg, device=Device.cpu))), workers


def load_model(cfg: GenerateConfig, searchpath: Sequence[str] = ()) -> TrainedModel:
    """Load the models that a config names, for its languages.

    Args:
        cfg: the config.
        searchpath: where plug-ins of users' are imported from, if they are not yet.
    """
    trained = load(
        cfg.checkpoint,
        language_model=cfg.lm_path,
        device=cfg.device,
        overrides=data_overrides(cfg),
        searchpath=searchpath,
        plugins=cfg.plugins,
    )
    return trained if cfg.split else trained.in_languages(cfg.source_lang, cfg.target_lang)


def set_up(cfg: GenerateConfig, searchpath: Sequence[str], threads: int, number: int) -> Callable[[Batch], Found]:
    """Return what decodes batches in a worker, with a model on a GPU of its own if there are enough."""
    torch.set_num_threads(threads)
    keep_memory()
    if gpus := gpus_for(cfg.device):
        torch.cuda.set_device(number % gpus)
    trained = load_model(cfg, searchpath)
    return partial(trained.task.inference_step, generator=search_by(trained, cfg))


def number_there(device: Device) -> int:
    """Return how many GPUs there are to compute on, or cores for this process if there is none."""
    if device is Device.mps or (device is Device.auto and torch.backends.mps.is_available()):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return gpus_for(device) or cores


def gpus_for(device: Device) -> int:
    """Return how many CUDA GPUs there are, 0 where another device is to compute."""
    return torch.cuda.device_count() if device in (Device.auto, Device.cuda) else 0


def windows_ahead(cfg: GenerateConfig, count: int) -> int:
    """Return how many windows of lines keep processes busy; as many lines are read ahead as ``buffer_size`` allows."""
    return 1 if cfg.buffer_size or is_typed(cfg.input) else 2 + count // 16


def without_weights(trained: TrainedModel) -> TrainedModel:
    """Free the memory of models that are not going to compute here."""
    trained.model.to("meta")
    if trained.language_model is not None:
        trained.language_model.model.to("meta")
    return trained
