import pytest

from seqtrain.commands._sweep import check_sweep, for_hydra, jobs
from seqtrain.commands._words import read_words
from seqtrain.errors import ConfigError


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], [[]]),
        (["a=1", "b=2"], [["a=1", "b=2"]]),
        (["a=1,2", "b=x"], [["a=1", "b=x"], ["a=2", "b=x"]]),
        (["a=1,2", "b=3,4"], [["a=1", "b=3"], ["a=1", "b=4"], ["a=2", "b=3"], ["a=2", "b=4"]]),
        (["a=range(0,3)"], [["a=0"], ["a=1"], ["a=2"]]),
        (["a=interval(0.1,0.5)"], [["a=0.1"], ["a=0.5"]]),
        (["a=choice(x,y)"], [["a=x"], ["a=y"]]),
        (["a=[1,2]"], [["a=[1,2]"]]),
    ],
)
def test_the_jobs_of_a_sweep(overrides: list[str], expected: list[list[str]]) -> None:
    assert list(jobs(overrides)) == expected


def test_a_large_sweep_has_each_value_once() -> None:
    values = ",".join(map(str, range(10)))
    assert list(jobs([f"a={values}", f"b={values}", "c=1,2"])) == [
        [f"a={n}", f"b={n}", f"c={min(n + 1, 2)}"] for n in range(10)
    ]


def test_all_mistakes_of_a_sweep_before_it_starts() -> None:
    with pytest.raises(ConfigError) as error:
        check_sweep(read_words(["-m", "model.dropout=0.1,2,x", "training.sed=1"], "config"))
    assert [line.partition(":")[0] for line in str(error.value).split("\n")] == [
        "training.sed=1 (command line)",
        "model.dropout=2 (command line)",
        "model.dropout=x (command line)",
    ]


def test_a_field_of_some_of_the_swept_plugins() -> None:
    words = read_words(["-m", "optimizer=sgd,sgd_nesterov", "optimizer.momentum=0.9", "training.seed=1"], "config")
    check_sweep(words)
    assert for_hydra(words) == [
        "-m", "optimizer=sgd,sgd_nesterov", "optimizer.momentum=choice(0.9)", "training.seed=1",
    ]  # fmt: skip


def test_a_mistake_names_its_jobs() -> None:
    words = read_words(["-m", "optimizer=sgd,adam", "optimizer.momentum=0.9"], "config")
    with pytest.raises(ConfigError) as error:
        check_sweep(words)
    message = str(error.value)
    assert message.startswith("optimizer.momentum=0.9 (command line): there is no such key; did you mean optimizer.")
    assert message.endswith("? (in the job optimizer=adam)")
