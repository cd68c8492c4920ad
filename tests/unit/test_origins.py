"""Where values come from, in the order in which they count."""

from pathlib import Path

from omegaconf import OmegaConf

from seqtrain.composition import compose_node, origins_of, searchpath_override
from seqtrain.origins import show, shown_path
from seqtrain.plugins import conf_directory


def chain(key: str, *overrides: str) -> list[tuple[str | None, str]]:
    return [(s.text, s.where) for s in origins_of(compose_node("config", overrides)).chain(key)]


def line_of(file: Path, text: str) -> str:
    lines = file.read_text(encoding="utf-8").splitlines()
    (number,) = [n for n, line in enumerate(lines, start=1) if line.strip().startswith(text)]
    return f"{shown_path(str(file))}:{number}"


def test_a_dataclass_a_preset_an_experiment_and_the_command_line() -> None:
    source = conf_directory().parent / "seqtrain/models/_transformer.py"
    conf = conf_directory()
    assert chain("model.dropout", "+experiment=multi30k_en_de", "model.dropout=0.25") == [
        ("0.1", line_of(source, "dropout: float")),
        ("0.3", line_of(conf / "model/transformer_multi30k_tiny.yaml", "dropout:")),
        ("0.25", "command line"),
    ]
    assert chain("training.max_update", "+experiment=multi30k_en_de") == [
        ("0", line_of(conf_directory().parent / "seqtrain/config/sections.py", "max_update:")),
        ("1200", line_of(conf / "config.yaml", "max_update:")),
        ("3402", line_of(conf / "experiment/multi30k_en_de.yaml", "max_update:")),
    ]


def test_the_choice_of_a_group() -> None:
    conf = conf_directory()
    choices = [
        s for s in origins_of(compose_node("config", ["+experiment=multi30k_en_de"])).choices if s.key == "model"
    ]
    assert [(s.text, s.where) for s in choices] == [
        ("transformer_number_names", line_of(conf / "config.yaml", "- model:")),
        ("transformer_multi30k_tiny", line_of(conf / "experiment/multi30k_en_de.yaml", "- override /model:")),
    ]


def test_a_preset_in_python(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from seqtrain.optimizers import register_optimizer_preset\n"
        "from seqtrain.optimizers.adam import AdamConfig\n\n"
        'register_optimizer_preset("preset_in_python", AdamConfig(lr=0.25))\n'
    )
    overrides = ["optimizer=preset_in_python", *searchpath_override([tmp_path])]
    assert chain("optimizer.lr", *overrides)[-1] == ("0.25", f"{file}:4")
    assert len(chain("optimizer.eps", *overrides)) == 1


def test_a_reference_is_shown_as_it_is_written() -> None:
    assert chain("task.cache_dir")[0][0] == "${dataset.cache_dir}"


def test_values_of_a_mapping_on_the_command_line() -> None:
    assert chain("training.seed", "training={seed: 3}")[-1] == ("3", "command line")


def test_values_of_a_field_that_is_a_mapping() -> None:
    source = conf_directory().parent / "seqtrain/lr_schedulers/manual.py"
    values = chain("lr_scheduler.update2lr", "lr_scheduler=manual", "lr_scheduler.update2lr={0:1e-3,2000:1e-4}")
    assert values == [
        ("{}", line_of(source, "update2lr: dict")),
        ("0.001", "command line"),
        ("0.0001", "command line"),
    ]


def test_values_as_they_are_typed() -> None:
    plain = OmegaConf.to_container(OmegaConf.create({"a": [1, "b", None, True, 0.5, {"c": False}]}))
    assert isinstance(plain, dict)
    assert show(plain["a"]) == "[1, b, null, true, 0.5, {c: false}]"
