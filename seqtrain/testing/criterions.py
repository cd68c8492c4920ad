"""What every criterion over target tokens guarantees, as checks: ``check_criterion(MyConfig(), toy_task())``.

Each check builds the criterion from its config, has it judge small models, and raises AssertionError if something is
wrong.
"""

from dataclasses import replace

import torch
from torch import Tensor

from seqtrain.config import CriterionConfig
from seqtrain.criterions import Batch, LossOutput, Model, TaskInfo
from seqtrain.testing.compiling import compare_compiled
from seqtrain.testing.configs import check_config
from seqtrain.testing.guarantees import Check, assert_close
from seqtrain.testing.judged import batch_of, build_criterion, models_for, padded, random_batch, rows_of


def check_criterion(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Run all the checks on the criterion that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg, task)


def check_loss(cfg: CriterionConfig, task: TaskInfo) -> None:
    """The loss is a finite number with a gradient; the metrics are sums of a weight above 0, without one."""
    output = build_criterion(cfg, task)(_simplest(cfg, task), random_batch(task))
    assert output.loss.shape == () and output.loss.isfinite(), f"loss is {output.loss}, should be one finite number"
    assert output.loss.requires_grad, "the loss has no gradient"
    assert "loss" in output.metrics, f"metrics are {sorted(output.metrics)}, should have a loss among them"
    for name, (value, weight) in output.metrics.items():
        assert weight > 0, f"metric {name} has the weight {weight}, should be above 0"
        assert not (isinstance(value, Tensor) and value.requires_grad), f"metric {name} is not detached"


