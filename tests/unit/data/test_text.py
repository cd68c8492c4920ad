import gzip
from pathlib import Path

import pytest

from seqtrain.data import text
from seqtrain.data.text import (
    TextSize,
    check_parallel,
    count_lines,
    find_monolingual_text,
    find_text,
    hash_file,
    read_lines,
)
from seqtrain.errors import DataError


def lines_of(path: Path, content: bytes) -> list[str]:
    path.write_bytes(content)
    return list(read_lines(path))


def test_lines_end_at_newline_only(tmp_path: Path) -> None:
    content = "a\u2028b\x85c\x0bd\x0ce\u2029\rf\r\ng\n\nh".encode()
    assert lines_of(tmp_path / "x", content) == ["a\u2028b\x85c\x0bd\x0ce\u2029\rf", "g", "", "h"]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\r\n", ["a"]),
        (b"a\r", ["a\r"]),
        (b"a\r\r\n", ["a\r"]),
        (b"\xef\xbb\xbfa\nb\n", ["a", "b"]),
        (b"\xef\xbb\xbf", [""]),
        (b"a\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\x00\n", ["\x00"]),
    ],
)
def test_read_lines(tmp_path: Path, content: bytes, lines: list[str]) -> None:
    assert lines_of(tmp_path / "x", content) == lines


def test_gzip_reads_as_plain(tmp_path: Path) -> None:
    text = "dreißig\nzwölf\r\nfünf"
    assert lines_of(tmp_path / "x.gz", gzip.compress(text.encode())) == ["dreißig", "zwölf", "fünf"]


def test_invalid_utf8_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x:2: not UTF-8 \(byte 0xfc at position 1 of the line\); .*iconv"):
        lines_of(tmp_path / "x", b"a\nf\xfcnf\n")


def test_every_cut_of_a_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress(b"one\ntwo\nthree\n")
    for size in range(1, len(whole)):
        with pytest.raises(DataError, match=r"x\.gz: damaged gzip file .*gzip -t"):
            lines_of(tmp_path / "x.gz", whole[:size])


def test_a_gzip_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="damaged gzip file"):
        lines_of(tmp_path / "x.gz", b"plain text\n")


def test_gzip_with_damaged_content(tmp_path: Path) -> None:
    damaged = bytearray(gzip.compress(b"one two three\n" * 100))
    damaged[15] ^= 0xFF
    with pytest.raises(DataError, match="damaged gzip file"):
        lines_of(tmp_path / "x.gz", bytes(damaged))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*nowhere: No such file"):
        list(read_lines(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"cannot read .*nowhere"):
        hash_file(tmp_path / "nowhere")


def test_find_text_takes_plain_before_gzip(tmp_path: Path) -> None:
    (tmp_path / "train.en.gz").touch()
    assert find_text(tmp_path, "train", "en") == tmp_path / "train.en.gz"
    (tmp_path / "train.en").touch()
    assert find_text(tmp_path, "train", "en") == tmp_path / "train.en"


def test_find_text_takes_prefixes_with_dots_and_directories(tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "test.2016.de").touch()
    assert find_text(tmp_path, "news/test.2016", "de") == tmp_path / "news" / "test.2016.de"


def test_find_text_lists_the_languages_there_are(tmp_path: Path) -> None:
    for name in ("train.en", "train.fr.gz", "training.de"):
        (tmp_path / name).touch()
    with pytest.raises(DataError) as error:
        find_text(tmp_path, "train", "de")
    assert str(error.value) == (
        f"there is no text file {tmp_path}/train.de (nor train.de.gz): with this prefix there are train.en, "
        "train.fr.gz; check task.source_lang and task.target_lang"
    )


def test_find_text_lists_the_files_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file in .* starts with 'train\.'; it holds no files"):
        find_text(tmp_path, "train", "de")
    (tmp_path / "dev.de").touch()
    with pytest.raises(DataError, match=r"it holds dev\.de$"):
        find_text(tmp_path, "train", "de")


def test_find_text_in_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"the directory .*nowhere does not exist; check task\.data"):
        find_text(tmp_path / "nowhere", "train", "de")


