"""The process that runs a verifier; `sandbox` starts it.

It reads messages on stdin and answers on stdout, in JSON. Both are moved out of the way
of the verifier's own printing before anything is imported. Each item is read and scored
in a fork of this process, which gives up its rights first and ends with the item: what
a text does to the interpreter dies with it, and this process never holds an item.
"""

import contextlib
import dataclasses
import functools
import gc
import importlib
import importlib.util
import math
import numbers
import os
import resource
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from jaxrl import problems, sandbox_frames, sandbox_limits, sandbox_program

_ANSWERED = 93  # exit status of a process whose reply is on the pipe


@dataclasses.dataclass(frozen=True)
class _Job:
  """What every item of this worker has in common."""

  functions: Sequence[Callable]  # the verifier, then the rewards
  names: Sequence[str]
  restrict: Callable[[], list[str]]
  seconds: float  # for one item
  requests: int  # file descriptors
  replies: int


def main() -> None:
  """Loads the verifier and the rewards, then answers until stdin closes."""
  requests, replies = os.dup(0), os.dup(1)
  null = os.open(os.devnull, os.O_RDWR)
  os.dup2(null, 0)
  os.dup2(null, 1)
  setup = _read(requests)
  if setup is None:
    return
  references, layers = setup["references"], setup["layers"]
  functions: list[Callable] = []
  modules: list[ModuleType] = []
  for reference in references:
    try:
      function, module = load(reference)
    except Exception as error:
      where = f"reward {reference['qualname']}: " if functions else ""
      _write(replies, {"failed": where + describe(error)})
      return
    functions.append(function)
    modules.append(module)
  runs_programs = getattr(modules[0], "RUNS_PROGRAMS", False)
  forks = "fork" in layers and _threads() == 1
  if failed := _obstacle(setup["memory_mb"], runs_programs and not forks):
    _write(replies, {"failed": failed})
    return
  files = [os.path.abspath(getattr(m, "__file__", None) or ".") for m in modules]
  own = [*files, *map(os.path.dirname, files), os.getcwd()]
  roots = sandbox_limits.readable_roots(own)
  os.dup2(null, 2)
  job = _Job(
    functions=functions,
    names=[reference["qualname"] for reference in references],
    restrict=lambda: sandbox_limits.restrict(setup["memory_mb"], roots, layers),
    seconds=setup["timeout_seconds"],
    requests=requests,
    replies=replies,
  )
  if forks:
    _score_in_forks(job, runs_programs)
  else:
    _score_here(job)


def load(reference: Mapping[str, Any]) -> tuple[Callable, ModuleType]:
  """The function and its module; calls that module's `warm_up()`, if any."""
  if path := reference["file"]:
    name = "jaxrl_verifier_" + os.path.basename(path).removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
      raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
  else:
    module = importlib.import_module(reference["module"])
  function: Any = module
  for name in reference["qualname"].split("."):
    function = getattr(function, name)
  if not callable(function):
    raise TypeError(f"{reference['qualname']} is no function")
  if reference["keywords"]:
    function = functools.partial(function, **reference["keywords"])
  # Slow imports and caches belong to the start, not to the first item's time.
  getattr(module, "warm_up", lambda: None)()
  return function, module


def _obstacle(memory_mb: int, no_programs: bool) -> str:
  """Why this worker cannot do its work; "" where it can."""
  used_mb = sandbox_limits.address_space_mb()
  if used_mb > 0.9 * memory_mb:
    return f"its imports alone take {used_mb:.0f} MB: raise memory_mb ({memory_mb})"
  if no_programs:
    return "it runs programs, which needs Linux and imports that start no thread"
  return ""


def _threads() -> int:
  """Threads of this process, native ones too; a fork of several may hang."""
  try:
    return len(os.listdir("/proc/self/task"))
  except OSError:
    return 0  # no Linux: unknown


def _score_here(job: _Job) -> None:
  """All items in this process, where forks are unsafe or were not asked for."""
  active = job.restrict()
  _follow(os.getppid())
  _write(job.replies, {"ready": active})
  while (request := _read(job.requests)) is not None:
    _set_last_resort(job)
    _answer(job, request)
    signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm left behind hits the next item


def _score_in_forks(job: _Job, runs_programs: bool) -> None:
  """Each item in a process of its own; where it runs a program, that in another."""
  parent = os.getppid()
  resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # this one ends as its forks do
  signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # `_wait_for` takes them
  gc.freeze()  # the collector would copy every page in every fork
  ready = lambda active: _write(job.replies, {"ready": ["fork", *active]})
  _check(_wait_for(_start(job, ready), parent))
  while True:
    select.select([job.requests], [], [])
    program = _start_program(job) if runs_programs else None
    status = _wait_for(_start(job, lambda _: _answer_next(job)), parent)
    if program is not None:
      pid, handles = program
      os.kill(pid, signal.SIGKILL)
      os.waitpid(pid, 0)
      for handle in handles:
        os.close(handle)
    _check(status)


