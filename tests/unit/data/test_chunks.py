from seqtrain.data.chunks import chunked


def test_chunks_and_what_is_read_for_them() -> None:
    items = iter(range(5))
    chunks = chunked(items, 2)
    assert next(chunks) == [0, 1]
    assert next(items) == 2
    assert list(chunks) == [[3, 4]]
    assert list(chunked([], 2)) == []
