"""TER (Snover et al. 2006): how many edits make a hypothesis its reference."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from seqtrain.scorers import ScorerConfig, register_scorer
from seqtrain.scorers._sacrebleu import SacreScorer


@dataclass
class TERConfig(ScorerConfig):
    """Settings of ``ter``."""

    maximize: ClassVar[bool] = False
    normalized: bool = False
    """Split punctuation from words first, as Tercom does on request."""
    no_punct: bool = False
    """Leave punctuation out."""
    asian_support: bool = False
    """Split Chinese and Japanese text into characters; with ``normalized`` or ``no_punct``."""
    case_sensitive: bool = False
    """Tell upper from lower case."""

    def contradictions(self) -> Iterable[str]:
        """Asian text is treated where text is normalised."""
        if self.asian_support and not (self.normalized or self.no_punct):
            yield "scorer.ter.asian_support=true goes with scorer.ter.normalized=true or scorer.ter.no_punct=true"


@register_scorer("ter", TERConfig)
class TER(SacreScorer):
    """Translation edit rate: words inserted, deleted, substituted and shifted, for 100 words of the reference."""

    cfg: TERConfig

    def build_metric(self) -> Any:
        """Return TER as Tercom computes it."""
        from sacrebleu.metrics.ter import TER

        cfg = self.cfg
        return TER(
            normalized=cfg.normalized,
            no_punct=cfg.no_punct,
            asian_support=cfg.asian_support,
            case_sensitive=cfg.case_sensitive,
        )
