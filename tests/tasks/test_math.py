import json
import logging
import pathlib

import grain
import pytest

from jaxrl.errors import UserError
from jaxrl.problems import Problem
from jaxrl.sandbox import VerifierPool
from jaxrl.tasks.champ import champ
from jaxrl.tasks.math_jsonl import extract, math_jsonl
from jaxrl.tasks.math_tfds import math_tfds

GSM8K = pathlib.Path(__file__).parents[3] / "shared" / "data" / "gsm8k"
needs_gsm8k = pytest.mark.skipif(not GSM8K.exists(), reason="GSM8K is not here")
pytestmark = pytest.mark.filterwarnings(
  # tensorflow_datasets and etils open files that they leave to the collector
  "ignore::ResourceWarning",
  "ignore::DeprecationWarning",
)


def record(i: int) -> dict[str, str]:
  answer = f"{i:,} + {i:,} = <<{i}+{i}={2 * i}>>{2 * i}\n#### {2 * i:,}"
  return {
    "question": f"A hen lays {i} eggs — and {i} more. How many?",
    "answer": answer,
  }


def write(path: pathlib.Path, *numbers: int) -> str:
  lines = [json.dumps(record(i), ensure_ascii=False) for i in numbers]
  path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
  return str(path)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
  folder = tmp_path_factory.mktemp("pool")
  task = math_jsonl(train_path=write(folder / "t.jsonl", *range(50)))
  with VerifierPool(task.verify, timeout_seconds=4.0) as pool:
    yield pool


def test_two_files(tmp_path):
  train = write(tmp_path / "train.jsonl", 600, 7, 8, 600)
  test = write(tmp_path / "test.jsonl", 9, 8)
  task = math_jsonl(
    train_path=train, test_path=test, instruction="Box it.", system="Hi"
  )
  assert [p.answer for p in task.train] == ["1200", "14"]  # 8 is held out
  assert [p.answer for p in task.test] == ["18", "16"]
  assert task.train[0].data["solution"].startswith("600 + 600")
  assert task.messages(task.test[0]) == [
    {"role": "system", "content": "Hi"},
    {"role": "user", "content": f"{record(9)['question']}\n\nBox it."},
  ]
  assert len({p.id for p in [*task.train, *task.test]}) == 4


def test_one_file_is_split_by_question(tmp_path):
  task = math_jsonl(
    train_path=write(tmp_path / "a.jsonl", *range(60)), test_fraction=0.3
  )
  shuffled = write(tmp_path / "b.jsonl", *reversed(range(60)))
  again = math_jsonl(train_path=shuffled, test_fraction=0.3)
  assert len(task.train) + len(task.test) == 60
  assert {p.id for p in task.test} == {p.id for p in again.test}
  assert not {p.id for p in task.test} & {p.id for p in task.train}


BAD_LINES = {
  b"": "an empty line",
  b"{": "no JSON object",
  b"[1]": "no JSON object",
  b'"text"': "no JSON object",
  b'{"question": "?"}': "no text under 'answer'",
  b'{"question": " ", "answer": "#### 1"}': "no text under 'question'",
  b'{"question": 1, "answer": "#### 1"}': "no text under 'question'",
  b'{"question": "?", "answer": "1"}': "no final answer after '####'",
  b'{"question": "?", "answer": "so #### "}': "no final answer after '####'",
  b'{"question": "\xff", "answer": "#### 1"}': "no UTF-8",
  b'{"question": "\\ud800", "answer": "#### 1"}': "half a surrogate pair",
  b"[" * 100_000: "no JSON object",
}


@pytest.mark.parametrize("line", BAD_LINES, ids=BAD_LINES.values())
def test_a_bad_line_is_named(tmp_path, caplog, line):
  path = tmp_path / "bad.jsonl"
  write(path, *range(20))
  path.write_bytes(path.read_bytes() + line + b"\n" + json.dumps(record(99)).encode())
  with pytest.raises(UserError) as raised:
    math_jsonl(train_path=str(path), test_fraction=0.3)
  assert f"{path}:21: {BAD_LINES[line]}" in str(raised.value)
  assert "\n" not in str(raised.value)
  with caplog.at_level(logging.WARNING):
    task = math_jsonl(train_path=str(path), test_fraction=0.3, on_bad_line="skip")
  assert len(task.train) + len(task.test) == 21
  assert "skipped 1 bad lines" in caplog.text and "is 21" in caplog.text


