import io
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece as spm

from seqtrain.data.number_names import english, german
from seqtrain.data.tokenizers import sentencepiece
from seqtrain.data.tokenizers._training_lines import TrainingLines, drawn
from seqtrain.data.tokenizers.sentencepiece import (
    ModelType,
    SentencePieceConfig,
    SentencePieceDictionary,
    SentencePieceTokenizer,
)
from seqtrain.errors import ConfigError, DataError

LINES = [name(number) for number in range(1, 1_000_000, 9973) for name in (english, german)]


def train(directory: Path, lines: list[str] = LINES, **config: Any) -> SentencePieceDictionary:
    tokenizer = SentencePieceTokenizer(SentencePieceConfig(**{"vocab_size": 100, **config}))
    tokenizer.train(lines, directory, "joined")
    return tokenizer.load(directory, "joined")


def foreign_model(**options: Any) -> bytes:
    """A model whose special symbols stand elsewhere, or are missing."""
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, vocab_size=60, minloglevel=3, num_threads=1, **options
    )
    return model.getvalue()


@pytest.mark.parametrize("model_type", list(ModelType))
def test_vocabulary_and_round_trip(tmp_path: Path, model_type: ModelType) -> None:
    dictionary = train(tmp_path, model_type=model_type)
    assert len(dictionary) == 100
    assert dictionary.decode(dictionary.encode("zweihundertfünf dreißig zwölf")) == "zweihundertfünf dreißig zwölf"
    assert [file.name for file in tmp_path.iterdir()] == ["joined.model"]


def test_ids_are_those_of_sentencepiece_itself(tmp_path: Path) -> None:
    dictionary = train(tmp_path)
    processor = spm.SentencePieceProcessor(model_file=str(tmp_path / "joined.model"))
    assert [processor.bos_id(), processor.pad_id(), processor.eos_id(), processor.unk_id()] == [0, 1, 2, 3]
    assert dictionary.encode(LINES[9]) == processor.encode(LINES[9])
    assert [dictionary.symbol(id) for id in range(100)] == [processor.id_to_piece(id) for id in range(100)]


@pytest.mark.parametrize("model_type", list(ModelType))
def test_the_largest_vocabulary_is_said_and_works(tmp_path: Path, model_type: ModelType) -> None:
    with pytest.raises(DataError, match=r"^tokenizer\.vocab_size=9000 is too large .*; set \d+ or less$") as error:
        train(tmp_path, vocab_size=9000, model_type=model_type)
    most = int(str(error.value).split()[-3])
    assert len(train(tmp_path, vocab_size=most, model_type=model_type)) == most


def test_the_smallest_vocabulary_is_said_and_works(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tokenizer\.vocab_size=10 is too small .*; set \d+ or more, or") as error:
        train(tmp_path, vocab_size=10)
    least = int(str(error.value).split("; set ")[1].split()[0])
    assert len(train(tmp_path, vocab_size=least)) == least


def test_other_refusals_of_sentencepiece_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise RuntimeError("INTERNAL: something new")

    monkeypatch.setattr(spm.SentencePieceTrainer, "train", refuse)
    with pytest.raises(DataError, match="cannot train on this text: INTERNAL: something new"):
        train(tmp_path)


def test_coverage_leaves_out_rare_characters(tmp_path: Path) -> None:
    lines = [*LINES * 20, "Ω"]
    assert 3 not in train(tmp_path, lines).encode("Ω")
    assert 3 in train(tmp_path, lines, character_coverage=0.999).encode("Ω")


def test_long_lines_are_not_left_out(tmp_path: Path) -> None:
    long = "Ω" + " one two three" * 10_000
    assert 3 not in train(tmp_path, [*LINES, long]).encode("Ω")


@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({}, [1, -1, 2, 0]),
        ({"bos_id": -1, "eos_id": -1}, [-1, -1, -1, 0]),
        ({"unk_id": 3, "pad_id": 2, "bos_id": 1, "eos_id": 0}, [1, 2, 0, 3]),
        ({"unk_id": 0, "pad_id": 59}, [1, 59, 2, 0]),
    ],
)
def test_any_model_gets_our_special_symbols(tmp_path: Path, options: dict[str, int], order: list[int]) -> None:
    model = foreign_model(**options)
    (tmp_path / "their.model").write_bytes(model)
    (tmp_path / "run").mkdir()
    dictionary = train(tmp_path / "run", model_file=str(tmp_path / "their.model"))
    theirs = spm.SentencePieceProcessor(model_proto=model)
    assert [theirs.bos_id(), theirs.pad_id(), theirs.eos_id(), theirs.unk_id()] == order
    assert (tmp_path / "run" / "joined.model").read_bytes() == model
    assert len(dictionary) == len(theirs) + order.count(-1)
    symbols = [dictionary.symbol(id) for id in range(len(dictionary))]
    assert symbols[:4] == ["<s>", "<pad>", "</s>", "<unk>"]
    assert symbols[4:] == [theirs.id_to_piece(id) for id in range(len(theirs)) if id not in order]
    assert [dictionary.symbol(id) for id in dictionary.encode(LINES[8])] == theirs.encode(LINES[8], out_type=str)
    assert dictionary.decode([0, *dictionary.encode(LINES[8]), 2, 1]) == LINES[8]
    assert dictionary.encode("Ω")[-1] == 3


