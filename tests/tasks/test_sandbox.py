import concurrent.futures
import dataclasses
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import pytest

from jaxrl.errors import UserError
from jaxrl.problems import Problem
from jaxrl.sandbox import Outcome, VerifierPool
from tests.tasks import hostile

PROBLEM = Problem("id", "source", "question", "answer", {})


@pytest.fixture(scope="module")
def pool():
  with VerifierPool(hostile.evaluate, workers=2, timeout_seconds=1.0) as pool:
    yield pool


def scored(pool: VerifierPool, *responses: str) -> list[Outcome]:
  return pool.verify([(PROBLEM, response) for response in responses])


@pytest.mark.parametrize(
  ("response", "status", "detail"),
  [
    ("[0 for _ in iter(int, 1)]", "timeout", "1 s"),
    ("9**9**9**9", "timeout", "1 s"),  # one C call, which holds the interpreter
    ("time.sleep(1e6)", "timeout", "1 s"),
    ("[signal.pthread_sigmask(0, range(1, 32)), time.sleep(1e6)]", "timeout", "1 s"),
    ("os._exit(0)", "crash", "status 0"),
    ("os._exit(3)", "crash", "status 3"),
    ("os.abort()", "crash", "status -6"),
    ("ctypes.string_at(0)", "crash", "status -11"),
    ("[libc.close(i) for i in range(3, 60)] and 1", "crash", "status"),
    ("1 / 0", "error", "ZeroDivisionError"),
    ("sys.exit(1)", "error", "SystemExit"),
    ("'a' * 10**11", "error", "MemoryError"),
    ("bytearray(3 * 10**9)", "error", "MemoryError"),
    ("(lambda f: f(f))(lambda f: f(f))", "error", "RecursionError"),
    ("float('nan')", "error", "nan"),
    ("float('inf')", "error", "inf"),
    ("-0.5", "error", "-0.5"),
    ("1.5", "error", "1.5"),
  ],
)  # fmt: skip
def test_a_failure_is_reported_and_the_pool_goes_on(pool, response, status, detail):
  start = time.monotonic()
  outcomes = scored(pool, "0.25", response, "0.75", "1", "0", "0.5")
  assert time.monotonic() - start < 1.0 + 1.5
  bad = outcomes.pop(1)
  assert (bad.score, bad.formatted, bad.status) == (None, False, status)
  assert detail in bad.detail and "\n" not in bad.detail
  assert [outcome.score for outcome in outcomes] == [0.25, 0.75, 1.0, 0.0, 0.5]
  assert all(outcome.status == "ok" for outcome in outcomes)


def test_counts_add_up_and_order_is_kept():
  with VerifierPool(hostile.evaluate, workers=2, timeout_seconds=0.7) as pool:
    texts = ["0.5", "1/0", "os._exit(1)", "1", "time.sleep(9)", "0"]
    responses = [text + " " * i for i in range(3) for text in texts]  # no two alike
    start = time.monotonic()
    outcomes = scored(pool, *responses)
    assert time.monotonic() - start < 3 * 0.7 + 4
    scores = [outcome.score for outcome in outcomes]
    assert scores == [0.5, None, None, 1.0, None, 0.0] * 3
    assert pool.counts == {"ok": 9, "error": 3, "crash": 3, "timeout": 3}
    assert pool.restarts == 6
    assert scored(pool) == []


def test_workers_that_only_die_do_not_stall(pool):
  start = time.monotonic()
  outcomes = scored(pool, *("os._exit(1)" + " " * i for i in range(8)))
  assert time.monotonic() - start < 8
  assert {outcome.status for outcome in outcomes} == {"crash"}


def test_printing_does_not_disturb():
  with VerifierPool(hostile.evaluate_noisily, workers=1) as pool:
    outcomes = scored(pool, "right", "wrong", "right")
  assert [outcome.score for outcome in outcomes] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize("forged", ['{"score": 1.0, "formatted": true}', "x" * 50])
def test_a_forged_reply_is_no_score(pool, forged):
  frame = len(forged).to_bytes(4, "big") + forged.encode()
  everywhere = f"[libc.write(i, {frame!r}, {len(frame)}) for i in range(3, 30)] and 0"
  outcome = scored(pool, everywhere)[0]
  assert (outcome.score, outcome.status) == (None, "crash")
  assert scored(pool, "0.5")[0].score == 0.5


