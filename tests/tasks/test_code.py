"""Programs scored by unit tests: right and wrong ones, and ones that cheat."""

import functools
import json
import pathlib
import time

import pytest

from jaxrl import sandbox_limits, sandbox_program
from jaxrl.errors import UserError
from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome, VerifierPool
from jaxrl.tasks import code_jsonl as task_file
from jaxrl.tasks.code_jsonl import code_jsonl, last_block

SECONDS = 1.5  # for a program; the pool waits longer


def mbpp(text: str = "Double a number.", **changed) -> dict:
  tests = ["assert double(2) == 4", "assert double(5) == 10", "assert double(0) == 0"]
  record = {"task_id": 7, "text": text, "code": "def double(x): return 2 * x"}
  return {**record, "test_list": tests, **changed}


HUMANEVAL = {
  "task_id": "HumanEval/0",
  "prompt": 'def one(): return 1\n\ndef add(a, b):\n  """The sum."""\n',
  "canonical_solution": "  return a + b\n",
  "test": "def check(candidate):\n  assert candidate(2, one()) == 3\n",
  "entry_point": "add",
}


def write(path: pathlib.Path, *records: dict) -> str:
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return str(path)


def parsed(record: dict) -> Problem:
  return task_file._parse(json.dumps(record).encode())


PROBLEM = parsed(mbpp())


def block(code: str) -> str:
  return f"Here it is:\n```python\n{code}\n```\nDone."


def pool_of(*, partial: bool = True, seconds: float = SECONDS, **settings):
  verify = functools.partial(task_file.verify, partial=partial, timeout_seconds=seconds)
  return VerifierPool(verify, **{"timeout_seconds": 12.0, **settings})


@pytest.fixture(scope="module")
def pool():
  with pool_of(workers=2, memory_mb=512) as pool:
    if "fork" not in pool.isolation:
      pytest.skip("programs run on Linux only")
    yield pool


def run(pool: VerifierPool, *programs: str, problem: Problem = PROBLEM) -> list:
  return pool.verify([(problem, block(program)) for program in programs])


def scores(outcomes: list[Outcome]) -> list[float | None]:
  assert all(outcome.status == "ok" for outcome in outcomes), outcomes
  return [outcome.score for outcome in outcomes]


RIGHT = "def double(x):\n  return x + x"
THIRD = pytest.approx(1 / 3)


def test_right_and_wrong_programs(pool):
  programs = {
    RIGHT: 1.0,
    "from math import prod\ndouble = lambda x: prod([2, x])": 1.0,
    "class double(int):\n  def __new__(cls, x): return int.__new__(cls, x * 2)": 1.0,
    "import sys\nprint('noise', input if 0 else 1)\n" + RIGHT: 1.0,
    "if __name__ == '__main__':\n  1 / 0\n" + RIGHT: 1.0,
    "def double(x): return x": THIRD,  # 0 is 0
    "def double(x): return 4": THIRD,
    "def double(x): raise ValueError": 0.0,
    "def triple(x): return 3 * x": 0.0,
    "def double(x) return 2": 0.0,
    RIGHT + "\n1 / 0": 0.0,
    "": 0.0,
  }
  assert scores(run(pool, *programs)) == list(programs.values())


def test_a_program_may_not_hang_eat_or_end(pool):
  """Each is a wrong program, and no failure of the verifier."""
  programs = {
    "while True: pass": 0.0,
    "def double(x):\n  while x: pass\n  return 0": 0.0,
    "def double(x): return 9**9**9**9": 0.0,
    "import time\ndef double(x): time.sleep(99)": 0.0,
    "def double(x): return bytearray(10**10)": 0.0,
    "x = [0]\nwhile True: x = x * 2": 0.0,
    "def double(x): return double(x)": 0.0,
    "def double(x): return 'x' * 10**7": 0.0,
    "x = []\nfor _ in range(10**5): x = [x]\ndef double(_): return x": 0.0,
    "import sys; sys.exit(0)": 0.0,
    "import os; os._exit(0)": 0.0,
    "import os\n" + RIGHT + "\nos._exit(93)": 0.0,
    "import os\ndef double(x):\n  return 4 if x == 2 else os._exit(0)": THIRD,
    "import ctypes; ctypes.string_at(0)": 0.0,
    "import os; os.abort()": 0.0,
    "raise KeyboardInterrupt": 0.0,
    "import os\nos.closerange(0, 64)": 0.0,
  }
  start = time.monotonic()
  assert scores(run(pool, *programs)) == list(programs.values())
  assert time.monotonic() - start < 25
  assert pool.restarts == 0
  assert scores(run(pool, RIGHT)) == [1.0]