def test_check_parallel_counts_lines_as_read_lines_does(tmp_path: Path) -> None:
    (tmp_path / "x.en").write_bytes(b"a\x0bb\nc")
    (tmp_path / "x.de.gz").write_bytes(gzip.compress(b"a\r\nb\n"))
    check_parallel(tmp_path / "x.en", tmp_path / "x.de.gz")


@pytest.mark.parametrize(
    ("source", "target", "counts"),
    [
        (b"1\n2\n3\n4\n", b"1\n2\n", "x.en has 4 lines and {}/x.de has 2:"),
        (b"1\n2\n", b"1\n2\n3\n4", "x.en has 2 lines and {}/x.de has 4:"),
        (b"", b"\n", "x.en has 0 lines and {}/x.de has 1:"),
    ],
)
def test_check_parallel_names_both_files_and_counts(tmp_path: Path, source: bytes, target: bytes, counts: str) -> None:
    (tmp_path / "x.en").write_bytes(source)
    (tmp_path / "x.de").write_bytes(target)
    with pytest.raises(DataError, match="find the line from which they are shifted") as error:
        check_parallel(tmp_path / "x.en", tmp_path / "x.de")
    assert counts.format(tmp_path) in str(error.value)


def test_hash_file(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert hash_file(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("name", ["train.en", "train.en.gz"])
def test_a_line_without_end(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqtrain.data.text.MAX_LINE_BYTES", 1 << 20)
    content = b"a\n" + b"b" * ((1 << 20) - 1) + b"\n" + bytes(1 << 21)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    lines = read_lines(tmp_path / name)
    assert [len(next(lines)), len(next(lines))] == [1, (1 << 20) - 1]
    with pytest.raises(DataError, match=rf"{name}:3: a line of over 1 MiB; is this a file of text\?"):
        next(lines)


def test_text_of_one_language_by_its_name_or_prefix(tmp_path: Path) -> None:
    for name in ("wiki.train.tokens", "input.txt", "valid.txt.gz", "valid.en"):
        (tmp_path / name).touch()
    for name, file in {
        "wiki.train.tokens": "wiki.train.tokens",
        "input.txt": "input.txt",
        "input": "input.txt",
        "valid": "valid.txt.gz",
    }.items():
        assert find_monolingual_text(tmp_path, name) == tmp_path / file
    (tmp_path / "valid.txt").touch()
    assert find_monolingual_text(tmp_path, "valid") == tmp_path / "valid.txt"
    (tmp_path / "valid").mkdir()
    assert find_monolingual_text(tmp_path, "valid") == tmp_path / "valid.txt"


def test_no_text_of_one_language(tmp_path: Path) -> None:
    (tmp_path / "train.en").touch()
    with pytest.raises(DataError) as error:
        find_monolingual_text(tmp_path, "train")
    assert str(error.value) == (
        f"there is no text file {tmp_path / 'train'} (nor train.gz, train.txt, train.txt.gz): "
        "with this prefix there are train.en; name one of them"
    )


def test_size_of_a_text() -> None:
    assert TextSize.of(["zwölf  Boxkämpfer", "", " a\u00a0b\t"]) == TextSize(3, 22, 25, 4)
    assert TextSize.of([]) == TextSize()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("content", [b"", b"a", b"\n", b"a\nb", b"a\r\n\nb\n", b"x\n" * 1_000_000])
def test_lines_are_counted_as_they_are_read(tmp_path: Path, content: bytes, suffix: str) -> None:
    file = tmp_path / f"text{suffix}"
    file.write_bytes(gzip.compress(content, 1) if suffix else content)
    assert count_lines(file) == sum(1 for _ in read_lines(file))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_who_watches_is_told_of_all_bytes_but_of_the_last_lines(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "WATCHED", 10)
    file, content = tmp_path / f"text{suffix}", "".join(f"{number}\n" for number in range(200_000)).encode()
    file.write_bytes(gzip.compress(content) if suffix else content)
    told: list[int] = []
    assert len(list(read_lines(file, told.append))) == 200_000
    assert len(told) == 20_000
    assert sum(told) == file.stat().st_size
