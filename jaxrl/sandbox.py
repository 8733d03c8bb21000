"""Runs verifiers in other processes, which may hang, crash or be attacked there.

A verifier meets text that a model wrote; several evaluate it. So each runs in a worker
that was started fresh (never forked from the training process and its threads), which
forks for every item, and the fork gives up its rights (`sandbox_limits`). This side
holds the clock: a worker that is late is killed with its whole process group and
replaced, and the other workers go on meanwhile.
"""

import collections
import contextlib
import dataclasses
import logging
import os
import secrets
import selectors
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from jaxrl import sandbox_limits
from jaxrl.errors import UserError
from jaxrl.problems import Problem, Reference, Verifier, from_json, to_json
from jaxrl.sandbox_frames import frame

_START_SECONDS = 60.0  # imports of a verifier, on a busy machine
_STARTS_MAX = 3  # failed starts in a row before the run is stopped
_REPLY_BYTES_MAX = 1 << 16
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Outcome:
  """One response, scored or not: a failure is never a silent score of 0."""

  score: float | None  # 0..1; None where there is no verdict
  formatted: bool
  status: Literal["ok", "timeout", "crash", "error"]
  detail: str = ""
  answer: str | None = None  # what the verifier read as the answer, for majorities
  rewards: tuple[float, ...] = ()  # of the pool's text rewards; () where not "ok"


def python_environment(home: str) -> dict[str, str]:
  """Variables of a child interpreter: the same imports, none of the secrets."""
  kept = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
  threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
  return {
    **{name: os.environ[name] for name in kept if name in os.environ},
    **{f"{name}_NUM_THREADS": "1" for name in threads},  # each reserves memory
    "HOME": home,
    "TMPDIR": home,
    "JAX_PLATFORMS": "cpu",  # a verifier that imports jax leaves the device alone
    "PYTHONHASHSEED": "0",  # scorers that iterate over sets repeat themselves
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",
  }


def python_command(code: str) -> list[str]:
  """A fresh interpreter that finds the same modules and then runs `code`.

  The paths are set once it runs, as `PYTHONPATH` would let a `types.py` beside the
  user's script take the place of the standard one while Python starts.
  """
  paths = [os.path.abspath(path) for path in sys.path]
  return [sys.executable, "-P", "-c", f"import sys; sys.path[:] = {paths!r}; {code}"]


