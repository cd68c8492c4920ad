import pytest

from seqtrain.composition import discover, searchpath_override
from seqtrain.plugins import builtin_names, conf_directory
from seqtrain.schema.choices import Choices, read_choices


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> Choices:
    """The built-in choices and those of a user directory."""
    directory = tmp_path_factory.mktemp("choices-of-a-user")
    files = {
        "optimizer/hot.yaml": "defaults: [adam_transformer, _self_]\nlr: 0.1\n",
        "optimizer/based_on_nothing.yaml": "lr: 0.1\n",
        "optimizer/based_on_a_typo.yaml": "defaults: [adma, _self_]\n",
        "optimizer/broken.yaml": "defaults: [",
        "experiment/it's mine.yaml": "# @package _global_\ndefaults: [{override /optimizer: hot}, _self_]\n",
        "experiment/broken.yaml": "# @package _global_\ndefaults: [{override /optimizer: nobody}]\n",
        "exp.yaml": "defaults: [config, {override model: transformer_tiny}, _self_]\n",
        "no_model.yaml": "defaults: [train_root, {task: translation}, _self_]\n",
        "mkdocs.yaml": "site_name: another program's\n",
        "translate.yaml": "defaults: [generate_root, _self_]\n",
    }
    for name, text in files.items():
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
    return read_choices(discover(searchpath_override([directory])))


def test_a_name_stands_for_a_plugin(choices: Choices) -> None:
    plugins = choices.plugins["optimizer"]
    presets = {file.stem for file in (conf_directory() / "optimizer").glob("*.yaml")}
    assert set(plugins) == {*builtin_names("optimizer"), *presets, "hot"}
    chosen = {"adam": "adam", "adam_gpt3": "adam", "hot": "adam", "sgd": "sgd", "sgd_nesterov": "sgd"}
    assert {name: plugins[name] for name in chosen} == chosen


def test_an_experiment_chooses_and_keeps_the_rest(choices: Choices) -> None:
    experiments = {file.stem for file in (conf_directory() / "experiment").glob("*.yaml")}
    assert set(choices.experiments) == {*experiments, "it's mine"}
    assert choices.experiments["multi30k_en_de_tok"]["lr_scheduler"] == "inverse_sqrt"
    assert choices.experiments["it's mine"]["lr_scheduler"] == "polynomial_decay"


def test_primary_configs_and_their_commands(choices: Choices) -> None:
    assert choices.commands == {
        "config": "train",
        "evaluate": "evaluate",
        "generate": "generate",
        "exp": "train",
        "no_model": "train",
        "train_root": "train",
        "translate": "generate",
        "average_root": "average",
        "evaluate_root": "evaluate",
        "generate_root": "generate",
        "score_root": "score",
    }
    assert choices.primaries["exp"]["model"] == "transformer"
    assert choices.primaries["no_model"] == {"task": "translation"}
    assert choices.primaries["translate"] == {}