def test_an_existing_model_for_each_language(tmp_path: Path) -> None:
    tokenizer = SentencePieceTokenizer(SentencePieceConfig(model_file=str(tmp_path / "their.{name}.model")))
    assert tokenizer.external_files("de") == [tmp_path / "their.de.model"]
    with pytest.raises(DataError, match=r"cannot read the SentencePiece model .*their\.de\.model: No such file"):
        tokenizer.train(LINES, tmp_path, "de")
    (tmp_path / "their.de.model").write_bytes(b"no model")
    with pytest.raises(DataError, match=r"their\.de\.model is no SentencePiece model, or a damaged one"):
        tokenizer.train(LINES, tmp_path, "de")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["their.de.model"]


def test_every_cut_of_a_model_is_noticed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(tmp_path, vocab_size=45)
    path = tmp_path / "joined.model"
    whole = path.read_bytes()
    tokenizer = SentencePieceTokenizer(SentencePieceConfig())
    # each byte of the pieces and specs, and a few of the long table of character normalisation
    for size in [*range(1000), *range(1000, len(whole), 19_937), len(whole) - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"joined\.model is no SentencePiece model, or a damaged one"):
            tokenizer.load(tmp_path, "joined")
    assert capfd.readouterr() == ("", "")


def test_fingerprint_is_of_the_model_not_of_its_symbols_alone(tmp_path: Path) -> None:
    first = foreign_model(normalization_rule_name="identity")
    second = foreign_model(normalization_rule_name="nmt_nfkc_cf")
    one, other = SentencePieceDictionary(first), SentencePieceDictionary(second)
    assert [one.symbol(id) for id in range(len(one))] == [other.symbol(id) for id in range(len(other))]
    assert one.encode("ONE") != other.encode("ONE")
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("model_type", list(ModelType))
def test_sampling_gives_other_subwords_of_the_same_text(tmp_path: Path, model_type: ModelType) -> None:
    dictionary = train(tmp_path, model_type=model_type, sampling_alpha=0.05)
    assert dictionary.samples
    lines = [*LINES, "", "a\tb Ω", "</s> <pad>"]
    changed = 0
    for seed, line in enumerate(lines):
        plain = dictionary.encode(line)
        sampled = dictionary.sample(plain, seed)
        changed += sampled != plain
        assert dictionary.decode(sampled) == dictionary.decode(plain)
        assert [id for id in sampled if id < 4] == [id for id in plain if id < 4]
    assert changed > len(LINES) / 4


def test_bpe_that_leaves_out_nothing_is_that_of_sentencepiece(tmp_path: Path) -> None:
    dictionary = train(tmp_path, sampling_alpha=1e-300)
    for line in LINES:
        assert dictionary.sample(dictionary.encode(line), 1) == dictionary.encode(line)


def test_sampling_is_off_by_default(tmp_path: Path) -> None:
    dictionary = train(tmp_path)
    assert not dictionary.samples
    assert dictionary.sample(dictionary.encode(LINES[9]), 1) == dictionary.encode(LINES[9])


def test_encoding_stays_plain_with_sampling(tmp_path: Path) -> None:
    dictionary = train(tmp_path, sampling_alpha=0.5)
    processor = spm.SentencePieceProcessor(model_file=str(tmp_path / "joined.model"))
    assert dictionary.encode_lines(LINES) == processor.encode(LINES)
    assert [dictionary.encode(line) for line in LINES] == processor.encode(LINES)


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_user_defined_symbols_stay_whole(tmp_path: Path, model_type: str) -> None:
    model = foreign_model(model_type=model_type, user_defined_symbols=["<2de>"], byte_fallback=False)
    dictionary = SentencePieceDictionary(model, 0.9)
    plain = dictionary.encode("<2de> neunhundertneunundneunzig")
    symbol = next(id for id in range(len(dictionary)) if dictionary.symbol(id) == "<2de>")
    for seed in range(20):
        assert dictionary.sample(plain, seed).count(symbol) == plain.count(symbol) == 1


def test_bytes_stay_as_they_are(tmp_path: Path) -> None:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, vocab_size=330, minloglevel=3, model_type="bpe",
        byte_fallback=True, pad_id=3,
    )  # fmt: skip
    dictionary = SentencePieceDictionary(model.getvalue(), 0.5)
    plain = dictionary.encode("one Ω one")
    sampled = [dictionary.sample(plain, seed) for seed in range(20)]
    assert {dictionary.decode(ids) for ids in sampled} == {"one Ω one"}
    assert len(set(map(tuple, sampled))) > 1


