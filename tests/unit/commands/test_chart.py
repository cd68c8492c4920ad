import pytest

from seqtrain.commands._chart import MARKS, chart


def test_a_line_up_and_down() -> None:
    assert chart([[0.0, 1.0, 2.0, 3.0, 4.0, 3.0, 2.0, 1.0]], width=30, height=5) == [
        "4 |             ****",
        "  |          ****  *****",
        "2 |      *****         ****",
        "  |   ****                ****",
        "0 |****",
        "  +---------------------------",
        "   1            4    8 updates",
    ]


def test_more_updates_than_columns() -> None:
    assert chart([[0.001 * n for n in range(10000)]], width=41, height=3) == [
        "10 |                           **********",
        " 5 |         *******************",
        " 0 |**********",
        "   +-------------------------------------",
        "    1               5,000  10,000 updates",
    ]


def test_a_jump_has_no_gap() -> None:
    assert chart([[4.0] * 10 + [1.0] * 10], width=30, height=5)[:5] == [
        "4 |**************",
        "  |             *",
        "2 |             *",
        "  |             **************",
        "0 |",
    ]


def test_curves_have_marks_of_their_own_and_the_first_is_above() -> None:
    assert chart([[1.0] * 8, [1.0] * 4 + [0.0] * 4], width=31, height=3)[:3] == [
        "  1 |" + "*" * 26,
        "0.5 |" + " " * 12 + "o",
        "  0 |" + " " * 12 + "o" * 14,
    ]


def test_the_shorter_of_two_curves_ends_where_it_does() -> None:
    assert chart([[1.0] * 10, [0.0] * 5], width=33, height=3)[:3] == ["  1 |" + "*" * 28, "0.5 |", "  0 |" + "o" * 14]


@pytest.mark.parametrize("number", [1, len(MARKS)])
def test_nothing_but_zero(number: int) -> None:
    assert chart([[0.0, 0.0]] * number, width=30, height=3)[:3] == ["  1 |", "0.5 |", "  0 |" + "*" * 25]


def test_one_update_in_a_narrow_terminal() -> None:
    assert chart([[0.5]], width=1, height=3) == [
        " 0.5 |" + "*" * 24,
        "0.25 |",
        "   0 |",
        "     +" + "-" * 24,
        "      1          1   1 updates",
    ]
