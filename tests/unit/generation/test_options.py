import pytest

from seqtrain.config import Constraints, GenerationConfig
from seqtrain.errors import ConfigError
from seqtrain.generation.options import with_options


def test_options_change_fields_of_a_config_that_stays_as_it_is() -> None:
    cfg = GenerationConfig(beam=7)
    assert with_options(cfg, {"lenpen": 0.5, "nbest": 6}) == GenerationConfig(beam=7, lenpen=0.5, nbest=6)
    assert cfg == GenerationConfig(beam=7)
    assert with_options(None, {}) == GenerationConfig()


def test_a_choice_by_its_name() -> None:
    assert with_options(None, {"constraints": "ordered"}).constraints is Constraints.ordered


def test_all_mistakes_are_told_each_with_what_may_be_meant() -> None:
    with pytest.raises(ConfigError) as error:
        with_options(None, {"bean": 3, "topk": 10, "xyz": 1, "beam": "many", "constraints": "some"})
    assert str(error.value).splitlines() == [
        "bean=3: there is no such key; did you mean beam?",
        "topk=10: there is no such key; did you mean sampling_topk?",
        "xyz=1: there is no such key",
        "beam=many: must be an integer",
        "constraints=some: must be one of none, ordered, unordered",
    ]


@pytest.mark.parametrize("options", [{"beam": 0}, {"nbest": 6}, {"sampling_topk": 3}])
def test_a_config_checks_itself(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        with_options(None, options)
