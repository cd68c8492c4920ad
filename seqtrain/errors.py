"""Errors that are the user's to mend: the command line prints their message and exits with 2."""


class SeqtrainError(Exception):
    """Something outside the program is wrong. The message says what, where, and what to do."""


class ConfigError(SeqtrainError):
    """A key or a value of the config is wrong, or two contradict each other."""


class DataError(SeqtrainError):
    """A corpus, an index or a line of text cannot be used as it is."""


class CheckpointError(SeqtrainError):
    """A run or a checkpoint is missing, incomplete, damaged or of another version."""


class StorageError(SeqtrainError):
    """The file system refuses what has to be written."""


class PluginError(SeqtrainError):
    """A plug-in cannot be registered, imported or found."""


class TrainingError(SeqtrainError):
    """Training cannot go on, for example because a gradient is not finite."""
