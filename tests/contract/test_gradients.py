"""What the optimizer sees does not depend on how sentences stand in batches: every criterion, through the real update.

A real transformer in fp32, without dropout, on number names. Accumulated gradients are sums, divided at the end by all
``sample_size``: that is compared, parameter by parameter.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from rich.console import Console
from torch import Tensor
from torch.nn.functional import pad

import seqtrain
from seqtrain.base import Batch
from seqtrain.config import TrainConfig
from seqtrain.criterions import REGISTRY
from seqtrain.data.number_names import english, german
from seqtrain.plugins import forget_user_directory, import_builtin, user_directories
from seqtrain.training.run_directory import RunDirectory
from seqtrain.training.session import Session
from seqtrain.training.trainer import Trainer

import_builtin()

TINY = [
    "task=translation",
    "tokenizer=char",
    "lr_scheduler=inverse_sqrt",
    "validation.final_split=''",
    "training.device=cpu",
    "training.update_freq=4",
]
TRANSFORMER = ["model=transformer_tiny", "model.dropout=0"]
ENCODER = Path(__file__).parents[1] / "fixtures" / "encoder"
NUMBERS = range(90, 122)
"""Names from 4 to 24 letters."""
RTOL = 1e-5
"""Of the largest number in a gradient."""

Gradients = dict[str, Tensor]
Update = Callable[[Sequence[Batch]], Gradients]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("corpus")
    for prefix in ("train", "valid"):
        for language, name in (("en", english), ("de", german)):
            text = "".join(f"{name(number)}\n" for number in NUMBERS)
            (directory / f"{prefix}.{language}").write_text(text, encoding="utf-8")
        (directory / f"{prefix}.align.en-de").write_text("0-0 1-0 2-3\n" * len(NUMBERS))
    return directory


@pytest.fixture(scope="module", params=[False, True], ids=["per_token", "per_sentence"])
def sentence_avg(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module", params=REGISTRY.names())
def trainer(request: pytest.FixtureRequest, sentence_avg: bool, corpus: Path) -> Iterator[Trainer]:
    """A trainer that has not begun."""
    chosen = [f"criterion={request.param}", f"criterion.sentence_avg={sentence_avg}"]
    needed = NEEDED[request.param](corpus) if request.param in NEEDED else []
    cfg = config(corpus, *chosen, *needed)
    session = Session(cfg, RunDirectory(corpus / "run", cfg.saving), Console(quiet=True))
    yield Trainer(cfg, session.build(), [])
    if ENCODER in user_directories():
        forget_user_directory(ENCODER)


def config(corpus: Path, *overrides: str) -> TrainConfig:
    model = [] if "model=labeller" in overrides else TRANSFORMER
    data = [f"task.data={corpus}", f"dataset.cache_dir={corpus / 'cache'}"]
    return seqtrain.compose([*TINY, *model, *data, *overrides])


def with_a_teacher(corpus: Path) -> list[str]:
    """Train a teacher, and choose it."""
    directory = Path(tempfile.mkdtemp(dir=corpus))
    seqtrain.train(config(corpus, "training.max_update=1"), directory / "teacher", console=Console(quiet=True))
    return [f"criterion.teacher={directory / 'teacher'}"]


NEEDED: dict[str, Callable[[Path], list[str]]] = {
    "adaptive_loss": lambda _: ["model.adaptive_softmax_cutoff=[12,20]"],
    "ctc": lambda _: [f"hydra.searchpath=[{ENCODER}]", "model=labeller"],
    "knowledge_distillation": with_a_teacher,
    "label_smoothed_cross_entropy_with_ctc": lambda _: ["model.ctc_upsampling=2"],
    "label_smoothed_cross_entropy_with_alignment": lambda _: ["task.load_alignments=true"],
    "label_smoothed_cross_entropy_with_rdrop": lambda _: ["criterion.rdrop_alpha=5"],
}
"""What a criterion needs to compute all that it can, made beside the corpus."""


@pytest.fixture
def update(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> Update:
    """Run an update and return the gradients that its optimizer steps with; the parameters stay as they are."""
    seen: Gradients = {}

    def step() -> None:
        parameters = trainer.parts.model.named_parameters()
        seen.update({name: p.grad.clone() for name, p in parameters if p.grad is not None})

    def update(batches: Sequence[Batch]) -> Gradients:
        seen.clear()
        assert trainer.update(batches) is not None
        return dict(seen)

    monkeypatch.setattr(trainer.parts.optimizer, "step", step)
    return update


@pytest.fixture
def batch(trainer: Trainer) -> Batch:
    """All sentences, short and long ones in turns."""
    return collated(trainer, np.arange(len(NUMBERS)))


def collated(trainer: Trainer, ids: npt.NDArray[np.int64]) -> Batch:
    return trainer.parts.task.dataset("train").collate(ids)


def assert_same(found: Gradients, expected: Gradients) -> None:
    """Check gradients within ``RTOL`` of each parameter's largest."""
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.isfinite().all() and gradient.any(), name
        off = (found[name] - gradient).abs().max() / gradient.abs().max()
        assert off <= RTOL, f"the gradient of {name} is off by {off:.1e} of its largest number"


def test_update_freq_4_is_a_batch_four_times_as_large(trainer: Trainer, update: Update, batch: Batch) -> None:
    parts = [collated(trainer, part) for part in np.split(np.arange(len(NUMBERS)), 4)]
    assert len({part.ntokens for part in parts}) > 1, "an average of averages would pass"
    assert_same(update(parts), update([batch]))


@pytest.mark.parametrize(("source", "target"), [(1, 1), (7, 7), (64, 64), (64, 0), (0, 64)])
def test_padding(trainer: Trainer, update: Update, batch: Batch, source: int, target: int) -> None:
    task = trainer.parts.task.info
    source_tokens, prev_output_tokens = (batch.net_input[name] for name in ("source_tokens", "prev_output_tokens"))
    more = {
        "source_tokens": pad(source_tokens, (0, source), value=task.source_dictionary.pad),
        "prev_output_tokens": pad(prev_output_tokens, (0, target), value=task.target_dictionary.pad),
    }
    padding = pad(batch.target, (0, target), value=task.target_dictionary.pad)
    assert_same(update([replace(batch, net_input=batch.net_input | more, target=padding)]), update([batch]))


def test_order_of_sentences(trainer: Trainer, update: Update, batch: Batch) -> None:
    order = np.random.default_rng(1).permutation(len(NUMBERS))
    assert_same(update([collated(trainer, order)]), update([batch]))
