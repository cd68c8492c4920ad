import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from seqtrain.data.data_bin import DataBin
from seqtrain.data.tokenizers.char import CharConfig, CharTokenizer
from seqtrain.data.tokenizers.whitespace import PostProcess, WhitespaceConfig, WhitespaceTokenizer
from seqtrain.errors import ConfigError, DataError
from tests.fairseq_format import preprocess, write_bin

TEXT = {
    "train.en": "a b\na\nc@@ d\n", "train.de": "x y\nx\nz\n",
    "train1.en": "b\n", "train1.de": "y\n",
    "valid.en": "a q\n", "valid.de": "x q\n",
}  # fmt: skip
EN_DE = ("en", "de")
TOKENIZER = WhitespaceTokenizer(WhitespaceConfig())


@pytest.fixture
def text(tmp_path: Path) -> Path:
    (tmp_path / "text").mkdir()
    for name, content in TEXT.items():
        (tmp_path / "text" / name).write_text(content)
    return tmp_path / "text"


@pytest.fixture
def directory(text: Path, tmp_path: Path) -> Path:
    preprocess(text, tmp_path / "bin", EN_DE)
    return tmp_path / "bin"


def find(data: object) -> DataBin:
    found = DataBin.find(str(data), ["train"])
    assert found is not None
    return found


def learn(data_bin: DataBin, tmp_path: Path, languages: tuple[str, ...] = EN_DE) -> Path:
    sides = data_bin.find_files("train", languages)
    texts = {name: [(name, [file])] for name, (_, file) in zip(EN_DE, sides, strict=True)}
    return data_bin.learn(TOKENIZER, texts, tmp_path)


def test_it_is_known_by_what_is_in_it(directory: Path, text: Path) -> None:
    assert find(directory).shards == [directory]
    for other in (text, directory / "nowhere", "builtin:number_names", f"{text}:{text}"):
        assert DataBin.find(str(other), []) is None
    for file in directory.glob("*.bin"):
        file.unlink()
    assert DataBin.find(str(directory), []) is None


def test_several_directories(directory: Path, text: Path) -> None:
    copy = shutil.copytree(directory, directory.with_name("copy"))
    assert find(f"{directory}:{copy}").shards == [directory, copy]
    with pytest.raises(DataError, match=r"bin names a directory twice: they take turns, each once; name it once"):
        find(f"{directory}:{copy}:{directory}")
    with pytest.raises(DataError, match=r"text holds no \.idx beside a \.bin, as the others do"):
        find(f"{directory}:{text}")
    with_colon = directory.rename(directory.with_name("a:b"))
    assert find(with_colon).shards == [with_colon]


@pytest.mark.parametrize("languages", [EN_DE, EN_DE[::-1]])
def test_files_of_a_pair_in_either_direction(directory: Path, languages: tuple[str, str]) -> None:
    found = find(directory).find_files("train", languages)
    assert found == [(f"train.en-de.{name}", directory / f"train.en-de.{name}.bin") for name in languages]


def test_files_of_one_language(tmp_path: Path) -> None:
    write_bin(tmp_path / "train", [[4, 2]])
    assert find(tmp_path).find_files("train") == [("train", tmp_path / "train.bin")]


def test_files_in_another_place(directory: Path) -> None:
    write_bin(directory.parent / "more.en-de.en", [[4, 2]])
    ((name, file), _) = find(directory).find_files("../more", EN_DE)
    assert (name, file) == ("../more.en-de.en", directory / "../more.en-de.en.bin")
    assert find(directory).describe(name, file)[name].size == 1


def test_files_that_are_not_there(directory: Path) -> None:
    there = "which holds train.en-de.de.idx, train.en-de.en.idx, "
    with pytest.raises(DataError, match=rf"no train.en-fr.en.idx nor train.fr-en.en.idx in .*, {there}.*source_lang"):
        find(directory).find_files("train", ("en", "fr"))
    with pytest.raises(DataError, match=rf"no test.idx in .*, {there}.*; check task.train, valid, test$"):
        find(directory).find_files("test")


def test_further_parts_of_the_training_data(directory: Path) -> None:
    def parts(*training: str, file: str = "train") -> list[str]:
        data_bin = DataBin([directory], training)
        return [part.name for part, _ in data_bin.sizes(directory / f"{file}.en-de.de.bin")]

    for number in (2, 4):
        write_bin(directory / f"train{number}.en-de.de", [[4, 2]])
    train, one, two = (f"train{number}.en-de.de.bin" for number in ("", 1, 2))
    assert parts("train") == [train, one, two]
    assert parts("train", "train1") == [train, two]
    assert parts("train", "train1", file="train1") == [one]
    assert parts("valid") == [train]
    assert find(directory).sizes(directory / "valid.en-de.de.bin") == [(directory / "valid.en-de.de.bin", 1)]


