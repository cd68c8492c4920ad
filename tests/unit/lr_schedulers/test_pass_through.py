from seqtrain.lr_schedulers.pass_through import PassThrough, PassThroughConfig
from seqtrain.optimizers.sgd import SGD


def test_the_rate_is_the_optimizers(optimizer: SGD) -> None:
    scheduler = PassThrough(PassThroughConfig(), optimizer)
    assert [scheduler.step_update(n) for n in (0, 1, 10**6)] == [2.0, 2.0, 2.0]
    scheduler.step(1, 3.5)
    assert (optimizer.lr, scheduler.state_dict()) == (2.0, {})
