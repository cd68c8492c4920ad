import json
import math

import pytest
import torch

from seqtrain.base import Alignment
from seqtrain.config import OutputFormat, PrintAlignment
from seqtrain.generation.formats import FORMATS
from seqtrain.generation.outputs import Decoded, Output

BIT = math.log(2)
BEST = Output("ein Haus", ["▁ein", "▁Haus", "</s>"], -1.5 * BIT, [-0.25 * BIT, -4.0 * BIT, -0.00004 * BIT])
SECOND = Output('ein\n"Ü"', ["▁ein", "\n", '"Ü"', "</s>"], -2.0 * BIT, [-1.0 * BIT, -2.0 * BIT, -3.0 * BIT, -2.0 * BIT])
HOUSE = Decoded(3, "a house", [BEST, SECOND])
EMPTY_LINE = Decoded(4, "", [])


def lines(kind: str, decoded: Decoded, nbest: int = 1, alignment: str = "none") -> list[str]:
    return list(FORMATS[OutputFormat(kind)](decoded, nbest, PrintAlignment(alignment)))


def test_every_format_is_there() -> None:
    assert set(FORMATS) == set(OutputFormat)


def test_text_has_nbest_lines_whatever_there_is() -> None:
    assert lines("text", HOUSE) == ["ein Haus"]
    assert lines("text", HOUSE, 2) == ["ein Haus", 'ein "Ü"']
    assert lines("text", HOUSE, 3) == ["ein Haus", 'ein "Ü"', ""]
    assert lines("text", EMPTY_LINE, 2) == ["", ""]


def test_fairseq_lines_without_a_reference() -> None:
    assert lines("fairseq", HOUSE, 2) == [
        "S-3\ta house",
        "H-3\t-1.5\t▁ein ▁Haus",
        "D-3\t-1.5\tein Haus",
        "P-3\t-0.2500 -4.0000 -0.0000",
        'H-3\t-2.0\t▁ein   "Ü"',
        'D-3\t-2.0\tein "Ü"',
        "P-3\t-1.0000 -2.0000 -3.0000 -2.0000",
    ]


def test_fairseq_lines_with_a_reference() -> None:
    decoded = Decoded(0, "a\nhouse", [BEST], "das Haus")
    assert lines("fairseq", decoded) == [
        "S-0\ta house",
        "T-0\tdas Haus",
        "H-0\t-1.5\t▁ein ▁Haus",
        "D-0\t-1.5\tein Haus",
        "P-0\t-0.2500 -4.0000 -0.0000",
    ]


def test_fairseq_lines_of_constraints() -> None:
    decoded = Decoded(0, "a", [], constraints=("b c", "d"))
    assert lines("fairseq", decoded)[:4] == ["S-0\ta", "C-0\tb c", "C-0\td", "H-0\t0.0\t"]


def test_fairseq_lines_of_an_empty_line_stay_in_step() -> None:
    assert lines("fairseq", EMPTY_LINE) == ["S-4\t", "H-4\t0.0\t", "D-4\t0.0\t", "P-4\t"]


def test_json_has_what_there_is_in_nats() -> None:
    (line,) = lines("jsonl", Decoded(3, "a house", [BEST, SECOND], "das Haus"), 2)
    assert json.loads(line) == {
        "id": 3,
        "source": "a house",
        "reference": "das Haus",
        "hypotheses": [
            {
                "text": "ein Haus",
                "score": pytest.approx(-1.0397207708),
                "tokens": ["▁ein", "▁Haus", "</s>"],
                "positional_scores": pytest.approx([-0.1732867951, -2.7725887222, -0.0000277259]),
            },
            {
                "text": 'ein\n"Ü"',
                "score": pytest.approx(-1.3862943611),
                "tokens": ["▁ein", "\n", '"Ü"', "</s>"],
                "positional_scores": pytest.approx([-0.6931471806, -1.3862943611, -2.0794415417, -1.3862943611]),
            },
        ],
    }
    assert "Ü" in line and "\n" not in line


def test_json_of_an_empty_line_has_no_hypotheses() -> None:
    assert lines("jsonl", EMPTY_LINE, 2) == ['{"id": 4, "source": "", "hypotheses": []}']


def test_json_is_strict_where_a_score_is_not_finite() -> None:
    (line,) = lines("jsonl", Decoded(0, "a", [Output("", ["</s>"], -math.inf, [-math.inf])]))
    (hypothesis,) = json.loads(line, parse_constant=pytest.fail)["hypotheses"]
    assert (hypothesis["score"], hypothesis["positional_scores"]) == (None, [None])


ALIGNMENT = Alignment(torch.tensor([[0.25, 0.75], [1.0, 0.0]]), [(1, 0), (0, 1)])
ALIGNED = Decoded(0, "a b", [Output("c", ["c", "</s>"], 0.0, [0.0, 0.0], ALIGNMENT)])


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [("hard", ["A-0\t1-0 0-1"]), ("soft", ["A-0\t0.250000,0.750000 1.000000,0.000000"]), ("none", [])],
)
def test_fairseq_lines_of_alignments(alignment: str, expected: list[str]) -> None:
    assert lines("fairseq", ALIGNED, 1, alignment)[4:] == expected


def test_fairseq_lines_of_alignments_of_an_empty_line() -> None:
    assert lines("fairseq", EMPTY_LINE, 1, "hard")[4:] == ["A-4\t"]


@pytest.mark.parametrize(
    ("alignment", "expected"),
    [("hard", {"alignment": [[1, 0], [0, 1]]}), ("soft", {"alignment": [[0.25, 0.75], [1.0, 0.0]]}), ("none", {})],
)
def test_json_of_alignments(alignment: str, expected: dict[str, object]) -> None:
    (line,) = lines("jsonl", ALIGNED, 1, alignment)
    plain = {"text": "c", "score": 0.0, "tokens": ["c", "</s>"], "positional_scores": [0.0, 0.0]}
    assert json.loads(line)["hypotheses"] == [plain | expected]


def test_text_has_no_alignments() -> None:
    assert lines("text", ALIGNED) == ["c"]