@pytest.mark.parametrize(
  "cheat",
  [
    # a value that equals everything
    "class Any(int):\n  def __eq__(self, other): return True\n"
    "class Other:\n  def __eq__(self, other): return True\n"
    "  __ne__ = __eq__\n  __hash__ = None\n"
    "def double(x): return Other() if x else Any(1)",
    # the same by way of what tests use
    "import builtins\nbuiltins.AssertionError = ArithmeticError\n"
    "builtins.int.__eq__ = lambda *_: True",
    "import gc\nfor o in gc.get_objects():\n  if isinstance(o, dict): o.clear()",
    # forged verdicts, on every pipe
    'import os\nbody = b\'{"score": 1.0, "formatted": true, "answer": null}\'\n'
    "for i in range(64):\n"
    "  try: os.write(i, len(body).to_bytes(4, 'big') + body)\n"
    "  except OSError: pass\nos._exit(0)",
    "print('{\"score\": 1.0}', flush=True)\nimport os\nos._exit(0)",
    "import os\nbody = b'{\"tuple\": [true, null]}'\nfor _ in range(9):\n"
    "  for i in range(3, 64):\n"
    "    try: os.write(i, len(body).to_bytes(4, 'big') + body)\n"
    "    except OSError: pass\n",
  ],
)
def test_cheats_score_nothing(pool, cheat):
  assert scores(run(pool, cheat)) == [0.0]
  assert scores(run(pool, RIGHT)) == [1.0]


SEARCH = """
import gc, sys
most, texts, frame = "4815162", [], sys._getframe()
while frame:
  texts.append(str(frame.f_locals))
  frame = frame.f_back
gc.unfreeze()
for thing in gc.get_objects():
  if isinstance(thing, (dict, list, tuple)):
    texts.append(str(thing)[:10**5])
def secret(): return any(most + "3" in text for text in texts) and int(most + "3")
"""


def test_expected_values_are_not_in_the_programs_memory(pool):
  """Nor are those of the worker's earlier items: a group shares its tests."""
  problem = parsed(mbpp(test_list=["assert secret() == 48151623"]))
  right = "def secret(): return 48151623"
  earlier = [f"{right}  # {i}" for i in range(4)]  # each an item of its own
  assert scores(run(pool, *earlier, problem=problem)) == [1.0] * 4
  planted = "planted = ['48151' + '623']\n" + SEARCH
  searched = run(pool, SEARCH, SEARCH + "\n", planted, problem=problem)
  assert scores(searched) == [0.0, 0.0, 1.0]


def test_modules_that_tests_use_are_the_real_ones(pool):
  problem = parsed(mbpp(test_list=["assert math.isclose(half(1), 0.5)"]))
  fake = "class math:\n  isclose = lambda *_: True\ndef half(x): return 7"
  honest = "def half(x): return x / 2"
  assert scores(run(pool, fake, honest, problem=problem)) == [0.0, 1.0]
  problem = parsed(mbpp(test_list=["assert len(f(1)) == 3"]))
  fake = "def len(x): return 3\ndef f(x): return []"
  assert scores(run(pool, fake, problem=problem)) == [0.0]


def test_a_program_touches_nothing_else(pool, tmp_path):
  target = tmp_path / "new"
  hidden = tmp_path / "tests.jsonl"
  hidden.write_text(json.dumps(mbpp()))
  attempts = [
    f"open({str(target)!r}, 'w').write('x')",
    "open('here', 'w').write('x')",
    f"open({str(hidden)!r}).read()",
    "import socket; socket.socket()",
    "import ctypes; assert ctypes.CDLL(None).socket(2, 1, 0) >= 0",
    "import os; os.fork()",
    "import subprocess; subprocess.run(['true'])",
    "import ctypes; assert ctypes.CDLL(None).fork() >= 0",
    "import os; os.kill(os.getppid(), 9)",
    "import ctypes, os; assert ctypes.CDLL(None).kill(os.getppid(), 9) == 0",
    "import resource; resource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
  ]
  programs = [f"{attempt}\n{RIGHT}" for attempt in attempts]
  assert scores(run(pool, *programs)) == [0.0] * len(programs)
  assert not target.exists()
  assert pool.restarts == 0


