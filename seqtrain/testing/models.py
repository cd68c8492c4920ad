"""What every model guarantees, as checks to run on a plug-in of one's own: ``check_model(MyConfig(), toy_task())``.

Each check builds the model from its config, feeds it random tokens, and raises AssertionError if something is wrong.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from seqtrain import checkpoint
from seqtrain.base import LinearlyProjected
from seqtrain.config import ModelConfig
from seqtrain.criterions.cross_entropy import CrossEntropy, CrossEntropyConfig
from seqtrain.model_tensors import model_tensors
from seqtrain.models import REGISTRY, FeatureModel, Model, TaskInfo
from seqtrain.testing.attention import check_attention
from seqtrain.testing.compiling import compare_compiled
from seqtrain.testing.configs import check_config, train_config
from seqtrain.testing.decoding import check_incremental_decoding, check_prefilling, check_reordering
from seqtrain.testing.guarantees import Check, assert_close
from seqtrain.testing.inputs import build, predicted, random_batch, random_input, run, seeded
from seqtrain.testing.visibility import check_batch, check_causality, check_documents, check_padding

__all__ = [
    "CHECKS",
    "check_batch",
    "check_builds_on_meta",
    "check_causality",
    "check_documents",
    "check_model",
    "check_padding",
    "random_input",
]


def check_model(cfg: ModelConfig, task: TaskInfo, *, compiled: bool = True) -> None:
    """Run all the checks on the model that ``cfg`` describes; a small one, or they take long.

    Args:
        cfg: the model's config.
        task: what to build it for.
        compiled: whether to compile it too, which takes a second or two.
    """
    for check in CHECKS:
        if compiled or check is not check_compiles:
            check(cfg, task)


def check_builds_on_meta(cfg: ModelConfig, task: TaskInfo) -> None:
    """The model can be built without memory: it names no device."""
    with torch.device("meta"):
        model = REGISTRY.build(cfg, task)
    elsewhere = [name for name, parameter in model.named_parameters() if not parameter.is_meta]
    assert not elsewhere, f"built on a device of their own: {', '.join(elsewhere)}; leave out device="


def check_logits(cfg: ModelConfig, task: TaskInfo) -> None:
    """Logits are finite numbers in float32, (B, T, V); features that are projected give the same."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task)
    logits = run(model, net_input)
    expected = (*predicted(net_input).shape, len(task.target_dictionary))
    assert logits.shape == expected, f"logits are {tuple(logits.shape)}, should be {expected}"
    assert logits.dtype == torch.float32, f"logits are {logits.dtype}, should be torch.float32, as the parameters are"
    assert logits.isfinite().all(), "logits are not finite"
    if isinstance(model, FeatureModel):
        projected = model.project(model.extract_features(**net_input))
        assert_close(projected, logits, "project(extract_features(...)) differs from the logits of forward")


def check_deterministic(cfg: ModelConfig, task: TaskInfo) -> None:
    """The same comes out twice: always in evaluation, with the same seed in training."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task)
    chance = "evaluation depends on chance: give functional.dropout training=self.training, or use nn.Dropout"
    assert torch.equal(run(model, net_input), run(model, net_input)), chance
    model.train()
    first, second = (seeded(lambda: run(model, net_input)) for _ in range(2))
    assert torch.equal(first, second), "training depends on more than torch's seed: draw with torch alone"


def check_gradients(cfg: ModelConfig, task: TaskInfo) -> None:
    """A finite gradient reaches every parameter that is to be trained."""
    model = build(cfg, task).train()
    _backward(run(model, random_input(model, task)))
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, f"{name} gets no gradient: use it, or set its requires_grad to False"
            assert parameter.grad.isfinite().all(), f"the gradient of {name} is not finite"


def check_registered_parameters(cfg: ModelConfig, task: TaskInfo) -> None:
    """Whatever a gradient reaches is a parameter of the model, so that it is trained and saved."""
    model = build(cfg, task).train()
    registered = {id(parameter) for parameter in model.parameters()}
    for leaf in _leaves(run(model, random_input(model, task))):
        assert id(leaf) in registered, (
            f"{_name_of(leaf, model)} takes part in training but is no parameter of the model: "
            "make it an nn.Parameter, and keep modules in an nn.ModuleList instead of a list"
        )


def check_projection(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """What ``projection_weights`` returns is all that ``project`` applies."""
    model = build(cfg, task).eval()
    if not (isinstance(model, LinearlyProjected) and isinstance(model, FeatureModel)):
        return "the model has no projection_weights"
    if (weights := model.projection_weights()) is None:
        return "the model's projection is not linear"
    weight, bias = weights
    features = seeded(lambda: torch.randn(3, weight.size(1)))
    expected = torch.nn.functional.linear(features, weight, bias)
    assert_close(model.project(features), expected, "project does something else than projection_weights says")
    return None


def check_checkpoint(cfg: ModelConfig, task: TaskInfo) -> None:
    """A checkpoint gives the model back: the same logits, and what was tied stays tied."""
    model, other = build(cfg, task).eval(), build(cfg, task, seed=2).eval()
    with tempfile.TemporaryDirectory() as directory:
        saved = checkpoint.write(
            Path(directory) / "checkpoint",
            model=model_tensors(model),
            config=train_config(cfg),
            metrics={},
            save_task=lambda _: None,
        )
        saved.load_model(other)
    net_input = random_input(model, task)
    kept = torch.equal(run(model, net_input), run(other, net_input))
    assert kept, "the checkpoint does not hold everything: make what the logits depend on a parameter or a buffer"
    assert _ties(model) == _ties(other), "parameters that were tied are not after loading"


def check_bf16(cfg: ModelConfig, task: TaskInfo) -> None:
    """Under autocast to bfloat16 the logits are finite and close to those in float32."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task)
    with torch.autocast("cpu", torch.bfloat16):
        logits = run(model, net_input)
    assert logits.isfinite().all(), "logits are not finite in bfloat16: mask with -inf, not with a large number"
    assert_close(logits, run(model, net_input), "logits in bfloat16 are far from those in float32", tolerance=0.2)


def check_compiles(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """``torch.compile`` (with its backend aot_eager) gives the same loss and gradients."""
    model = build(cfg, task)
    return compare_compiled(model, CrossEntropy(CrossEntropyConfig(), task), random_batch(model, task))


CHECKS: tuple[Check, ...] = (
    check_config,
    check_builds_on_meta,
    check_logits,
    check_deterministic,
    check_gradients,
    check_registered_parameters,
    check_projection,
    check_padding,
    check_batch,
    check_causality,
    check_incremental_decoding,
    check_reordering,
    check_prefilling,
    check_documents,
    check_attention,
    check_checkpoint,
    check_bf16,
    check_compiles,
)


def _backward(logits: Tensor) -> None:
    logits.float().square().mean().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


def _leaves(output: Tensor) -> Iterator[Tensor]:
    """Yield the tensors that backward would give a gradient to."""
    waiting, seen = [output.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(leaf := getattr(node, "variable", None), Tensor):
            yield leaf
        waiting += [function for function, _ in node.next_functions]


def _name_of(tensor: Tensor, model: Model) -> str:
    """Return the attribute that holds a tensor, as far as it is found, and its shape."""
    for prefix, module in model.named_modules():
        for name, value in vars(module).items():
            if value is tensor:
                return f"{prefix}{'.' if prefix else ''}{name}, a tensor {tuple(tensor.shape)},"
    return f"a tensor {tuple(tensor.shape)}"


def _ties(model: Model) -> list[list[str]]:
    """Return the names of the parameters that are one and the same, together."""
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return sorted(names.values())