def check_sum(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Loss and metrics of a batch are the sums of its halves': the trainer divides, once, by all sample_size."""
    batch, model = random_batch(task), models_for(cfg)[-1](task)
    criterion = build_criterion(cfg, task)
    parts = torch.stack([_sums(criterion(model, half)) for half in _halves(batch, task)])
    whole = _sums(criterion(model, batch))
    what = "halves of a batch do not add up to it: the loss and each metric must be sums, divided by nothing"
    assert_close(parts.sum(0), whole, what)


def check_sample_size(cfg: CriterionConfig, task: TaskInfo) -> None:
    """``sample_size`` is an int: the sentences with ``sentence_avg``, the target tokens that count without."""
    model, batch = _simplest(cfg, task), random_batch(task)
    by_sentence = build_criterion(replace(cfg, sentence_avg=True), task)(model, batch).sample_size
    by_token = build_criterion(replace(cfg, sentence_avg=False), task)(model, batch).sample_size
    mask = _counted(cfg, task, batch)
    counted = 1 if mask is None else int(mask.sum())
    assert isinstance(by_token, int), f"sample_size is {by_token!r}, should be an int"
    assert counted <= by_token <= batch.ntokens, (
        f"sample_size is {by_token}, but {counted} target tokens have a gradient, of {batch.ntokens}; "
        "it is what the gradient is divided by"
    )
    assert by_sentence == batch.nsentences, (
        f"sample_size is {by_sentence} with criterion.sentence_avg=true, should be {batch.nsentences} sentences"
    )


def check_end_of_sentence(cfg: CriterionConfig, task: TaskInfo) -> str | None:
    """The end of each sentence counts: without it a model never learns to stop."""
    batch = random_batch(task)
    ends, counted = batch.target.eq(task.target_dictionary.eos), _counted(cfg, task, batch)
    if counted is None:
        return "its models see the source alone"
    assert counted[ends].any(), (
        "the end of a sentence (eos) has no gradient: leave out padding alone, or a model never learns to stop"
    )
    return None


def check_gradients(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Every parameter gets a finite gradient, the same whether the model has logits or features to project."""
    batch = random_batch(task)
    gradients = [_gradients(cfg, task, model(task), [batch]) for model in models_for(cfg)]
    for gradient in gradients:
        assert gradient.isfinite().all(), "a gradient is not finite"
        assert_close(gradient, gradients[0], "the gradient depends on how the model gives its logits")


def check_accumulation(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Gradients accumulated over a batch's halves are those of the batch, so that ``update_freq`` only splits work."""
    batch, model = random_batch(task), models_for(cfg)[-1](task)
    of_halves, of_whole = (_gradients(cfg, task, model, parts) for parts in (_halves(batch, task), [batch]))
    assert_close(of_halves, of_whole, "gradients of a batch's halves do not add up to the batch's")


def check_without_gradients(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Where gradients are off, the same comes out."""
    for model in (model(task) for model in models_for(cfg)):
        criterion, batch = build_criterion(cfg, task), random_batch(task)
        expected = _numbers(criterion(model, batch))
        with torch.no_grad():
            output = criterion(model, batch)
        assert not output.loss.requires_grad, "the loss has a gradient where gradients are off"
        assert_close(_numbers(output), expected, "the loss differs where gradients are off")


def check_evaluation(cfg: CriterionConfig, task: TaskInfo) -> None:
    """In evaluation, which may leave out what only training needs, the loss is finite and the likelihood the same."""
    for model in (model(task) for model in models_for(cfg)):
        criterion, batch = build_criterion(cfg, task), random_batch(task)
        training, evaluation = criterion(model, batch), criterion.eval()(model, batch)
        assert evaluation.loss.isfinite(), f"the loss is {evaluation.loss} in evaluation"
        found, expected = (torch.tensor([float(x.sample_size), *_nll(x)]) for x in (evaluation, training))
        assert_close(found, expected, "sample_size or nll_loss differ in evaluation")


def check_padding(cfg: CriterionConfig, task: TaskInfo) -> None:
    """More padding changes nothing."""
    batch = random_batch(task)
    more = padded(batch, 3, task)
    for model in (model(task) for model in models_for(cfg)):
        criterion = build_criterion(cfg, task)
        found, expected = (_numbers(criterion(model, one)) for one in (more, batch))
        assert_close(found, expected, "padding changes the loss, the sample_size or a metric")
        after, before = (_gradients(cfg, task, model, [one]) for one in (more, batch))
        assert_close(after, before, "padding changes the gradient")


def check_empty(cfg: CriterionConfig, task: TaskInfo) -> None:
    """A batch of nothing but padding, which a process without data computes, has zero loss and gradients."""
    batch = random_batch(task)
    nothing = batch_of(torch.full_like(batch.target, task.target_dictionary.pad), task)
    for model in (model(task) for model in models_for(cfg)):
        loss = build_criterion(cfg, task)(model, nothing).loss
        assert loss == 0, f"the loss of padding alone is {loss}, should be 0"
        assert not _gradients(cfg, task, model, [nothing]).any(), "padding alone has a gradient"


def check_bf16(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Under autocast to bfloat16 the loss is finite and close to that in float32."""
    batch = random_batch(task)
    for model in (model(task) for model in models_for(cfg)):
        criterion = build_criterion(cfg, task)
        with torch.autocast("cpu", torch.bfloat16):
            loss = criterion(model, batch).loss
        assert loss.isfinite(), f"the loss is {loss} in bfloat16"
        expected = criterion(model, batch).loss
        assert_close(loss, expected, "the loss in bfloat16 is far from that in float32", tolerance=0.05)


def check_compiles(cfg: CriterionConfig, task: TaskInfo) -> str | None:
    """``torch.compile`` (with its backend aot_eager) gives the same loss and gradients."""
    return compare_compiled(models_for(cfg)[-1](task), build_criterion(cfg, task), random_batch(task))


CHECKS: tuple[Check, ...] = (
    check_config,
    check_loss,
    check_sum,
    check_sample_size,
    check_end_of_sentence,
    check_gradients,
    check_accumulation,
    check_without_gradients,
    check_evaluation,
    check_padding,
    check_empty,
    check_bf16,
    check_compiles,
)


def _simplest(cfg: CriterionConfig, task: TaskInfo) -> Model:
    """Return a model, one that gives logits alone if that is enough."""
    return models_for(cfg)[0](task)


def _halves(batch: Batch, task: TaskInfo) -> list[Batch]:
    return [rows_of(batch, rows, task) for rows in (slice(0, 2), slice(2, None))]


def _counted(cfg: CriterionConfig, task: TaskInfo, batch: Batch) -> Tensor | None:
    """Return which target tokens (B, T) the loss depends on: those whose embedded inputs have a gradient.

    None where the model sees the source alone.
    """
    model, embedded = _simplest(cfg, task), []
    model.get_submodule("embedding").register_forward_hook(lambda *call: embedded.append(call[-1]))
    loss = build_criterion(replace(cfg, sentence_avg=False), task)(model, batch).loss
    assert embedded, "the criterion does not call the model, model(**batch.net_input)"
    of_target = [x for x in embedded if x.shape[:2] == batch.target.shape]
    if not of_target:
        return None
    return torch.stack([gradient.ne(0).any(-1) for gradient in torch.autograd.grad(loss, of_target)]).any(0)


def _gradients(cfg: CriterionConfig, task: TaskInfo, model: Model, batches: list[Batch]) -> Tensor:
    """Gradient of all parameters, accumulated over the batches, in one row."""
    criterion = build_criterion(cfg, task)
    model.zero_grad()
    for batch in batches:
        criterion(model, batch).loss.backward()
    missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not missing, f"parameters get no gradient: {', '.join(missing)}"
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def _numbers(output: LossOutput) -> Tensor:
    """Loss, metrics and sample_size in one row."""
    return torch.cat([_sums(output), torch.tensor([float(output.sample_size)])])


def _nll(output: LossOutput) -> list[float]:
    """Value and weight of the ``nll_loss``, if it is reported."""
    return [float(number) for number in output.metrics.get("nll_loss", ())]


def _sums(output: LossOutput) -> Tensor:
    """Loss and metrics in one row."""
    sums = [number for name in sorted(output.metrics) for number in output.metrics[name]]
    return torch.tensor([float(number) for number in (output.loss.detach(), *sums)])