def test_one_program_leaves_nothing_to_the_next(pool):
  marks = "import builtins, sys\nbuiltins.mark = sys.mark = 1\n" + RIGHT
  finds = "import builtins, sys\nbuiltins.mark, sys.mark\n" + RIGHT
  either = "mark = 0\ntry:\n  import sys\n  sys.mark\nexcept AttributeError: pass\n"
  assert scores(run(pool, marks, marks, finds, finds)) == [1.0, 1.0, 0.0, 0.0]
  assert scores(run(pool, either + RIGHT)) == [1.0]


VALUES = """
import collections
def same(x): return x
def kinds():
  return [(1, 2.5), {3}, {4: b'x'}, frozenset({5}), None, True, 1j, 'é\\ud800', 10**99]
def counter(): return collections.Counter('aab')
def several(n):
  for i in range(n): yield i, [i]
class Point:
  def __init__(self, x, y=0): self.x, self.y = x, y
  def moved(self, by): return Point(self.x + by, self.y)
def norm(point): return abs(point.x) + abs(point.y)
def nan(): return float('nan')
"""


@pytest.mark.parametrize(
  "test",
  [
    "assert same({(1, 'a'): [None, {2}]}) == {(1, 'a'): [None, {2}]}",
    "assert same((1, [2])) == (1, [2]) and same([1]) != (1,)",
    "assert kinds() == [(1, 2.5), {3}, {4: b'x'}, frozenset({5}), None, True, 1j, "
    "'\\xe9\\ud800', 10**99]",
    "assert counter() == {'a': 2, 'b': 1}",
    "assert list(several(3)) == [(0, [0]), (1, [1]), (2, [2])]",
    "assert sorted(several(2)) == [(0, [0]), (1, [1])] and (1, [1]) in several(2)",
    "assert norm(Point(3, y=-4)) == 7 and Point(3).moved(2).x == 5",
    "p = Point(1)\np.y = 5\nassert norm(p) == 6",
    "assert nan() != nan()",
    "assert str(same(True)) == 'True' and same(1.0) == 1",
  ],
)
def test_values_travel(pool, test):
  problem = parsed(mbpp(test_list=[test]))
  assert scores(run(pool, VALUES, problem=problem)) == [1.0]


def test_setup_and_imports_of_the_data(pool):
  """As in MBPP, whose setup may use the program's own classes."""
  record = mbpp(
    test_imports=["import math"],
    test_setup_code="root = Node(math.floor(3.5))\nroot.next = Node(4)",
    test_list=["assert total(root) == 7"],
  )
  program = (
    "class Node:\n  def __init__(self, x): self.x, self.next = x, None\n"
    "def total(n): return math.ceil(n.x + total(n.next)) if n else 0"
  )
  outcomes = run(pool, program, "def total(n): return 7", problem=parsed(record))
  assert scores(outcomes) == [1.0, 0.0]


def test_humaneval(pool):
  problem = parsed(HUMANEVAL)
  programs = ["def add(a, b):\n  return a + b", "def add(a, b): return 1", "one = 1"]
  assert scores(run(pool, *programs, problem=problem)) == [1.0, 0.0, 0.0]
  # its helpers are the data's, whatever the program makes of them
  own = "def one(): return 5\ndef add(a, b): return 7"
  assert scores(run(pool, own, problem=problem)) == [0.0]
  assert problem.answer.endswith("  return a + b\n")
  assert scores(run(pool, problem.answer, problem=problem)) == [1.0]


def test_what_the_data_does_wrong_is_no_score(pool):
  broken = parsed(mbpp(test_imports=["import no_such_module"]))
  function = parsed(mbpp(test_list=["assert double(lambda: 2) == 4"]))
  for problem, word in ((broken, "no_such_module"), (function, "gives the program")):
    outcome = run(pool, RIGHT, problem=problem)[0]
    assert (outcome.score, outcome.status) == (None, "error")
    assert word in outcome.detail