class _Worker:
  """One process and what is under way on its pipes."""

  def __init__(self, setup: bytes):
    self.folder = tempfile.mkdtemp(prefix="jaxrl-verifier-")
    self.log = os.path.join(self.folder, "stderr")
    with open(self.log, "wb") as stderr:
      self.process = subprocess.Popen(
        python_command("from jaxrl.sandbox_worker import main; main()"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        cwd=self.folder,
        env=python_environment(self.folder),
        start_new_session=True,  # one process group, and no Ctrl-C from the terminal
        bufsize=0,
      )
    assert self.process.stdin and self.process.stdout
    self.stdin, self.stdout = self.process.stdin, self.process.stdout
    os.set_blocking(self.stdin.fileno(), False)  # a stuck worker must not stop us
    os.set_blocking(self.stdout.fileno(), False)
    self.ready = False
    self.item: int | None = None  # the index of the pair it scores
    self.token = ""
    self.at = ""  # the reward that it computes
    self.unsent = frame(setup)
    self.received = bytearray()
    self.deadline = time.monotonic() + _START_SECONDS

  def send(self) -> None:
    """Writes what the pipe takes now."""
    try:
      written = os.write(self.stdin.fileno(), self.unsent[: 1 << 16])
      self.unsent = self.unsent[written:]
    except BlockingIOError:
      return
    except BrokenPipeError:
      self.unsent = memoryview(b"")  # its end shows when we read

  def receive(self) -> dict | None:
    """The next reply, if it is whole; EOFError from a dead or lying worker."""
    try:
      part = os.read(self.stdout.fileno(), 1 << 16)
    except BlockingIOError:
      return None
    if not part:
      raise EOFError
    self.received += part
    reply = self._next_reply()
    while reply is not None and "at" in reply:
      self.at = str(reply["at"])[:100]
      reply = self._next_reply()
    if reply is not None and self.received:
      raise EOFError
    return reply

  def _next_reply(self) -> dict | None:
    if len(self.received) < 4:
      return None
    size = struct.unpack(">I", self.received[:4])[0]
    if size > _REPLY_BYTES_MAX:
      raise EOFError
    if len(self.received) < 4 + size:
      return None
    body = bytes(self.received[4 : 4 + size])
    del self.received[: 4 + size]
    try:
      reply = from_json(body)
    except ValueError:
      raise EOFError from None
    # Text that runs inside a verifier could write a reply of its own. It would have
    # to find the token of this very item first.
    lies = not isinstance(reply, dict) or (
      self.ready and (self.item is None or reply.get("token") != self.token)
    )
    if lies:
      raise EOFError
    return reply

  def last_words(self) -> str:
    """The last line on stderr, which is kept while the worker starts."""
    with open(self.log, errors="replace") as log:
      return (log.read()[-400:].strip().splitlines() or [""])[-1]

  def kill(self) -> None:
    """Ends the process and all that it may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
      os.killpg(self.process.pid, signal.SIGKILL)
    self.process.kill()
    self.process.wait()
    self.stdin.close()
    self.stdout.close()
    shutil.rmtree(self.folder, ignore_errors=True)


def _kill_all(workers: list[_Worker]) -> None:
  while workers:
    workers.pop().kill()


class VerifierPool:
  """Scores responses in `workers` processes, each item within `timeout_seconds`.

  Returns from the constructor at once: the processes load the verifier while the
  caller goes on. `verify` may be called from any thread; calls take turns.

  Args:
    verify: see `problems.Verifier`.
    rewards: functions (problem, response) -> finite number, called after `verify` in
      the same process and the same time. One that fails leaves the response unscored,
      as a failing `verify` does. They come back in `Outcome.rewards`.
    workers: processes; each holds its own copy of the verifier's libraries.
    timeout_seconds: wall clock for one item, after which its worker is killed.
    memory_mb: address space of each process, its libraries included.
    layers: of `sandbox_limits.LAYERS`; fewer only to test one of them.
  """

  def __init__(
    self,
    verify: Verifier,
    rewards: Sequence[Callable[[Problem, str], float]] = (),
    *,
    workers: int = 2,
    timeout_seconds: float = 5.0,
    memory_mb: int = 1024,
    layers: tuple[str, ...] = sandbox_limits.LAYERS,
  ):
    if workers < 1 or timeout_seconds <= 0:
      raise UserError(
        f"verifier pool with workers={workers}, timeout_seconds={timeout_seconds}: "
        "both must be above 0"
      )
    self.timeout_seconds = timeout_seconds
    self.counts: collections.Counter[str] = collections.Counter()
    self.restarts = 0
    references = [Reference.of(function) for function in (verify, *rewards)]
    self._reference = references[0]
    self._setup = to_json(
      {
        "references": [dataclasses.asdict(reference) for reference in references],
        "timeout_seconds": timeout_seconds,
        "memory_mb": memory_mb,
        "layers": layers,
      }
    ).encode()
    self._isolation: tuple[str, ...] | None = None
    self._failed_starts = 0
    self._lock = threading.Lock()
    self._closed = False
    self._workers = [_Worker(self._setup) for _ in range(workers)]
    self._finalizer = weakref.finalize(self, _kill_all, self._workers)

  def __enter__(self) -> "VerifierPool":
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def close(self) -> None:
    """Ends the workers; the pool cannot be used again."""
    with self._lock:
      self._closed = True
      self._finalizer()

  @property
  def isolation(self) -> tuple[str, ...]:
    """The layers of `sandbox_limits` in force here; waits for a worker to start."""
    self.verify([])
    assert self._isolation is not None
    return self._isolation

  def verify(self, pairs: Sequence[tuple[Problem, str]]) -> list[Outcome]:
    """The outcome of each (problem, response), in order.

    One that occurs several times, as responses of a group do, is scored once. Raises
    UserError where the workers cannot start.
    """
    places: dict[tuple[int, str], int] = {}
    distinct: list[tuple[Problem, str]] = []
    for problem, response in pairs:
      if places.setdefault((id(problem), response), len(distinct)) == len(distinct):
        distinct.append((problem, response))
    outcomes = self._verify(distinct)
    each = [outcomes[places[id(problem), response]] for problem, response in pairs]
    with self._lock:
      self.counts.update(outcome.status for outcome in each)
    return each

  def _verify(self, pairs: Sequence[tuple[Problem, str]]) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    with self._lock:
      if self._closed:
        raise ValueError("verify() on a closed VerifierPool")
      queue = collections.deque(range(len(pairs)))
      try:
        while len(outcomes) < len(pairs) or self._isolation is None:
          self._assign(pairs, queue)
          self._wait(outcomes)
      finally:
        for worker in list(self._workers):
          if worker.item is not None:  # interrupted: its answer is nobody's now
            self._replace(worker)
    return outcomes

  def _assign(
    self, pairs: Sequence[tuple[Problem, str]], queue: collections.deque[int]
  ) -> None:
    """Gives every free worker one item: a failure then concerns that item alone."""
    for worker in list(self._workers):
      if not queue or not worker.ready or worker.item is not None:
        continue
      if worker.process.poll() is not None:  # died since; not this item's doing
        self._replace(worker)
        continue
      problem, response = pairs[queue[0]]
      fields = vars(problem)
      token = secrets.token_hex(16)
      try:
        body = to_json({"problem": fields, "response": response, "token": token})
      except TypeError as error:
        raise UserError(
          f"problem {problem.id} of {problem.source}: its data must be plain values "
          f"({error})"
        ) from None
      worker.item, worker.token, worker.at = queue.popleft(), token, ""
      worker.unsent = frame(body.encode())
      worker.deadline = time.monotonic() + self.timeout_seconds
      worker.send()

  def _wait(self, outcomes: dict[int, Outcome]) -> None:
    """Handles what happens next: bytes from or to a worker, or a worker being late."""
    with selectors.DefaultSelector() as selector:
      deadlines = [
        worker.deadline
        for worker in self._workers
        if worker.item is not None or not worker.ready
      ]
      for worker in self._workers:
        selector.register(worker.stdout, selectors.EVENT_READ, worker)
        if worker.unsent:
          selector.register(worker.stdin, selectors.EVENT_WRITE, worker)
      seconds = max(0.0, min(deadlines) - time.monotonic()) if deadlines else 0.0
      events = selector.select(seconds)
    for key, mask in events:
      worker = key.data
      if worker not in self._workers:
        continue  # replaced by an event before this one
      if mask & selectors.EVENT_WRITE:
        worker.send()
      else:
        self._receive(worker, outcomes)
    now = time.monotonic()
    for worker in list(self._workers):
      if now < worker.deadline or (worker.ready and worker.item is None):
        continue
      if worker.item is not None:
        detail = f"{worker.at}no verdict within {self.timeout_seconds:g} s"
        outcomes[worker.item] = Outcome(None, False, "timeout", detail)
      self._replace(worker, f"not ready within {_START_SECONDS:g} s")

  def _receive(self, worker: _Worker, outcomes: dict[int, Outcome]) -> None:
    try:
      reply = worker.receive()
    except EOFError:
      item = worker.item
      died = self._replace(worker)
      if item is not None:
        detail = f"{worker.at}the worker {died}"
        outcomes[item] = Outcome(None, False, "crash", detail)
      return
    if reply is None:
      return
    if worker.ready:
      assert worker.item is not None
      outcomes[worker.item] = _outcome(reply)
      worker.item = None
    elif "failed" in reply:
      self._finalizer()
      self._closed = True
      raise UserError(f"verifier {self._reference.qualname}: {reply['failed']}")
    else:
      worker.ready = True
      self._failed_starts = 0
      if self._isolation is None:
        self._isolation = tuple(reply["ready"])
        level = logging.INFO if "seccomp" in self._isolation else logging.WARNING
        _log.log(level, "verifiers run under %s", ", ".join(self._isolation))

  def _replace(self, worker: _Worker, cause: str = "") -> str:
    """Kills a worker and starts another; how the first one ended."""
    if not cause:
      with contextlib.suppress(subprocess.TimeoutExpired):
        worker.process.wait(0.2)  # its own end tells more than our kill
    status = worker.process.poll()
    last_words = worker.last_words() if not worker.ready else ""
    worker.kill()
    self._workers.remove(worker)
    ended = cause or (
      "sent what is no reply" if status is None else f"ended with status {status}"
    )
    if not worker.ready:
      self._failed_starts += 1
      if self._failed_starts >= _STARTS_MAX:
        self._finalizer()
        self._closed = True
        raise UserError(
          f"verifier {self._reference.qualname}: {_STARTS_MAX} workers in a row did "
          f"not start; the last {ended} {last_words}".rstrip()
        )
    self.restarts += 1
    self._workers.append(_Worker(self._setup))
    return ended


def _outcome(reply: Mapping[str, Any]) -> Outcome:
  if "error" in reply:
    return Outcome(None, False, "error", str(reply["error"])[:400])
  score, formatted = reply.get("score"), reply.get("formatted")
  if not isinstance(score, float) or not 0 <= score <= 1:  # false for NaN
    return Outcome(None, False, "error", f"a score of {score!r}"[:400])
  answer = reply.get("answer")
  rewards = tuple(reply.get("rewards", ()))
  return Outcome(score, bool(formatted), "ok", "", answer and str(answer), rewards)
