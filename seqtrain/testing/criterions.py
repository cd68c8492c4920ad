"""What every criterion over target tokens must do, as checks: ``check_criterion(MyConfig(), toy_task())``.

Each check builds the criterion from its config, has it judge small models, and raises AssertionError if something is
wrong.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import torch
from torch import Tensor, nn

from seqtrain.config import CriterionConfig, ModelConfig
from seqtrain.criterions import REGISTRY, Batch, LossOutput, TaskInfo
from seqtrain.models import FeatureModel, Model

Check = Callable[[CriterionConfig, TaskInfo], None]

LENGTHS = (5, 3, 6, 1)


def check_criterion(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Run all the checks on the criterion that ``cfg`` describes."""
    for check in CHECKS:
        check(cfg, task)


def check_loss(cfg: CriterionConfig, task: TaskInfo) -> None:
    """The loss is a finite number with a gradient; the metrics are sums of a weight above 0, without one."""
    output = REGISTRY.build(cfg, task)(LogitsModel(task), random_batch(task))
    assert output.loss.shape == () and output.loss.isfinite(), f"loss is {output.loss}, should be one finite number"
    assert output.loss.requires_grad, "the loss has no gradient"
    assert "loss" in output.metrics, f"metrics are {sorted(output.metrics)}, should have a loss among them"
    for name, (value, weight) in output.metrics.items():
        assert weight > 0, f"metric {name} has the weight {weight}, should be above 0"
        assert not (isinstance(value, Tensor) and value.requires_grad), f"metric {name} is not detached"


def check_sample_size(cfg: CriterionConfig, task: TaskInfo) -> None:
    """``sample_size`` is an int: the sentences with ``sentence_avg``, tokens without, no more than there are."""
    model, batch = LogitsModel(task), random_batch(task)
    by_sentence = REGISTRY.build(replace(cfg, sentence_avg=True), task)(model, batch).sample_size
    by_token = REGISTRY.build(replace(cfg, sentence_avg=False), task)(model, batch).sample_size
    assert isinstance(by_token, int) and 0 < by_token <= batch.ntokens, f"sample_size is {by_token!r}"
    assert by_sentence == batch.nsentences, f"sample_size is {by_sentence}, should be {batch.nsentences} sentences"