@pytest.fixture
def both(directory: Path, text: Path, tmp_path: Path) -> DataBin:
    """Two directories; the training data of the second has one part."""
    (text / "train1.en").unlink()
    preprocess(text, tmp_path / "second", EN_DE)
    return find(f"{directory}:{tmp_path / 'second'}")


def test_directories_that_take_turns_have_theirs_below(both: DataBin) -> None:
    for shard in both.shards:
        (shard / "below").mkdir()
        for file in shard.glob("train*.??.*"):
            file.rename(shard / "below" / file.name)
    data_bin = DataBin(both.shards, ["below/train"])
    ((_, file), _) = data_bin.find_files("below/train", EN_DE)
    assert data_bin.turns([file]).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_directories_take_turns(both: DataBin, directory: Path, tmp_path: Path) -> None:
    train, valid = (directory / f"{prefix}.en-de.en.bin" for prefix in ("train", "valid"))
    assert both.num_turns == 2
    assert [size for _, size in both.sizes(train)] == [3, 1, 3]
    assert both.turns([train]).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert len(both.sizes(valid)) == 1
    dictionary = TOKENIZER.load(learn(both, tmp_path), "en")
    assert list(both.lines([train], dictionary)) == ["a b", "a", "c@@ d", "b", "a b", "a", "c@@ d"]
    assert {name: found.size for name, found in both.describe("train.en-de.en", train).items()} == {
        "train.en-de.en": 3,
        "train1.en-de.en": 1,
        "train.en-de.en in directory 2": 3,
    }


def test_what_one_does_not_train_on_is_of_the_first_directory(both: DataBin, directory: Path) -> None:
    assert both.held_out.shards == [directory]
    train = directory / "train.en-de.en.bin"
    assert both.held_out.sizes(train) == [(train, 3)]
    assert both.held_out.held_out.sizes(train) == [(train, 3)]


def test_each_part_has_alignments_beside_it(both: DataBin, directory: Path, tmp_path: Path) -> None:
    expected = {
        "train.align.en-de": directory,
        "train1.align.en-de": directory,
        "train.align.en-de in directory 2": tmp_path / "second",
    }
    for name, place in expected.items():
        with pytest.raises(DataError, match=rf"no text file {place}/{name.split()[0]} \(nor .*\.gz\)"):
            both.find_alignments("train", EN_DE)
        (place / name.split()[0]).write_text("\n")
    found = both.find_alignments("train", EN_DE)
    assert found == [(name, place / name.split()[0]) for name, place in expected.items()]


def test_the_dictionaries_of_the_directory(directory: Path, tmp_path: Path) -> None:
    learned = learn(find(directory), tmp_path)
    for language in EN_DE:
        name = f"dict.{language}.txt"
        assert (learned / name).read_bytes() == (directory / name).read_bytes()
    dictionary = TOKENIZER.load(learned, "de")
    assert [dictionary.symbol(id) for id in range(4, len(dictionary))] == ["x", "y", "z", "madeupword0000"]


def test_the_dictionary_of_one_language(tmp_path: Path) -> None:
    write_bin(tmp_path / "train.v2", [[4, 2]])
    (tmp_path / "dict.txt").write_text("a 3\n")
    learned = find(tmp_path).learn(TOKENIZER, {"text": [("", [tmp_path / "train.v2.bin"])]}, tmp_path / "cache")
    assert TOKENIZER.load(learned, "text").encode("a b") == [4, 3]


def test_a_language_with_a_hyphen(text: Path, tmp_path: Path) -> None:
    for file in text.glob("*.de"):
        file.rename(file.with_suffix(".zh-CN"))
    preprocess(text, tmp_path / "bin", ("en", "zh-CN"))
    learned = learn(find(tmp_path / "bin"), tmp_path, ("en", "zh-CN"))
    assert TOKENIZER.load(learned, "de").encode("x") == [4]


def test_a_joint_dictionary(directory: Path, text: Path, tmp_path: Path) -> None:
    files = [(language, [directory / f"train.en-de.{language}.bin"]) for language in EN_DE]
    different = (
        r"dict\.de\.txt and .*dict\.en\.txt are not the same, .*: run fairseq-prep.*task.joined_dictionary=false"
    )
    with pytest.raises(ConfigError, match=different):
        find(directory).learn(TOKENIZER, {"joined": files}, tmp_path)
    preprocess(text, directory, EN_DE, joined=True)
    assert TOKENIZER.load(find(directory).learn(TOKENIZER, {"joined": files}, tmp_path), "joined").encode("x") != [3]


