"""``average``: a checkpoint that holds the mean of several. And the moving average of a run, which is its model."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from seqtrain import cli
from seqtrain.config import DatasetConfig, GenerationConfig
from seqtrain.loading import load
from seqtrain.model_tensors import load_tensors, model_tensors

Call = Callable[..., Any]


def assert_mean(output: Path, parts: list[Path]) -> None:
    mean = load_file(output / "model.safetensors")
    tensors = [load_file(path / "model.safetensors") for path in parts]
    assert all(one.keys() == mean.keys() for one in tensors)
    for name, tensor in mean.items():
        by_hand = torch.stack([one[name] for one in tensors]).double().mean(dim=0)
        torch.testing.assert_close(tensor, by_hand.float(), rtol=1e-6, atol=1e-7)


def test_the_newest_of_a_run_and_generate_from_it(call: Call, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "mean of 2"
    result = call("average", f"checkpoint=[{trained}]", "last=2", f"output={output}")
    assert result.code == 0, result.err
    newest = sorted((trained / "checkpoints").glob("update-*"))[-2:]
    assert result.out.splitlines() == [*map(str, newest), f"average of 2: {output}"]
    assert_mean(output, newest)
    (tmp_path / "in").write_text("one\ntwo\n")
    options = [f"checkpoint={output}", f"input={tmp_path / 'in'}", "generation.max_len_b=5"]
    assert len(call("generate", *options).out.splitlines()) == 2


def test_listed_checkpoints(call: Call, trained: Path, tmp_path: Path) -> None:
    parts = [trained / "checkpoints" / f"update-{update:08d}" for update in (8, 24)]
    listed = ",".join(map(str, parts))
    assert call("average", f"checkpoint=[{listed}]", f"output={tmp_path / 'mean'}").code == 0
    assert_mean(tmp_path / "mean", parts)


def test_an_average_cannot_be_resumed(call: Call, trained: Path, tmp_path: Path) -> None:
    assert call("average", f"checkpoint=[{trained}]", f"output={tmp_path / 'mean'}").code == 0
    assert "this is a checkpoint, and no run" in call(f"resume={tmp_path / 'mean'}").refused()


@pytest.mark.parametrize(
    "overrides",
    [
        ["output=."],
        ["output=new", "last=0"],
        ["output=new", "checkpoint=[nowhere]"],
        ["output=new", "last=2", "best=2"],
        ["output=new", "last=20"],
        ["output=new", "best=20"],
        ["output=new", "upper_bound=1"],
        ["output=new", "checkpoint=[]"],
        ["output=new", "checkpoint=[0,1]"],  # names that look like numbers
    ],
)
def test_refused(
    call: Call, trained: Path, tmp_path: Path, overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call("average", f"checkpoint=[{trained}]", *overrides).refused()
    assert list(tmp_path.iterdir()) == []


def test_models_that_do_not_fit(call: Call, train: Call, trained: Path, tmp_path: Path) -> None:
    assert train("model.encoder_ffn_embed_dim=8", "training.max_update=1").code == 0
    message = call("average", f"checkpoint=[{trained},{tmp_path / 'run'}]", f"output={tmp_path / 'mean'}").refused()
    assert "holds other parameters than" in message
    assert not (tmp_path / "mean").exists()


@pytest.fixture(scope="module")
def scored(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that keeps its three best checkpoints by BLEU, and the last one."""
    run = tmp_path_factory.mktemp("scored") / "run"
    often = ["validation.interval_updates=6", "validation.interval_epochs=0", "saving.interval_epochs=0"]
    best = ["scorer=chrf", "validation.generate=true", "saving.metric=valid/chrf", "saving.maximize=true"]
    cli.main([*tiny, *often, *best, "saving.keep_best=3", "saving.keep_last=1", f"hydra.run.dir={run}"])
    return run


def chrf(path: Path) -> float:
    value: float = json.loads((path / "metrics.json").read_text())["valid/chrf"]
    return value


def test_the_best_of_a_run(call: Call, scored: Path, tmp_path: Path) -> None:
    kept = sorted((scored / "checkpoints").iterdir())
    best = sorted(sorted(kept, key=chrf)[-2:])
    output = tmp_path / "mean"
    result = call("average", f"checkpoint={scored}", "best=2", f"output={output}")
    assert result.out.splitlines() == [*map(str, best), f"average of 2: {output}"]
    assert_mean(output, best)
    assert len(kept) >= 3 and chrf(best[0]) > min(map(chrf, kept))


