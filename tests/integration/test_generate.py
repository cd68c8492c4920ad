"""``generate``: one line out for each line in, whatever the lines and the paths are like."""

import gzip
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from seqtrain.commands import generate as generate_command
from seqtrain.commands.trained import TrainedModel
from seqtrain.config import GenerationConfig