def test_no_file_and_no_problem(tmp_path):
  with pytest.raises(UserError, match="no file"):
    math_jsonl(train_path=str(tmp_path / "none.jsonl"))
  with pytest.raises(UserError, match="no file"):
    math_tfds(train_path=str(tmp_path / "none.jsonl"), data_dir=str(tmp_path))
  (tmp_path / "empty.jsonl").write_text("")
  train = write(tmp_path / "train.jsonl", 1, 2)
  with pytest.raises(UserError, match="no problem"):
    math_jsonl(train_path=train, test_path=str(tmp_path / "empty.jsonl"))
  with pytest.raises(UserError, match="no problem"):
    math_jsonl(train_path=train, test_path=train)  # nothing is left to train on


@pytest.mark.parametrize(
  ("response", "extracted"),
  [
    ("so \\boxed{1} and \\boxed{ 2 }", ("2", True)),
    ("\\boxed{\\frac{1}{2}} of them", ("\\frac{1}{2}", True)),
    ("#### 3\n#### 4.", ("4", False)),
    ("The answer is 5.", ("5", False)),
    ("Answer: 6", ("6", False)),
    ("The final answer is: $7", ("$7", False)),
    ("\\boxed{8", None),  # cut off: what comes before does not count
    ("#### 8 \\boxed{}", None),
    ("9", None),
    ("I answered 9", None),
    ("", None),
    ("\\boxed{" + "9" * 10_000 + "}", None),
  ],
)
def test_the_asked_form(response, extracted):
  assert extract(response) == extracted


PROBLEM = Problem("id", "math_jsonl", "617 + 617?", "1234", {})


@pytest.mark.parametrize(
  ("response", "score"),
  [
    ("\\boxed{1234}", 1.0),
    ("\\boxed{1,234}", 1.0),
    ("\\boxed{1234.0}", 1.0),
    ("\\boxed{\\$1234}", 1.0),
    ("\\boxed{\\frac{2468}{2}}", 1.0),
    ("\\boxed{x = 1234}", 1.0),
    ("#### 1,234", 1.0),
    ("The answer is 1234 eggs.", 1.0),
    ("The answer is $1,234.00.", 1.0),
    ("\\boxed{1235}", 0.0),
    ("\\boxed{-1234}", 0.0),
    ("\\boxed{12341234}", 0.0),
    ("#### 1233 1234", 0.0),
    ("The answer is 1233 or 1234", 0.0),
    ("\\boxed{1233, 1234}", 0.0),
    ("\\boxed{1234, 1234}", 0.0),
    ("\\boxed{1233 = 1234}", 0.0),
    ("\\boxed{}", 0.0),
    ("\\boxed{\\text{banana}}", 0.0),
    ("#### banana", 0.0),
    ("1234", 0.0),
    ("\0\ud800", 0.0),
  ],
)
def test_grading(pool, response, score):
  outcome = pool.verify([(PROBLEM, response)])[0]
  assert (outcome.status, outcome.score) == ("ok", score), outcome
  assert outcome.formatted or score == 0.0


def test_an_answer_that_never_ends_is_no_wrong_answer(pool, tmp_path):
  task = math_jsonl(train_path=write(tmp_path / "a.jsonl", *range(30)))
  pairs = [(task.train[0], r) for r in ("\\boxed{9^{9^{9^9}}}", "\\boxed{-1}")]
  bad, good = pool.verify(pairs)
  assert (bad.score, bad.status) == (None, "timeout")
  assert (good.score, good.status) == (0.0, "ok")


