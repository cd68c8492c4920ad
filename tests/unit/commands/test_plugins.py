from pathlib import Path

import pytest

from seqtrain.commands.plugins import describe, main
from seqtrain.composition import searchpath_override
from seqtrain.errors import PluginError

EXAMPLE = Path(__file__).parents[3] / "examples" / "my-module"


def test_all_kinds() -> None:
    lines = list(describe("", []))
    assert [line for line in lines if not line.startswith(" ")] == [
        "task:", "model:", "criterion:", "optimizer:", "lr_scheduler:", "tokenizer:", "scorer:", "experiment:",
    ]  # fmt: skip


def test_a_kind_with_file_and_line_and_presets() -> None:
    title, *lines = describe("optimizer", [])
    assert title == "optimizer:"
    (adam,) = [line.split() for line in lines if line.split()[0] == "adam"]
    assert adam[1].partition(":")[0].endswith("seqtrain/optimizers/adam.py")
    (preset,) = [line for line in lines if line.split()[0] == "lamb_bert"]
    assert preset.partition("  preset: ")[0].endswith("conf/optimizer/lamb_bert.yaml")
    assert preset.endswith(
        "(You et al., ICLR 2020, table 4: 5 / 1000), with a fifth of the updates for warm-up and a linear decay."
    )


def test_those_of_a_user() -> None:
    lines = list(describe("model", searchpath_override([EXAMPLE])))
    found = {line.split()[0]: line.split()[1] for line in lines[1:]}
    assert found["my_gru"].endswith("examples/my-module/gru.py:21")
    assert found["my_transformer"].partition(":")[0].endswith("examples/my-module/__init__.py")
    assert found["my_gru_wide"].endswith("examples/my-module/model/my_gru_wide.yaml")


def test_one() -> None:
    first, summary, *rest = describe("lr_scheduler/inverse_sqrt", [])
    assert first.partition(":")[0] == "lr_scheduler=inverse_sqrt"
    assert summary.startswith("  The schedule of the Transformer")
    assert "  lr_scheduler.warmup_updates=4000  (an integer, at least 0)" in rest


def test_one_that_is_a_preset() -> None:
    first, second = describe("optimizer/adam_transformer", [])
    assert first.startswith("optimizer=adam_transformer is a preset: ")
    assert second.endswith("--help optimizer=adam_transformer")


def test_experiments_with_what_they_say_of_themselves(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment/mine.yaml").write_text(
        "# @package _global_\n#\n#   run me\n#\n# My recipe, it\n# runs. Much.\n"
    )
    (tmp_path / "experiment/mute.yaml").write_text("# @package _global_\ntraining:\n  seed: 3\n")
    lines = list(describe("experiment", searchpath_override([tmp_path])))
    assert lines[0] == "experiment:"
    assert f"  {'mine':30} {tmp_path}/experiment/mine.yaml  My recipe, it runs." in lines
    assert f"  {'mute':30} {tmp_path}/experiment/mute.yaml  " in lines
    assert [line.split()[0] for line in lines[1:3]] == ["mine", "multi30k_en_de"]
    assert list(describe("experiment/mine", searchpath_override([tmp_path]))) == [
        f"experiment=mine: {tmp_path}/experiment/mine.yaml", "    run me", "", "  My recipe, it", "  runs. Much.",
        "what it comes to: python -m seqtrain --help +experiment=mine",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("optimiser", "'optimiser' is no kind of plug-in; did you mean optimizer? Kinds: task, model, "),
        ("optimizer/adm", "optimizer/adm: there is no such choice; did you mean adam? Choices: adadelta, adadelta_"),
        ("optimizer/sgd_nest", "optimizer/sgd_nest: there is no such choice; did you mean sgd_nesterov? Choices: "),
        ("model/", "model/: there is no such choice"),
        ("experiments", "did you mean experiment? Kinds: task, "),
        ("experiment/wikitext", "experiment/wikitext: there is no such choice; did you mean wikitext103? Choices: "),
    ],
)
def test_what_is_not_there(what: str, message: str) -> None:
    with pytest.raises(PluginError) as error:
        list(describe(what, []))
    assert message in str(error.value)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    main([*searchpath_override([EXAMPLE])])
    assert "my_gru_wide" in capsys.readouterr().out
