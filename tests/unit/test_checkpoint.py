import json
from pathlib import Path

import pytest
import torch
from torch import nn

from seqtrain import checkpoint
from seqtrain.checkpoint import Checkpoint, Snapshot
from seqtrain.errors import CheckpointError, SeqtrainError
from seqtrain.manifest import write_manifest
from seqtrain.model_tensors import model_tensors


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(4, 2)
        self.out = nn.Linear(2, 4, bias=False)
        self.out.weight = self.embed.weight
        self.register_buffer("count", torch.tensor([3]))
        self.register_buffer("table", torch.zeros(2), persistent=False)


def save_words(directory: Path) -> None:
    (directory / "words.txt").write_text("a\n")


def write(directory: Path, model: nn.Module) -> Checkpoint:
    return checkpoint.write(
        directory,
        model=model_tensors(model),
        config={"training": {"seed": 7}},
        metrics={"valid/loss": 1.5},
        save_task=save_words,
        snapshot=Snapshot({"embed.weight.exp_avg": torch.ones(4, 2)}, {"num_updates": 3}),
    )


def test_tied_parameters_are_stored_once_and_buffers_with_them() -> None:
    assert sorted(model_tensors(Tied())) == ["count", "embed.weight"]


def test_round_trip(tmp_path: Path) -> None:
    model, other = Tied(), Tied()
    write(tmp_path / "update-00000003", model)
    saved = Checkpoint.open(tmp_path / "update-00000003")
    saved.load_model(other)
    torch.testing.assert_close(other.out.weight, model.embed.weight, rtol=0, atol=0)
    assert saved.container() == {"training": {"seed": 7}}
    assert saved.metrics() == {"valid/loss": 1.5}
    assert saved.snapshot().state == {"num_updates": 3}
    assert (saved.path / "words.txt").read_text() == "a\n"


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    model = Tied()
    paths = [write(tmp_path / name, model).path for name in ("a", "b")]
    for file in ("model.safetensors", "training/optimizer.safetensors", "manifest.json"):
        assert (paths[0] / file).read_bytes() == (paths[1] / file).read_bytes()


def test_failure_while_writing_leaves_nothing(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError("no space left")

    with pytest.raises(SeqtrainError, match="no space"):
        checkpoint.write(tmp_path / "c", model={}, config={}, metrics={}, save_task=fail)
    assert list(tmp_path.iterdir()) == []


def test_never_onto_an_existing_one(tmp_path: Path) -> None:
    write(tmp_path / "c", Tied())
    with pytest.raises(FileExistsError):
        write(tmp_path / "c", Tied())


@pytest.mark.parametrize(
    "file", ["model.safetensors", "training/optimizer.safetensors", "config.yaml", "training/state.json", "words.txt"]
)
def test_damage_is_found_on_opening(tmp_path: Path, file: str) -> None:
    path = write(tmp_path / "c", Tied()).path
    whole = (path / file).read_bytes()
    (path / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=f"{file} is cut short"):
        Checkpoint.open(path)
    (path / file).write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    with pytest.raises(CheckpointError, match=f"{file} is damaged"):
        Checkpoint.open(path)
    (path / file).unlink()
    with pytest.raises(CheckpointError, match=f"{file} is missing"):
        Checkpoint.open(path)


def test_another_version_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "c", Tied()).path
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"version": 2}))
    with pytest.raises(CheckpointError, match="has format version 2; this seqtrain reads version 1"):
        Checkpoint.open(path)


def test_interpolations_are_refused(tmp_path: Path) -> None:
    saved = checkpoint.write(
        tmp_path / "c", model={}, config={"task": {"data": "${oc.env:HOME}"}}, metrics={}, save_task=lambda _: None
    )
    with pytest.raises(CheckpointError, match="plain values only"):
        saved.container()


def test_python_objects_in_yaml_are_refused(tmp_path: Path) -> None:
    saved = checkpoint.write(tmp_path / "c", model={}, config={}, metrics={}, save_task=lambda _: None)
    (saved.path / "config.yaml").write_text("!!python/object/apply:os.system ['true']\n")
    with pytest.raises(CheckpointError, match="an anchor, an alias or a tag"):
        saved.container()


def test_resolve_finds_best_then_last_then_newest(tmp_path: Path) -> None:
    directory = tmp_path / "run" / "checkpoints"
    directory.mkdir(parents=True)
    for update in (1, 2, 3):
        write(directory / f"update-{update:08d}", Tied())
    assert checkpoint.resolve(tmp_path / "run").name == "update-00000003"
    (tmp_path / "run" / "last").symlink_to("checkpoints/update-00000002")
    assert checkpoint.resolve(tmp_path / "run").name == "update-00000002"
    (tmp_path / "run" / "best").write_text("checkpoints/update-00000001\n")
    assert checkpoint.resolve(tmp_path / "run").name == "update-00000001"


@pytest.mark.parametrize("name", ["nowhere", ""])
def test_no_checkpoint(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match="name a run directory or a checkpoint directory"):
        Checkpoint.open(tmp_path / name)


def test_what_every_checkpoint_holds(tmp_path: Path) -> None:
    path = write(tmp_path / "c", Tied()).path
    for file in ("metrics.json", "model.safetensors", "manifest.json"):
        (path / file).unlink()
    write_manifest(path)
    with pytest.raises(CheckpointError, match=r"lacks metrics\.json, model\.safetensors"):
        Checkpoint.open(path)


def test_state_that_the_manifest_lacks_is_not_read(tmp_path: Path) -> None:
    saved = checkpoint.write(tmp_path / "c", model={}, config={}, metrics={}, save_task=lambda _: None)
    (saved.path / "training").mkdir()
    (saved.path / "training/state.json").write_text("{}")
    with pytest.raises(CheckpointError, match="holds a model but no state of training"):
        saved.state()


@pytest.mark.parametrize("text", ["[]", '{"a": "b"}', "3", ""])
def test_metrics_that_are_none(tmp_path: Path, text: str) -> None:
    saved = write(tmp_path / "c", Tied())
    (saved.path / "metrics.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"metrics\.json"):
        saved.metrics()
