"""Options of a search as arguments of Python: what the command line takes as ``generation.<name>=<value>``."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ValidationError

from seqtrain.config import GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.mistakes import unknown_key, wrong_type


def with_options(cfg: GenerationConfig | None, options: Mapping[str, Any]) -> GenerationConfig:
    """Return a config of the search, the default one if None, with some of its fields set to other values.

    Choices may be given by name: ``constraints="ordered"``.

    >>> with_options(None, {"beam": 2, "lenpen": 0.6}).beam
    2

    Raises:
        ConfigError: there is no such field, or a value is of another type, out of range or contradicts another.
    """
    node = OmegaConf.structured(cfg or GenerationConfig())
    if mistakes := [line for name, value in options.items() if (line := _set(node, name, value))]:
        raise ConfigError("\n".join(mistakes))
    config = OmegaConf.to_object(node)
    assert isinstance(config, GenerationConfig)
    return config


def _set(node: DictConfig, name: str, value: Any) -> str:
    """Set a field; return what is wrong with it, if anything is."""
    if name not in node:
        return f"{name}={value}: {unknown_key(name, [str(key) for key in node])}"
    try:
        node[name] = value
    except ValidationError:
        return f"{name}={value}: {wrong_type(node, name, value)}"
    return ""