def test_all_or_nothing_and_no_block():
  with pool_of(partial=False, workers=1) as pool:
    if "fork" not in pool.isolation:
      pytest.skip("programs run on Linux only")
    wrong = "def double(x): return 4"
    assert scores(run(pool, RIGHT, wrong)) == [1.0, 0.0]
    outcome = pool.verify([(PROBLEM, RIGHT)])[0]
    assert (outcome.score, outcome.formatted) == (0.0, False)


def test_a_time_limit_that_the_pool_cannot_keep_is_an_error():
  with pool_of(seconds=5.0, timeout_seconds=5.0, workers=1) as pool:
    outcome = run(pool, RIGHT)[0]
  assert outcome.status == "error" and "verify.timeout_seconds" in outcome.detail


def test_without_forks_programs_do_not_run():
  layers = tuple(name for name in sandbox_limits.LAYERS if name != "fork")
  with pool_of(layers=layers) as pool, pytest.raises(UserError, match="Linux"):
    run(pool, RIGHT)
  with pytest.raises(RuntimeError, match="RUNS_PROGRAMS"):
    sandbox_program.Program(1.0)


@pytest.mark.parametrize(
  ("response", "expected"),
  [
    ("```python\na\n```", "a\n"),
    ("```\na\n```", "a\n"),
    ("```py\na\n```\n```python\nb\n\n  c\n```\nend", "b\n\n  c\n"),
    ("```python\na\n```\n```text\nb\n```", "a\n"),
    ("```text\nb\n```\nnot code\n```python\na\n```", "a\n"),
    ("```python\na\n```\n```python\ncut off", "a\n"),
    ("```python\ncut off", None),
    ("a = 1", None),
    ("", None),
    ("  ```Python\n  a\n  ```", "  a\n"),
  ],
)
def test_the_last_closed_block_counts(response, expected):
  assert last_block(response) == expected


def test_many_fences_take_no_time():
  start = time.monotonic()
  last_block("```python\n" * 200_000)
  assert time.monotonic() - start < 2


def test_files(tmp_path):
  train = write(tmp_path / "a", mbpp(), mbpp("Other."), HUMANEVAL, mbpp())
  test = write(tmp_path / "b", mbpp("Other."), mbpp("Third.", prompt=None))
  task = code_jsonl(train_path=train, test_path=test, tests_shown=2, system="Hi")
  assert task.train[0].question == "Double a number."
  assert len(task.train) == 2 and len(task.test) == 2
  assert task.train[0].answer == mbpp()["code"]
  system, user = task.messages(task.train[0])
  assert system == {"role": "system", "content": "Hi"}
  assert user["content"].count("assert") == 2 and "```python" in user["content"]
  assert "def add" in task.messages(task.train[1])[1]["content"]
  assert "assert" not in task.messages(task.train[1])[1]["content"]
  many = write(tmp_path / "c", *[mbpp(f"{i}") for i in range(50)])
  split = code_jsonl(train_path=many, test_fraction=0.2)
  assert len(split.train) + len(split.test) == 50 and len(split.test) > 2
  with pytest.raises(UserError, match="no problem"):
    code_jsonl(train_path=train, test_path=train)


@pytest.mark.parametrize(
  ("line", "message"),
  [
    ("{", "no JSON object"),
    ("[1]", "no JSON object"),
    (json.dumps({"text": " ", "test_list": ["assert 1"]}), "'text'"),
    (json.dumps(mbpp(test_list=[])), "no test"),
    (json.dumps(mbpp(test_list="assert 1")), "'test_list'"),
    (json.dumps(mbpp(test_list=["assert ("])), "no Python"),
    (json.dumps({**HUMANEVAL, "test": None}), "'test'"),
  ],
)
def test_bad_lines_are_named(tmp_path, line, message, caplog):
  path = tmp_path / "bad.jsonl"
  path.write_text(json.dumps(mbpp()) + "\n" + line + "\n")
  with pytest.raises(UserError, match=message) as raised:
    code_jsonl(train_path=str(path))
  assert "bad.jsonl:2" in str(raised.value)
  problems = task_file.read_problems(str(path), "skip")
  assert len(problems) == 1 and "skipped 1" in caplog.text