def test_tfds_equals_jsonl_and_is_prepared_once(tmp_path, monkeypatch):
  train = write(tmp_path / "train.jsonl", *range(500, 540), 3, 500)
  test = write(tmp_path / "test.jsonl", *range(7))
  data_dir = str(tmp_path / "tfds")
  for paths in ({"train_path": train, "test_path": test}, {"train_path": train}):
    plain = math_jsonl(**paths)
    dataset = math_tfds(**paths, data_dir=data_dir)
    assert list(dataset.train) == plain.train
    assert list(dataset.test) == plain.test
    assert dataset.messages(plain.train[0]) == plain.messages(plain.train[0])
  written = files(tmp_path)
  monkeypatch.setattr("jaxrl.tasks.math_jsonl.read_problems", None)  # is not read again
  again = math_tfds(train_path=train, test_path=test, data_dir=data_dir)
  assert len(again.train) == 40
  assert again.train[-1] == again.train[39] and again.train[1:3][1] == again.train[2]
  with pytest.raises(IndexError):
    again.train[40]
  assert files(tmp_path) == written
  monkeypatch.undo()
  write(tmp_path / "train.jsonl", 1000, 1001)
  changed = math_tfds(train_path=train, test_path=test, data_dir=data_dir)
  assert [p.answer for p in changed.train] == ["2000", "2002"]  # never stale


def files(folder: pathlib.Path) -> dict[pathlib.Path, int]:
  return {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


def test_an_interrupted_preparation_starts_again(tmp_path, monkeypatch):
  train = write(tmp_path / "train.jsonl", *range(30))
  options = {"train_path": train, "data_dir": str(tmp_path / "tfds")}

  def interrupt(*_, **__):
    raise KeyboardInterrupt

  with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
    context.setattr("json.dumps", interrupt)
    math_tfds(**options)
  assert list(math_tfds(**options).train) == math_jsonl(train_path=train).train


def test_tfds_resumes_under_grain(tmp_path):
  train = write(tmp_path / "train.jsonl", *range(40))
  task = math_tfds(train_path=train, data_dir=str(tmp_path / "tfds"))

  def stream():
    source = grain.MapDataset.source(task.train).shuffle(seed=1).repeat()
    return iter(source.batch(8, batch_fn=list).to_iter_dataset())

  through = stream()
  batches = [[p.id for p in next(through)] for _ in range(8)]
  first = stream()
  assert [[p.id for p in next(first)] for _ in range(3)] == batches[:3]
  state = json.loads(json.dumps(first.get_state()))
  second = stream()
  second.set_state(state)
  assert [[p.id for p in next(second)] for _ in range(5)] == batches[3:]


@needs_gsm8k
def test_gsm8k_gold_answers_score(pool, tmp_path):
  paths = {f"{n}_path": str(GSM8K / f"{n}.jsonl") for n in ("train", "test")}
  task = math_jsonl(**paths)
  assert (len(task.train), len(task.test)) == (7473, 1319)
  forms = ("so \\boxed{%s}", "#### %s", "The answer is %s.", "\\boxed{%s1}")
  pairs = [(p, form % p.answer) for p in task.test[:30] for form in forms]
  scores = [outcome.score for outcome in pool.verify(pairs)]
  assert scores == [1.0, 1.0, 1.0, 0.0] * 30
  worked = [(p, f"{p.data['solution']}\n#### {p.answer}") for p in task.test[::6]]
  assert {outcome.score for outcome in pool.verify(worked)} == {1.0}
  dataset = math_tfds(**paths, data_dir=str(tmp_path))
  assert dataset.train[:50] == task.train[:50] and dataset.test[-9:] == task.test[-9:]
  assert len(dataset.train) == 7473


def test_champ(pool):
  task = champ()
  problems = [*task.train, *task.test]
  assert len(problems) == 79 and not {p.id for p in task.train} & {
    p.id for p in task.test
  }
  everything = champ(integers_only=False, with_hints=True)
  assert len(everything.train) + len(everything.test) == 270
  assert sum(len(p.hints) for p in [*everything.train, *everything.test]) > 400
  assert {p.id for p in task.test} <= {p.id for p in everything.test}
  hinted = next(p for p in everything.train if p.hints)
  assert all(h in everything.messages(hinted)[0]["content"] for h in hinted.hints)
  assert not any(h in task.messages(hinted)[0]["content"] for h in hinted.hints)
  formula = next(p for p in everything.train if not p.data["gradable"])
  with VerifierPool(task.verify, workers=1) as own:
    pairs = [(p, f"\\boxed{{{p.answer}}}") for p in [*problems, formula]]
    outcomes = own.verify([*pairs, (problems[0], "\\boxed{-12345}")])
  assert {outcome.score for outcome in outcomes[:79]} == {1.0}
  assert (outcomes[79].score, outcomes[79].status) == (None, "error")
  assert outcomes[80].score == 0.0