def test_a_reply_announced_as_huge_is_a_crash(pool):
  huge = "[libc.write(i, b'\\xff\\xff\\xff\\xff', 4) for i in range(3, 30)]"
  assert scored(pool, huge)[0].status == "crash"


def test_an_alarm_in_the_verifier_works_and_does_not_leak():
  with VerifierPool(hostile.alarm, workers=1) as pool:
    assert scored(pool, "")[0].score == 0.5
  with VerifierPool(hostile.evaluate, workers=1, timeout_seconds=3.0) as pool:
    assert scored(pool, "signal.alarm(1) or 1")[0].score == 1.0
    assert scored(pool, "time.sleep(1.5) or 1")[0].score == 1.0


def test_any_text_reaches_the_verifier():
  texts = ["", "\0\0", "\ud800 alone", "naïve 漢字 \U0001f600", "x" * 20_000_000]
  scale = 1e-8
  with VerifierPool(functools.partial(hostile.length, scale=scale)) as pool:
    outcomes = scored(pool, *texts)
  assert [outcome.score for outcome in outcomes] == [len(t) * scale for t in texts]
  assert [outcome.answer for outcome in outcomes] == [t[:5] for t in texts]


def test_from_another_thread_and_from_many(pool):
  with concurrent.futures.ThreadPoolExecutor(4) as threads:
    jobs = [threads.submit(scored, pool, str(i / 8), "1/0") for i in range(8)]
    assert [job.result()[0].score for job in jobs] == [i / 8 for i in range(8)]


def test_the_constructor_does_not_wait_and_close_leaves_nothing():
  start = time.monotonic()
  pool = VerifierPool(hostile.evaluate, workers=3)
  assert time.monotonic() - start < 0.5
  processes = [worker.process for worker in pool._workers]
  folders = [worker.folder for worker in pool._workers]
  assert scored(pool, "1")[0].score == 1.0
  pool.close()
  pool.close()
  assert all(process.poll() is not None for process in processes)
  assert not any(os.path.exists(folder) for folder in folders)
  with pytest.raises(ValueError, match="closed"):
    scored(pool, "1")


def test_a_verifier_from_a_plain_file(tmp_path):
  """`my_run.py:verify`, beside what it imports and a file named as stdlib's."""
  (tmp_path / "sibling.py").write_text("SCORE = 0.5\n")
  (tmp_path / "types.py").write_text("raise ImportError('not the standard one')\n")
  (tmp_path / "my_run.py").write_text(
    "import sys\n"
    "from jaxrl.problems import Verdict\n"
    "from jaxrl.sandbox import VerifierPool\n"
    "from jaxrl.problems import Problem\n"
    "import sibling\n"
    "def verify(problem, response, *, plus=0.0):\n"
    "  return Verdict(sibling.SCORE + plus, True, __name__)\n"
    "def main():\n"
    "  import functools\n"
    "  with VerifierPool(functools.partial(verify, plus=0.25), workers=1) as pool:\n"
    "    print(pool.verify([(Problem('i', 's', 'q', 'a', {}), 'r')])[0])\n"
    "if __name__ == '__main__':\n"
    "  main()\n"
  )
  root = str(pathlib.Path(__file__).parents[2])
  done = subprocess.run(
    [sys.executable, "my_run.py"],
    cwd=tmp_path,
    capture_output=True,
    text=True,
    env={**os.environ, "PYTHONPATH": root},
  )
  assert "score=0.75" in done.stdout, done.stderr
  assert "answer='jaxrl_verifier_my_run'" in done.stdout  # not run as __main__ again


def top_level_lambda_factory():
  return lambda problem, response: None


@pytest.mark.parametrize(
  ("verify", "message"),
  [
    (top_level_lambda_factory(), "top level"),
    (hostile.Judge().method, "top level"),
    (hostile.Judge(), "top level"),
    (functools.partial(hostile.length, PROBLEM), "keywords only"),
    (functools.partial(hostile.length, scale=object()), "plain values"),
  ],
)
def test_a_verifier_that_no_worker_can_find(verify, message):
  with pytest.raises(UserError, match=message) as raised:
    VerifierPool(verify)
  assert "\n" not in str(raised.value)