@pytest.mark.parametrize("model_type", ["char", "word"])
def test_a_model_without_subwords_cannot_sample(model_type: str) -> None:
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES), model_writer=model, vocab_size=30, minloglevel=3, model_type=model_type
    )
    with pytest.raises(ConfigError, match=r"tokenizer\.sampling_alpha=0\.1: .* knows no subwords; set it to 0"):
        SentencePieceDictionary(model.getvalue(), 0.1).sample([4, 5], 1)
    assert SentencePieceDictionary(model.getvalue()).sample([4, 5], 1) == [4, 5]


def test_a_copy_samples_the_same(tmp_path: Path) -> None:
    dictionary = train(tmp_path, sampling_alpha=0.5)
    ids = dictionary.encode(LINES[9])
    copy = pickle.loads(pickle.dumps(dictionary))
    assert [copy.sample(ids, seed) for seed in range(9)] == [dictionary.sample(ids, seed) for seed in range(9)]


def test_another_alpha_needs_no_other_model() -> None:
    keys = [SentencePieceTokenizer(SentencePieceConfig(sampling_alpha=alpha)).key() for alpha in (0.0, 0.1)]
    assert keys[0] == keys[1] != SentencePieceTokenizer(SentencePieceConfig(vocab_size=9)).key()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"vocab_size": 4}, r"SentencePieceConfig\.vocab_size=4 must be above 4"),
        ({"character_coverage": 0.0}, r"SentencePieceConfig\.character_coverage=0\.0 must be above 0 and at most 1"),
        ({"sampling_alpha": 1.1}, r"SentencePieceConfig\.sampling_alpha=1\.1 must be at least 0 and at most 1"),
        ({"character_coverage": 1.5}, r"SentencePieceConfig\.character_coverage=1\.5"),
    ],
)
def test_ranges(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SentencePieceConfig(**config)


def test_the_number_of_training_threads_is_a_constant() -> None:
    assert sentencepiece.TRAINING_THREADS == 4


@pytest.mark.parametrize("model_type", list(ModelType))
def test_symbols_of_the_users_own(tmp_path: Path, model_type: ModelType) -> None:
    dictionary = train(tmp_path, model_type=model_type, user_defined_symbols=["<sep>", "a,b"])
    assert len(dictionary) == 100
    assert [dictionary.symbol(id) for id in (4, 5)] == ["<sep>", "a,b"]
    text = "one<sep>two a,b"
    ids = dictionary.encode(text)
    assert ids.count(4) == ids.count(5) == 1 and dictionary.decode(ids) == text


def test_an_existing_model_is_extended(tmp_path: Path) -> None:
    before = train(tmp_path)
    tokenizer = SentencePieceTokenizer(SentencePieceConfig(vocab_size=100, user_defined_symbols=["<sep>"]))
    tokenizer.extend(["not read <new>"], tmp_path, "joined")
    after = tokenizer.load(tmp_path, "joined")
    assert [after.symbol(id) for id in range(len(after))] == [*map(before.symbol, range(100)), "<sep>"]
    given = SentencePieceConfig(model_file=str(tmp_path / "joined.model"), user_defined_symbols=["<sep>", "<x>"])
    SentencePieceTokenizer(given).train([], tmp_path, "taken")
    assert SentencePieceTokenizer(given).load(tmp_path, "taken").symbol(101) == "<x>"


def test_a_model_of_some_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []
    init = TrainingLines.__init__

    def noted(self: TrainingLines, lines: Iterable[str]) -> None:
        taken.extend(lines)
        init(self, taken)

    monkeypatch.setattr(TrainingLines, "__init__", noted)
    lines = [german(number) for number in range(0, 100_000, 7)]
    cfg = SentencePieceConfig(vocab_size=60, input_sentence_size=500, random_seed=3)
    SentencePieceTokenizer(cfg).train(lines, tmp_path, "joined")
    assert taken == list(drawn(lines, 500, seed=3))
    assert len(SentencePieceTokenizer(cfg).load(tmp_path, "joined")) == 60


def test_ids_of_many_lines_are_those_of_each_whatever_the_numbering(tmp_path: Path) -> None:
    lines = [german(number) for number in range(0, 1000, 7)]
    SentencePieceTokenizer(SentencePieceConfig(vocab_size=40)).train(lines, tmp_path, "joined")
    dictionary = SentencePieceTokenizer(SentencePieceConfig()).load(tmp_path, "joined")
    assert dictionary.encode_lines(lines) == [dictionary.encode(line) for line in lines]
    dictionary._is_numbered_so = False
    assert dictionary.encode_lines(lines) == [dictionary.encode(line) for line in lines]
