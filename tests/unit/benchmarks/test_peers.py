import json

from benchmarks._peers import of_intervals, of_last_line, of_reports

EOLE = """
[INFO] Step 10/   30; acc: 1.0; ppl: 99.50; xent: 6.90; lr: 1.12e-04; bsz: 2100/ 900/13;  24/ 27 tok/s;     35 sec;
[INFO] Step 20/   30; acc: 1.1; ppl: 98.77; xent: 6.90; lr: 1.12e-04; bsz: 2090/1000/ 9; 1727/ 500 tok/s;     35 sec;
[INFO] Step 30/   30; acc: 1.2; ppl: 95.10; xent: 6.89; lr: 1.12e-04; bsz: 1900/2000/11; 1772/2000 tok/s;     36 sec;
[INFO] Saving optimizer
"""


def test_eoles_reports() -> None:
    # 10,000 tokens in 20 seconds, then 20,000 in 10; the first report is the warm-up.
    assert of_reports(EOLE) == {"tokens_per_second": 1000, "seconds_per_update": 1.5, "tokens_per_update": 1500}


def test_figures_as_the_last_line() -> None:
    assert of_last_line('{"loss": 3}\nwarning\n{"tokens_per_second": 5.5}\n') == {"tokens_per_second": 5.5}


def test_intervals_but_the_first() -> None:
    lines = [{"updates": 2, "tokens": tokens, "seconds": 2.0} for tokens in (1, 100, 300)]
    output = "".join(f"talk\n{json.dumps(line)}\n" for line in lines)
    assert of_intervals(output) == {"tokens_per_second": 100, "seconds_per_update": 1, "tokens_per_update": 100}