def _answer_next(job: _Job) -> None:
  """Reads an item and scores it: in the fork, so that no later fork inherits it."""
  request = _read(job.requests)
  if request is None:
    os._exit(0)  # the stream ended; so does the worker
  os.close(job.requests)
  _answer(job, request)


def _start(
  job: _Job, work: Callable[[list[str]], None], closed: Iterable[int] = ()
) -> int:
  """A fork that closes these descriptors, gives up its rights and does the work."""
  worker = os.getpid()
  pid = os.fork()
  if pid:
    return pid
  try:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
    for handle in closed:
      os.close(handle)
    active = job.restrict()
    _follow(worker)
    _set_last_resort(job)
    work(active)
    os._exit(_ANSWERED)
  finally:
    os._exit(1)


def _start_program(job: _Job) -> tuple[int, tuple[int, int]]:
  """A process for a program, and this side's ends of its pipes."""
  (there, to_there), (here, to_here) = os.pipe(), os.pipe()
  serve = lambda _: sandbox_program.serve(there, to_here)
  pid = _start(job, serve, [job.requests, job.replies, to_there, here])
  os.close(there)
  os.close(to_here)
  sandbox_program.connect(to_there, here, job.seconds)
  return pid, (to_there, here)


def _wait_for(pid: int, parent: int) -> int:
  """How a fork ended. Ends all of them where the training process is gone."""
  while True:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
      return status
    signal.sigtimedwait([signal.SIGCHLD], 1.0)
    if os.getppid() != parent:
      os.killpg(0, signal.SIGKILL)


def _check(status: int) -> None:
  """Ends as a fork did that gave no answer, for the pool to see."""
  if os.WIFEXITED(status) and os.WEXITSTATUS(status) == _ANSWERED:
    return
  if os.WIFSIGNALED(status):
    with contextlib.suppress(OSError):  # SIGKILL has no handler
      signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
  os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1)


def describe(error: BaseException) -> str:
  """Type and first line of an error, whose text the model may have chosen."""
  try:
    text = str(error)[:300].split("\n")[0]
  except BaseException:
    text = ""
  return f"{type(error).__name__}: {text}"


def _answer(job: _Job, request: Mapping[str, Any]) -> None:
  """Scores one item and sends the reply; before each reward, which one comes."""
  token, response = request["token"], request["response"]
  problem = problems.Problem(**request["problem"])
  at = ""
  try:
    reply = _verdict(job.functions[0](problem, response))
    for name, reward in zip(job.names[1:], job.functions[1:], strict=True):
      at = f"reward {name}: "
      _write(job.replies, {"token": token, "at": at})
      value = reward(problem, response)
      if not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"it returned {value!r}, no finite number")
      reply["rewards"].append(float(value))
  except BaseException as error:  # SystemExit too: only `os._exit` ends a process
    with contextlib.suppress(BaseException):
      signal.setitimer(signal.ITIMER_REAL, 0)
    reply = {"error": at + describe(error)}
  _write(job.replies, {"token": token, **reply})


def _verdict(verdict: Any) -> dict[str, Any]:
  if not isinstance(verdict, problems.Verdict):
    raise TypeError(f"the verifier returned {type(verdict).__name__}, no Verdict")
  score = float(verdict.score)
  if math.isnan(score) or not 0 <= score <= 1:
    raise ValueError(f"the verifier's score is {score}, outside 0..1")
  answer = None if verdict.answer is None else str(verdict.answer)[:1000]
  formatted = bool(verdict.formatted)
  return {"score": score, "formatted": formatted, "answer": answer, "rewards": []}


def _follow(parent: int) -> None:
  """Ends this process with its parent, even where the verifier sleeps for ever."""

  def watch() -> None:
    while os.getppid() == parent:
      time.sleep(1.0)
    os._exit(0)

  threading.Thread(target=watch, daemon=True).start()


def _set_last_resort(job: _Job) -> None:
  """Ends an orphan's endless loop inside C code: this timer needs no interpreter.

  Nobody else uses it, while verifiers such as math-verify do use `signal.alarm`.
  """
  signal.setitimer(signal.ITIMER_PROF, 2 * job.seconds + 10)


def _read(handle: int) -> Any:
  body = sandbox_frames.read(handle)
  return problems.from_json(body) if body else None


def _write(handle: int, message: Mapping[str, Any]) -> None:
  sandbox_frames.write(handle, problems.to_json(message).encode())
