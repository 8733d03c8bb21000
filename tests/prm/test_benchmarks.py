"""Readers of benchmarks of process reward models, and judges that know nothing."""

import json

import numpy as np
import pytest

from jaxrl.errors import UserError
from jaxrl.prm import benchmarks, evaluation
from jaxrl.prm.solutions import Solution, from_line, to_line

# --- readers ------------------------------------------------------------------------

PROCESS = {
  "id": "gsm8k-0",
  "generator": "some model",
  "problem": "How many?",
  "steps": ["First.", "Then.", "So 3."],
  "final_answer_correct": False,
  "label": 1,
}
PRM = {
  "idx": "prm_7",
  "original_question": "How many?",
  "modified_question": "How many now?",
  "original_process": ["1. First.", "2. So 3."],
  "modified_process": ["1. First.", "2. Wrong.", "3. So 4."],
  "error_steps": [2, 3],
  "classification": "circular",
}
MP = {"question": "What is it?", "steps": ["a", "b"], "error_steps": [2]}
READERS = [
  (benchmarks.process_bench, PROCESS),
  (benchmarks.prm_bench, PRM),
  (benchmarks.mp_bench, MP),
]


def write(path, *records):
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return path


def test_process_bench_file(tmp_path):
  right = {**PROCESS, "id": "gsm8k-1", "label": -1, "final_answer_correct": True}
  one, two = benchmarks.process_bench(write(tmp_path / "a.jsonl", PROCESS, right))
  assert one.problem == "gsm8k-0" and one.question == "How many?"
  assert one.text == "First.\n\nThen.\n\nSo 3." and one.steps[2] == "So 3."
  assert one.labels == (1.0, 0.0, None) and one.outcome == 0.0
  assert one.about == {"generator": "some model"}
  assert two.labels == (1.0, 1.0, 1.0) and two.outcome == 1.0
  assert evaluation.first_error(one.labels) == 1
  assert evaluation.first_error(two.labels) == -1


def test_prm_bench_file(tmp_path):
  path = write(tmp_path / "a.jsonl", PRM)
  (changed,) = benchmarks.prm_bench(path)
  assert changed.labels == (1.0, 0.0, 0.0) and changed.question == "How many now?"
  assert changed.text == "1. First.\n2. Wrong.\n3. So 4."
  assert changed.about == {"kind": "circular"}
  (before,) = benchmarks.prm_bench(path, originals=True)
  assert before.labels == (1.0, 1.0) and before.question == "How many?"


def test_mp_bench_file_and_arrays(tmp_path):
  path = tmp_path / "a.json"
  path.write_text(json.dumps([MP, MP], indent=2))
  assert [one.labels for one in benchmarks.mp_bench(path)] == [(1.0, 0.0)] * 2
  other = write(tmp_path / "b.jsonl", {"q": "What?", "s": ["a", "b"], "e": [0]})
  (one,) = benchmarks.mp_bench(other, question="q", steps="s", errors="e", first_step=0)
  assert one.labels == (0.0, 1.0) and one.question == "What?"


@pytest.mark.parametrize("reader, record", READERS)
def test_solutions_can_be_written_for_training(reader, record, tmp_path):
  (one,) = reader(write(tmp_path / "a.jsonl", record))
  assert from_line(to_line(one).encode()) == one


@pytest.mark.parametrize("reader, record", READERS)
def test_bad_files_are_named(reader, record, tmp_path):
  path = write(tmp_path / "a.jsonl", record, record)
  whole = path.read_text()
  path.write_text(whole[:-20])
  with pytest.raises(UserError, match=r"a\.jsonl:2: no JSON .*cut short") as caught:
    reader(path)
  assert "\n" not in str(caught.value)
  path.write_text(f"[{json.dumps(record)},")
  with pytest.raises(UserError, match=r"a\.jsonl: no JSON array .*cut short"):
    reader(path)
  path.write_text(whole + "[1]\n")
  with pytest.raises(UserError, match=r"a\.jsonl:3: no JSON object"):
    reader(path)
  path.write_text("\n")
  with pytest.raises(UserError, match="holds no solution"):
    reader(path)
  with pytest.raises(UserError, match=r"cannot read .*nowhere"):
    reader(tmp_path / "nowhere.jsonl")
  path.write_bytes(b"\xff\xfe")
  with pytest.raises(UserError, match="cannot read"):
    reader(path)