def test_a_missing_dictionary(directory: Path, tmp_path: Path) -> None:
    (directory / "dict.de.txt").unlink()
    with pytest.raises(DataError, match=r"there is no .*/bin/dict\.de\.txt, .* ids of train\.en-de\.de\.bin stand"):
        learn(find(directory), tmp_path)


def test_another_tokenizer(directory: Path, tmp_path: Path) -> None:
    data_bin = find(directory)
    files = {"en": [("en", [directory / "train.en-de.en.bin"])]}
    with pytest.raises(
        ConfigError, match=r"the symbols of .*dict\.en\.txt, not for those of tokenizer=char: write tok"
    ):
        data_bin.learn(CharTokenizer(CharConfig()), files, tmp_path)
    tokenizer = WhitespaceTokenizer(WhitespaceConfig(post_process=PostProcess.subword_nmt))
    assert tokenizer.load(data_bin.learn(tokenizer, files, tmp_path), "en").decode([6, 7]) == "cd"


def test_ids_of_several_files(directory: Path, tmp_path: Path) -> None:
    data_bin = find(directory)
    dictionary = TOKENIZER.load(learn(data_bin, tmp_path), "en")
    files = [directory / f"{prefix}.en-de.en.bin" for prefix in ("train", "valid")]
    tokens = data_bin.index(files, dictionary, tmp_path)
    assert tokens.gather(np.array([3, 4, 0]))[0].tolist() == [5, 2, 4, 3, 2, 4, 5, 2]


def test_ids_as_text(directory: Path, tmp_path: Path) -> None:
    data_bin = find(directory)
    dictionary = TOKENIZER.load(learn(data_bin, tmp_path), "en")
    files = [directory / f"{part}.en-de.en.bin" for part in ("train", "valid")]
    assert list(data_bin.lines(files, dictionary)) == ["a b", "a", "c@@ d", "b", "a <<unk>>"]


def test_sides_of_different_size(directory: Path) -> None:
    source, target = (directory / f"train.en-de.{language}.bin" for language in EN_DE)
    assert [size for _, size in find(directory).check_parallel(source, target)] == [3, 1]
    write_bin(directory / "train1.en-de.de", [[4, 2], [4, 2]])
    with pytest.raises(DataError, match=r"train1.en-de.en.bin has 1 sentences and .*train1.en-de.de.bin has 2: "):
        find(directory).check_parallel(source, target)
    (directory / "train1.en-de.de.bin").unlink()
    (directory / "train1.en-de.de.idx").unlink()
    with pytest.raises(DataError, match=r"of train.en-de.en.bin there are 2 parts, and of train.en-de.de.bin 1$"):
        find(directory).check_parallel(source, target)


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("spoil", "difference"),
    [
        (lambda file: file.write_text(file.read_text().replace("b 1", "B 1")), "id 5 is 'B' in the one and 'b' in"),
        (lambda file: file.write_text(file.read_text() + "more 1\n"), "id 8 is 'more' in the one and None in"),
        (lambda file: file.write_text("b 1\n"), "id 4 is 'b' in the one and 'a' in"),
    ],
)
def test_ids_of_another_dictionary(directory: Path, tmp_path: Path, spoil: Spoil, difference: str) -> None:
    dictionary = TOKENIZER.load(learn(find(directory), tmp_path), "en")
    spoil(directory / "dict.en.txt")
    with pytest.raises(DataError, match=rf"dict\.en\.txt is not the dictionary of the model: {difference}"):
        find(directory).index([directory / "train.en-de.en.bin"], dictionary, tmp_path)


def test_a_directory_without_a_dictionary_of_its_own(both: DataBin, directory: Path, tmp_path: Path) -> None:
    dictionary, files = TOKENIZER.load(learn(both, tmp_path), "en"), [directory / "train.en-de.en.bin"]
    (tmp_path / "second/dict.en.txt").unlink()
    assert len(both.index(files, dictionary, tmp_path)) == 7
    (tmp_path / "second/dict.en.txt").write_text("other 1\n")
    with pytest.raises(DataError, match=r"second/dict\.en\.txt is not the dictionary of the model"):
        both.index(files, dictionary, tmp_path)


def test_a_dictionary_that_goes_on_with_tags(directory: Path, tmp_path: Path) -> None:
    more = TOKENIZER.load(learn(find(directory), tmp_path), "en")
    (directory / "dict.en.txt").write_text("a 2\n")
    tokens = find(directory).index([directory / "train.en-de.en.bin"], more, tmp_path)
    assert tokens[1].tolist() == [4, 2]
    with pytest.raises(DataError, match="sentence 1, counted from 1, has the id 5, and the dictionary 5 symbols"):
        tokens[0]
