"""What every model guarantees, as checks to run on a plug-in of one's own: ``check_model(MyConfig(), toy_task())``.

Each check builds the model from its config, feeds it random tokens, and raises AssertionError if something is wrong.
"""

import inspect
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
from seqtrain.models import REGISTRY, DecoderModel, EncoderModel, FeatureModel, Model, TaskInfo
from seqtrain.testing.compiling import compare_compiled
from seqtrain.testing.configs import check_config, train_config
from seqtrain.testing.decoding import check_incremental_decoding, check_prefilling, check_reordering
from seqtrain.testing.guarantees import Check, assert_close
from seqtrain.testing.inputs import (
    SOURCE_LENGTHS,
    TARGET_LENGTHS,
    build,
    predicted,
    random_batch,
    random_input,
    run,
    seeded,
)

__all__ = ["CHECKS", "check_builds_on_meta", "check_model", "random_input"]

SAME_LENGTHS = (6, 6, 6)
DOCUMENTS = ([0, 0, 1, 2, 2, 2], [0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0])
"""Numbers of the documents that the tokens of such sentences belong to."""


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


def check_padding(cfg: ModelConfig, task: TaskInfo) -> None:
    """Padding changes nothing: a sentence beside longer ones gets the logits that it gets alone."""
    model = build(cfg, task).eval()
    for side, lengths in {
        "source_tokens": (SOURCE_LENGTHS, SAME_LENGTHS),
        "prev_output_tokens": (SAME_LENGTHS, TARGET_LENGTHS),
    }.items():
        net_input = random_input(model, task, *lengths)
        if side not in net_input:
            continue
        logits, widths = run(model, net_input), dict(zip(("source_tokens", "prev_output_tokens"), lengths, strict=True))
        for row in range(len(logits)):
            alone = {
                name: x[[row]][:, : widths[name][row]] if x.dim() > 1 else x[[row]] for name, x in net_input.items()
            }
            assert_close(
                logits[[row], : predicted(alone).size(1)],
                run(model, alone),
                f"padding of {side} changes the logits: mask it, and count positions and lengths without it",
            )


def check_batch(cfg: ModelConfig, task: TaskInfo) -> None:
    """The other sentences of a batch change nothing: each gets the logits that it gets alone."""
    model = build(cfg, task).eval()
    net_input = random_input(model, task, SAME_LENGTHS, SAME_LENGTHS)
    logits = run(model, net_input)
    for row in range(len(logits)):
        alone = run(model, {name: x[[row]] for name, x in net_input.items()})
        assert_close(logits[[row]], alone, "another sentence of the batch changes the logits")


def check_causality(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """What is predicted for a position does not depend on later tokens."""
    model = build(cfg, task).eval()
    if isinstance(model, EncoderModel):
        return "an encoder sees all tokens"
    net_input = random_input(model, task)
    logits = run(model, net_input)
    for length in range(1, logits.size(1)):
        changed = random_input(model, task)
        predicted(changed)[:, length:] = task.target_dictionary.unk
        what = f"a later token changes the logits at position {length - 1}: check the causal mask, it may be off by one"
        assert_close(run(model, changed)[:, length - 1], logits[:, length - 1], what)
    return None


def check_documents(cfg: ModelConfig, task: TaskInfo) -> str | None:
    """Documents that stand in a row together get the logits that each gets alone."""
    model = build(cfg, task).eval()
    if not isinstance(model, DecoderModel):
        return "it is no language model"
    if "source_documents" not in inspect.signature(model.extract_features).parameters:
        return "the model takes no source_documents: it cannot keep documents apart"
    net_input = random_input(model, task, SAME_LENGTHS)
    logits = run(model, net_input | {"source_documents": torch.tensor(DOCUMENTS)})
    for row, documents in enumerate(DOCUMENTS):
        for number in set(documents):
            of_document = slice(documents.index(number), documents.index(number) + documents.count(number))
            alone = run(model, {"source_tokens": net_input["source_tokens"][row, None, of_document]})
            what = "another document in the row changes the logits: hide it, and count positions from each one's start"
            assert_close(logits[row, None, of_document], alone, what)
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
