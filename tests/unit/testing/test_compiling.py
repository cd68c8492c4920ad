import pytest

from seqtrain.criterions.cross_entropy import CrossEntropy, CrossEntropyConfig
from seqtrain.testing import compiling
from seqtrain.testing.judged import LinearModel, random_batch
from seqtrain.testing.toy import toy_task


def test_where_nothing_can_be_compiled_nothing_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "is_dynamo_supported", lambda: False)
    task = toy_task()
    reason = compiling.compare_compiled(LinearModel(task), CrossEntropy(CrossEntropyConfig(), task), random_batch(task))
    assert reason == "torch.compile does not work with this Python or on this platform"