def test_an_average_says_what_it_was_made_of(call: Call, trained: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert call("average", f"checkpoint={trained}", "last=2", f"output={first}").code == 0
    made_of = json.loads((first / "average.json").read_text())["checkpoints"]
    newest = sorted((trained / "checkpoints").iterdir())[-2:]
    assert [one["path"] for one in made_of] == [str(path.resolve()) for path in newest]
    digests = [hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest() for path in newest]
    assert [one["model"] for one in made_of] == digests
    # What the mean of a mean is made of is the mean, which says the rest.
    assert call("average", f"checkpoint=[{first},{newest[0]}]", f"output={second}").code == 0
    made_of = json.loads((second / "average.json").read_text())["checkpoints"]
    assert [one["path"] for one in made_of] == [str(first.resolve()), str(newest[0].resolve())]


def test_the_newest_up_to_an_update(call: Call, trained: Path, tmp_path: Path) -> None:
    output = tmp_path / "mean"
    assert call("average", f"checkpoint={trained}", "last=1", "upper_bound=16", f"output={output}").code == 0
    assert_mean(output, [trained / "checkpoints" / "update-00000016"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["best=9"], "and 9 are asked for: ask for fewer, or train with saving.keep_best=9 or more"),
        (["last=9"], "and 9 are asked for: ask for fewer, or train with saving.keep_last=9 or more"),
        (["upper_bound=2"], "keeps no checkpoints up to update 2, and 1 are asked for"),
        (["best=2", "last=2"], "last=2 and best=2: take the newest checkpoints or the best, and leave one out"),
    ],
)
def test_more_than_a_run_keeps(call: Call, scored: Path, tmp_path: Path, asked: list[str], message: str) -> None:
    said = call("average", f"checkpoint={scored}", *asked, f"output={tmp_path / 'mean'}").refused()
    assert message in said
    assert not (tmp_path / "mean").exists()


def test_one_checkpoint_has_no_best(call: Call, trained: Path, tmp_path: Path) -> None:
    one = trained / "checkpoints" / "update-00000008"
    message = call("average", f"checkpoint={one}", "best=1", f"output={tmp_path / 'mean'}").refused()
    assert message == f"{one} is one checkpoint, and no run to choose from: leave out best=1"


def test_the_moving_average_is_what_is_decoded_and_evaluated(call: Call, train: Call, tmp_path: Path) -> None:
    run = tmp_path / "run"
    often = ["saving.interval_updates=1", "saving.interval_epochs=0", "saving.keep_last=0", "training.max_update=4"]
    assert train(*often, "training.ema=true", "ema.decay=0.75").code == 0
    before, last = (run / "checkpoints" / f"update-{update:08d}" for update in (3, 4))
    averaged, raw = load_file(last / "model.safetensors"), load_file(last / "training/parameters.safetensors")
    for name, old in load_file(before / "model.safetensors").items():
        torch.testing.assert_close(averaged[name], 0.75 * old + 0.25 * raw[name], rtol=1e-5, atol=1e-7)

    loaded = load(last)
    assert all(torch.equal(tensor, averaged[name]) for name, tensor in model_tensors(loaded.model).items())
    options = [f"checkpoint={last}", "split=valid", "generation.max_len_b=5", "scorer=exact_match", "device=cpu"]
    loss = json.loads(call("evaluate", *options).out)["loss"]
    assert loss == pytest.approx(loaded.losses("valid", DatasetConfig())["loss"])
    load_tensors(model_tensors(loaded.model), raw, "raw")
    assert abs(loaded.losses("valid", DatasetConfig())["loss"] - loss) > 1e-3

    (tmp_path / "in").write_text("one\n")
    decoding = ["generation.max_len_b=5", f"input={tmp_path / 'in'}"]
    assert call("generate", f"checkpoint={last}", *decoding).out.splitlines() == load(last).translate(
        ["one"], GenerationConfig(max_len_b=5)
    )
    assert call("average", f"checkpoint={run}", "last=2", f"output={tmp_path / 'mean'}").code == 0
    assert_mean(tmp_path / "mean", [before, last])
