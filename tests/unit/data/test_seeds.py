from seqtrain.data.seeds import derive_seed


def test_seeds_are_numbers_of_63_bits_and_stay_the_same_for_ever() -> None:
    assert derive_seed(1, 2, 3) == 1540937338477698060
    assert all(0 <= derive_seed(n) < 1 << 63 for n in range(1000))


def test_other_parts_give_other_seeds() -> None:
    assert len({derive_seed(*parts) for parts in [(1, 2), (2, 1), (12,), ("a", 1, 2), ("a", 12)]}) == 5