NEEDED = [
  *((benchmarks.process_bench, PROCESS, name) for name in PROCESS),
  *((benchmarks.prm_bench, PRM, name) for name in PRM if "original" not in name),
  *((benchmarks.mp_bench, MP, name) for name in MP),
]


@pytest.mark.parametrize("reader, record, name", NEEDED)
def test_a_missing_field_is_named(reader, record, name, tmp_path):
  less = {key: value for key, value in record.items() if key != name}
  path = write(tmp_path / "a.jsonl", record, less)
  with pytest.raises(UserError, match=rf"a\.jsonl:2: no field '{name}'"):
    reader(path)
  path.write_text(json.dumps([record, less]))
  with pytest.raises(UserError, match=rf"a\.jsonl: record 2: no field '{name}'"):
    reader(path)


BAD = [
  (
    benchmarks.process_bench,
    PROCESS,
    {"label": 3},
    r"'label' is 3; 3 steps have -1\.\.2",
  ),
  (benchmarks.process_bench, PROCESS, {"label": -2}, "'label' is -2"),
  (benchmarks.process_bench, PROCESS, {"label": 1.5}, "no whole number"),
  (benchmarks.process_bench, PROCESS, {"label": True}, "no whole number"),
  (benchmarks.process_bench, PROCESS, {"steps": []}, "no list of steps"),
  (benchmarks.process_bench, PROCESS, {"steps": "a"}, "no list of steps"),
  (benchmarks.process_bench, PROCESS, {"steps": ["a", 2]}, "no text"),
  (benchmarks.process_bench, PROCESS, {"problem": " "}, "'problem' is ' ', no text"),
  (benchmarks.process_bench, PROCESS, {"final_answer_correct": 1}, "not true or false"),
  (benchmarks.prm_bench, PRM, {"error_steps": [4]}, r"has 4; 3 steps have 1\.\.3"),
  (benchmarks.prm_bench, PRM, {"error_steps": [0]}, "has 0"),
  (benchmarks.prm_bench, PRM, {"error_steps": 2}, "no list"),
  (benchmarks.mp_bench, MP, {"error_steps": ["2"]}, "has '2'"),
]


@pytest.mark.parametrize("reader, record, change, message", BAD)
def test_a_bad_field_is_named(reader, record, change, message, tmp_path):
  path = write(tmp_path / "a.jsonl", record, {**record, **change})
  with pytest.raises(UserError, match=rf"a\.jsonl:2: .*{message}"):
    reader(path)


# --- judges -------------------------------------------------------------------------


def test_champ_and_judges():
  """540 solutions, 444 of them with a mistake; one line holds nothing but blanks."""
  solutions = benchmarks.champ()
  errors = [evaluation.first_error(one.labels) for one in solutions]
  assert len(solutions) == 540 and sum(error >= 0 for error in errors) == 444
  labels = [label for one in solutions for label in one.labels]
  assert labels.count(0.0) == 444 and labels.count(1.0) == 4191
  assert np.median([error for error in errors if error >= 0]) == 4
  assert all(step.strip() for one in solutions for step in one.steps)
  # One that finds no mistake is right on the 96 others; guessing is near half.
  passes = benchmarks.evaluate(solutions, benchmarks.always_correct)
  assert passes["process_bench_correct_accuracy"] == 1
  assert passes["process_bench_f1"] == passes["process_bench_error_accuracy"] == 0
  assert passes["step_auroc"] == 0.5
  assert passes["brier"] == pytest.approx(444 / (444 + 4191))
  guesses = benchmarks.evaluate(solutions, benchmarks.random)
  assert guesses["step_auroc"] == pytest.approx(0.5, abs=0.06)
  told = benchmarks.evaluate(
    solutions, lambda one: [1.0 if y is None else y for y in one.labels]
  )
  assert told["process_bench_f1"] == told["prm_score"] == told["step_auroc"] == 1


def test_guesses_are_the_same_again_and_differ_between_solutions():
  make = lambda text: Solution("p", "q", (text, "b"), (1.0, None))
  one, again, other = map(benchmarks.random, (make("a"), make("a"), make("c")))
  np.testing.assert_array_equal(one, again)
  assert not np.array_equal(one, other)
  assert not np.array_equal(one, benchmarks.random(make("a"), seed=1))
