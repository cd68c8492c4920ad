"""Word-level knowledge distillation: the model learns what a trained one, its teacher, makes of each target token."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from omegaconf import MISSING
from torch import Tensor

from seqtrain.base import DecoderModel, EncoderDecoderModel, Fingerprint
from seqtrain.config import Plugins
from seqtrain.criterions import Batch, LossOutput, Model, Sum, TaskInfo, register_criterion
from seqtrain.criterions._target_tokens import Projected, TargetTokens, projected
from seqtrain.criterions.label_smoothed_cross_entropy import LabelSmoothedCrossEntropy, LabelSmoothedCrossEntropyConfig
from seqtrain.errors import CheckpointError, ConfigError, PluginError
from seqtrain.fields import bounded
from seqtrain.nn.chunked_cross_entropy import CrossEntropySums, cross_entropy
from seqtrain.nn.divergence import kl_divergence, tempered_log_probs
from seqtrain.nn.row_chunks import sums_of_chunks
from seqtrain.registry import choice_of


@dataclass
class KnowledgeDistillationConfig(LabelSmoothedCrossEntropyConfig):
    """Settings of ``knowledge_distillation``."""

    teacher: str = MISSING
    """Run directory (its best checkpoint) or checkpoint directory of the teacher; training alone reads it."""
    distillation_alpha: float = bounded(0.5, at_least=0, at_most=1)
    """Weight of what the teacher says; the text has the rest."""
    temperature: float = bounded(1.0, above=0)
    """Logits of both models are divided by it: above 1 the symbols that the teacher finds unlikely count more."""


@register_criterion("knowledge_distillation", KnowledgeDistillationConfig)
class KnowledgeDistillation(LabelSmoothedCrossEntropy):
    r"""Label-smoothed cross-entropy L and the divergence from a frozen teacher (Kim and Rush, EMNLP 2016, section 3.1).

    The loss of a token in training is :math:`(1 - \alpha) L + \alpha T^2 KL(p_{teacher} \| p_{model})`, both softened
    with the temperature T, whose square keeps gradients as large (Hinton et al., 2015, section 2). In evaluation it is
    L, which needs no teacher. Reports ``distillation_loss``, :math:`T^2 KL`, besides.
    """

    def __init__(self, cfg: KnowledgeDistillationConfig, task: TaskInfo) -> None:
        super().__init__(cfg, task)
        self.cfg = cfg
        self.task = task
        self.teacher: Model | None = None
        self._fingerprints: dict[str, Fingerprint] = {}

    def prepare(self) -> None:
        """Load the teacher.

        Raises:
            CheckpointError: there is none, or it is damaged.
            ConfigError: it knows other symbols, predicts something else of a text, or takes only shorter sentences.
            PluginError: it was made with a plug-in that is not registered.
        """
        from seqtrain.checkpoint import MODEL, Checkpoint
        from seqtrain.manifest import read_manifest
        from seqtrain.restored import restore

        try:
            checkpoint = Checkpoint.open(self.cfg.teacher)
            checkpoint.bundle().provide(Plugins.installed)
            _, task, model = restore(checkpoint)
        except (CheckpointError, PluginError) as error:
            raise type(error)(f"criterion.teacher={self.cfg.teacher}: {error}") from error
        self._check(task.info)
        self.learn_from(model)
        self._fingerprints = {"criterion.teacher": Fingerprint(read_manifest(checkpoint.path)[MODEL].sha256)}

    def fingerprints(self) -> dict[str, Fingerprint]:
        """Return that of the teacher's parameters."""
        return self._fingerprints

    def learn_from(self, teacher: Model) -> None:
        """Take a model as the teacher: it stays as it is, without dropout."""
        self.teacher = teacher.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "KnowledgeDistillation":
        """Switch to training or evaluation; the teacher is not trained."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def forward(self, model: Model, batch: Batch) -> LossOutput:
        """Return the loss of a batch, summed, in nats."""
        if not self.training:
            return super().forward(model, batch)
        tokens = self.tokens_of(batch)
        taught, project_taught = self._taught(batch, tokens)
        features, project = projected(model, batch, tokens)
        *parts, distilled = sums_of_chunks(
            self._of_chunk(project, project_taught), features, taught, tokens.target, rows=self.options.chunk_rows
        )
        sums, alpha = CrossEntropySums(*parts), self.cfg.distillation_alpha
        loss, z_loss = (1 - alpha) * sums.loss + alpha * distilled, (1 - alpha) * sums.z_loss
        output = self.output(sums._replace(loss=loss, z_loss=z_loss), batch, tokens)
        output.metrics["distillation_loss"] = Sum(distilled.detach(), tokens.number)
        return output

    @torch.no_grad()
    def _taught(self, batch: Batch, tokens: TargetTokens) -> Projected:
        """Return what the teacher's logits of ``tokens`` are made of.

        Raises:
            ConfigError: the teacher is a language model and the task is not, or the other way round.
            PluginError: there is no teacher yet.
        """
        if self.teacher is None:
            raise PluginError("knowledge_distillation has no teacher yet: call prepare() before training")
        if isinstance(self.teacher, DecoderModel if "prev_output_tokens" in batch.net_input else EncoderDecoderModel):
            raise ConfigError(
                f"criterion.teacher={self.cfg.teacher}: its {choice_of(self.teacher)} does not predict from what "
                "this task gives: train both on the same task"
            )
        return projected(self.teacher, batch, tokens)

    def _of_chunk(
        self, project: Callable[[Tensor], Tensor], project_taught: Callable[[Tensor], Tensor]
    ) -> Callable[..., list[Tensor]]:
        """Return what computes, of features of both models and the target, the sums and the divergence."""
        temperature = self.cfg.temperature

        def of_chunk(features: Tensor, taught: Tensor, target: Tensor) -> list[Tensor]:
            logits = project(features)
            with torch.no_grad():
                log_p = tempered_log_probs(project_taught(taught), temperature)
            divergence = kl_divergence(log_p, tempered_log_probs(logits, temperature))
            return [*cross_entropy(logits, target, self.options), temperature**2 * divergence]

        return of_chunk

    def _check(self, taught: TaskInfo) -> None:
        """Check that the teacher can judge this task's sentences."""
        teacher = f"criterion.teacher={self.cfg.teacher}"
        for side in ("source", "target"):
            ours, theirs = (getattr(task, f"{side}_dictionary") for task in (self.task, taught))
            if ours.fingerprint != theirs.fingerprint:
                raise ConfigError(
                    f"{teacher}: its {side} dictionary, with {len(theirs)} symbols, is not that of this run, with "
                    f"{len(ours)}: train both on the same task and tokenizer"
                )
        if taught.predicts and self.task.predicts not in ("", taught.predicts):
            raise ConfigError(
                f"{teacher}: it was trained with {taught.predicts}, and this run has {self.task.predicts}: they "
                "predict different things of the same text; train both with the same"
            )
        if any(most < needed for most, needed in zip(taught.max_positions, self.task.max_positions, strict=True)):
            raise ConfigError(
                f"{teacher}: it takes sentences of up to {taught.max_positions} tokens, and this run has up to "
                f"{self.task.max_positions}: lower task.max_source_positions and task.max_target_positions, or "
                "task.tokens_per_sample of a language model"
            )