def start_from(folder: pathlib.Path, source: str) -> UserError:
  """The error of a pool whose verifier's file cannot be loaded in a worker."""
  import importlib.util

  path = folder / "broken_verifier.py"
  path.write_text("def verify(problem, response):\n  return None\n")
  spec = importlib.util.spec_from_file_location("broken_verifier", path)
  module = importlib.util.module_from_spec(spec)
  sys.modules["broken_verifier"] = module
  spec.loader.exec_module(module)
  path.write_text(source)
  try:
    with VerifierPool(module.verify) as pool, pytest.raises(UserError) as raised:
      scored(pool, "1")
  finally:
    del sys.modules["broken_verifier"]
  return raised.value


@pytest.mark.parametrize(
  ("source", "message"),
  [
    ("import no_such_module", "no_such_module"),
    ("x = 1", "no attribute 'verify'"),
    ("def verify(:", "SyntaxError"),
    ("import os\nos._exit(5)", "3 workers in a row.*status 5"),
  ],
)
def test_a_worker_that_cannot_start_is_the_users_to_mend(tmp_path, source, message):
  start = time.monotonic()
  error = start_from(tmp_path, source)
  assert time.monotonic() - start < 10
  assert re.search(message, str(error)), str(error)
  assert "\n" not in str(error)


def test_too_little_memory_for_the_imports_says_so():
  with (
    VerifierPool(hostile.evaluate, memory_mb=16) as pool,
    pytest.raises(UserError, match="raise memory_mb"),
  ):
    scored(pool, "1")


def test_what_is_no_verdict_is_an_error():
  with VerifierPool(hostile.no_verdict, workers=1) as pool:
    outcome = scored(pool, "1")[0]
  assert (outcome.score, outcome.status) == (None, "error")
  assert "float" in outcome.detail


def test_the_same_response_to_a_problem_is_scored_once_and_counted_each_time(pool):
  before = pool.counts["ok"]
  other = dataclasses.replace(PROBLEM, id="other")
  clock = "time.monotonic_ns() % 1000000007 / 1000000007"
  pairs = [(PROBLEM, clock), (PROBLEM, "0.25"), (PROBLEM, clock), (other, clock)]
  first, plain, again, apart = pool.verify(pairs)
  assert first == again and first.score != apart.score and plain.score == 0.25
  assert pool.counts["ok"] == before + 4


def test_data_that_cannot_travel_is_the_users_to_mend(pool):
  problem = Problem("id", "source", "question", "answer", {"x": object()})
  with pytest.raises(UserError, match="plain values"):
    pool.verify([(PROBLEM, "1"), (problem, "1"), (PROBLEM, "1")])
  assert scored(pool, "0.5")[0].score == 0.5  # and nothing of that call is left over


def test_workers_end_with_a_killed_parent(tmp_path):
  code = (
    "import os, signal, sys\n"
    "from jaxrl.problems import Problem\n"
    "from jaxrl.sandbox import VerifierPool\n"
    "from tests.tasks import hostile\n"
    "pool = VerifierPool(hostile.evaluate, workers=1)\n"
    "pool.isolation\n"
    "print(pool._workers[0].process.pid, pool._workers[0].folder, flush=True)\n"
    "pool.verify([(Problem('i', 's', 'q', 'a', {}), 'time.sleep(1e6)')])\n"
  )
  root = pathlib.Path(__file__).parents[2]
  parent = subprocess.Popen(
    [sys.executable, "-c", code], cwd=root, stdout=subprocess.PIPE, text=True
  )
  with parent:
    pid, folder = parent.stdout.readline().split()
    time.sleep(0.5)  # the item is under way: the end of stdin goes unread
    parent.kill()
  assert pathlib.Path(folder).is_relative_to(tempfile.gettempdir())
  deadline = time.monotonic() + 5
  while alive(int(pid)) and time.monotonic() < deadline:
    time.sleep(0.1)
  assert not alive(int(pid))
  pathlib.Path(folder, "stderr").unlink()
  os.rmdir(folder)  # empty but for its log; nobody was left to remove it


def alive(pid: int) -> bool:
  try:
    state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
  except (FileNotFoundError, ProcessLookupError):
    return False
  return state != "Z"