def check_gradients(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Every parameter gets a finite gradient, the same whether the model has logits or features to project."""
    batch = random_batch(task)
    gradients = [_gradients(cfg, task, model(task), [batch]) for model in (LogitsModel, ProjectingModel, LinearModel)]
    for gradient in gradients:
        assert gradient.isfinite().all(), "a gradient is not finite"
        _assert_close(gradient, gradients[0], "the gradient depends on how the model gives its logits")


def check_no_gradients(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Without gradients, as in validation, the same comes out."""
    for model in (LogitsModel(task), ProjectingModel(task), LinearModel(task)):
        criterion, batch = REGISTRY.build(cfg, task), random_batch(task)
        expected = _numbers(criterion(model, batch))
        with torch.no_grad():
            output = criterion.eval()(model, batch)
        assert not output.loss.requires_grad, "the loss has a gradient where gradients are off"
        _assert_close(_numbers(output), expected, "the loss differs where gradients are off")


def check_padding(cfg: CriterionConfig, task: TaskInfo) -> None:
    """More padding changes nothing."""
    batch = random_batch(task)
    for model in (LogitsModel(task), ProjectingModel(task), LinearModel(task)):
        criterion = REGISTRY.build(cfg, task)
        found, expected = (criterion(model, one) for one in (_padded(batch, 3, task), batch))
        _assert_close(_numbers(found), _numbers(expected), "padding changes the loss or a metric")
        after, before = (_gradients(cfg, task, model, [one]) for one in (_padded(batch, 3, task), batch))
        _assert_close(after, before, "padding changes the gradient")


def check_additive(cfg: CriterionConfig, task: TaskInfo) -> None:
    """Loss, metrics and gradient of a batch are the sums of its halves', so that ``update_freq`` only splits work."""
    batch, model = random_batch(task), LinearModel(task)
    halves = [_rows(batch, rows, task) for rows in (slice(0, 2), slice(2, None))]
    criterion = REGISTRY.build(cfg, task)
    parts = torch.stack([_numbers(criterion(model, half)) for half in halves])
    _assert_close(parts.sum(0), _numbers(criterion(model, batch)), "halves of a batch do not add up")
    of_halves, of_whole = (_gradients(cfg, task, model, batches) for batches in (halves, [batch]))
    _assert_close(of_halves, of_whole, "gradients of a batch's halves do not add up")


def check_empty(cfg: CriterionConfig, task: TaskInfo) -> None:
    """A batch of nothing but padding, which a process without data computes, has zero loss and gradients."""
    batch = random_batch(task)
    nothing = replace(batch, target=torch.full_like(batch.target, task.target_dictionary.pad), ntokens=0)
    for model in (LogitsModel(task), ProjectingModel(task), LinearModel(task)):
        loss = REGISTRY.build(cfg, task)(model, nothing).loss
        assert loss == 0, f"the loss of padding alone is {loss}, should be 0"
        assert not _gradients(cfg, task, model, [nothing]).any(), "padding alone has a gradient"


CHECKS: list[Check] = [
    check_loss,
    check_sample_size,
    check_gradients,
    check_no_gradients,
    check_padding,
    check_additive,
    check_empty,
]


class LogitsModel(Model):
    """Predicts the next token from the last one alone, and gives logits."""

    def __init__(self, task: TaskInfo, dim: int = 6) -> None:
        super().__init__(ModelConfig(), task)
        size = len(task.target_dictionary)
        generator = torch.Generator().manual_seed(1)
        self.embedding = nn.Parameter(torch.randn(size, dim, generator=generator))
        self.weight = nn.Parameter(torch.randn(size, dim, generator=generator))
        self.bias = nn.Parameter(torch.randn(size, generator=generator))

    def forward(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the logits (B, T, V)."""
        return nn.functional.linear(self.embedding[prev_output_tokens], self.weight, self.bias)


class ProjectingModel(LogitsModel, FeatureModel):
    """The same, by features and their projection."""

    def extract_features(self, prev_output_tokens: Tensor, **_: Tensor) -> Tensor:
        """Return the features (B, T, D)."""
        return self.embedding[prev_output_tokens]

    def project(self, features: Tensor) -> Tensor:
        """Return the logits (..., V)."""
        return nn.functional.linear(features, self.weight, self.bias)


class LinearModel(ProjectingModel):
    """The same, with a projection that says that it is linear."""

    def projection_weights(self) -> tuple[Tensor, Tensor | None]:
        """Return the weight (V, D) and the bias (V,)."""
        return self.weight, self.bias


def random_batch(task: TaskInfo, lengths: Iterable[int] = LENGTHS) -> Batch:
    """Return a batch of sentences of random target tokens with these lengths, end of sentence included."""
    generator, dictionary = torch.Generator().manual_seed(1), task.target_dictionary
    rows = [torch.randint(4, len(dictionary), (length,), generator=generator) for length in lengths]
    for row in rows:
        row[-1] = dictionary.eos
    target = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=dictionary.pad)
    return _batch(target, task)


def _batch(target: Tensor, task: TaskInfo) -> Batch:
    dictionary = task.target_dictionary
    prev_output_tokens = torch.cat([target.new_full((len(target), 1), dictionary.eos), target[:, :-1]], dim=1)
    net_input = {"prev_output_tokens": prev_output_tokens}
    ntokens = int(target.ne(dictionary.pad).sum())
    return Batch(torch.arange(len(target)), net_input, target, ntokens, len(target))


def _padded(batch: Batch, columns: int, task: TaskInfo) -> Batch:
    return _batch(nn.functional.pad(batch.target, (0, columns), value=task.target_dictionary.pad), task)


def _rows(batch: Batch, rows: slice, task: TaskInfo) -> Batch:
    return _batch(batch.target[rows], task)


def _gradients(cfg: CriterionConfig, task: TaskInfo, model: Model, batches: list[Batch]) -> Tensor:
    """Gradient of all parameters, accumulated over the batches, in one row."""
    criterion = REGISTRY.build(cfg, task)
    model.zero_grad()
    for batch in batches:
        criterion(model, batch).loss.backward()
    missing = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert not missing, f"parameters get no gradient: {', '.join(missing)}"
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def _numbers(output: LossOutput) -> Tensor:
    """Loss, sample_size and metrics in one row."""
    sums = [number for name in sorted(output.metrics) for number in output.metrics[name]]
    return torch.tensor([float(number) for number in (output.loss.detach(), output.sample_size, *sums)])


def _assert_close(actual: Tensor, expected: Tensor, what: str) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5, msg=lambda details: f"{what}: {details}")
