"""The process that runs a verifier; `sandbox` starts it.

It reads frames on stdin and answers on stdout: four bytes of length, then JSON. Both
are moved out of the way of the verifier's own printing before anything is imported.
"""

import contextlib
import functools
import importlib
import importlib.util
import math
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxrl import problems, sandbox_limits


def main() -> None:
  """Loads the verifier, gives up its rights, then answers until stdin closes."""
  requests, replies = os.dup(0), os.dup(1)
  null = os.open(os.devnull, os.O_RDWR)
  os.dup2(null, 0)
  os.dup2(null, 1)
  setup = _read(requests)
  if setup is None:
    return
  try:
    verify, file = load(setup["reference"])
  except Exception as error:
    _write(replies, {"failed": describe(error)})
    return
  memory_mb, used_mb = setup["memory_mb"], sandbox_limits.address_space_mb()
  if used_mb > 0.9 * memory_mb:
    failed = f"its imports alone take {used_mb:.0f} MB: raise memory_mb ({memory_mb})"
    _write(replies, {"failed": failed})
    return
  roots = sandbox_limits.readable_roots([file, os.path.dirname(file), os.getcwd()])
  os.dup2(null, 2)
  active = sandbox_limits.restrict(memory_mb, roots, setup["layers"])
  threading.Thread(target=_follow_parent, args=(os.getppid(),), daemon=True).start()
  _write(replies, {"ready": active})
  while (request := _read(requests)) is not None:
    # An orphan's endless loop inside C code: this timer needs no interpreter. Nobody
    # else uses it, while verifiers such as math-verify do use `signal.alarm`.
    signal.setitimer(signal.ITIMER_PROF, 2 * setup["timeout_seconds"] + 10)
    reply = _answer(verify, request)
    signal.setitimer(signal.ITIMER_REAL, 0)  # an alarm left behind hits the next item
    _write(replies, {"token": request["token"], **reply})


def load(reference: Mapping[str, Any]) -> tuple[Callable, str]:
  """The verifier and the file it stands in; calls that file's `warm_up()`, if any."""
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
  verify: Any = module
  for name in reference["qualname"].split("."):
    verify = getattr(verify, name)
  if not callable(verify):
    raise TypeError(f"{reference['qualname']} is no function")
  if reference["keywords"]:
    verify = functools.partial(verify, **reference["keywords"])
  # Slow imports and caches belong to the start, not to the first item's time.
  getattr(module, "warm_up", lambda: None)()
  return verify, os.path.abspath(getattr(module, "__file__", None) or os.getcwd())


def describe(error: BaseException) -> str:
  """Type and first line of an error, whose text the model may have chosen."""
  try:
    text = str(error)[:300].split("\n")[0]
  except BaseException:
    text = ""
  return f"{type(error).__name__}: {text}"


def _answer(verify: Callable, request: Mapping[str, Any]) -> dict[str, Any]:
  problem = problems.Problem(**request["problem"])
  try:
    verdict = verify(problem, request["response"])
    if not isinstance(verdict, problems.Verdict):
      raise TypeError(f"the verifier returned {type(verdict).__name__}, no Verdict")
    score = float(verdict.score)
    if math.isnan(score) or not 0 <= score <= 1:
      raise ValueError(f"the verifier's score is {score}, outside 0..1")
    answer = None if verdict.answer is None else str(verdict.answer)[:1000]
    return {"score": score, "formatted": bool(verdict.formatted), "answer": answer}
  except BaseException as error:  # SystemExit too: only `os._exit` ends a worker
    with contextlib.suppress(BaseException):
      signal.setitimer(signal.ITIMER_REAL, 0)
    return {"error": describe(error)}


def _follow_parent(parent: int) -> None:
  """Ends with the parent, even where the verifier sleeps for ever."""
  while os.getppid() == parent:
    time.sleep(1.0)
  os._exit(0)


def _read(handle: int) -> Any:
  head = _read_exactly(handle, 4)
  body = _read_exactly(handle, struct.unpack(">I", head)[0]) if head else b""
  return problems.from_json(body) if body else None


def _read_exactly(handle: int, count: int) -> bytes:
  """`count` bytes; empty at the end of the stream."""
  parts = bytearray()
  while len(parts) < count:
    part = os.read(handle, min(count - len(parts), 1 << 20))
    if not part:
      return b""
    parts += part
  return bytes(parts)


def _write(handle: int, message: Mapping[str, Any]) -> None:
  body = problems.to_json(message).encode()
  rest = memoryview(struct.pack(">I", len(body)) + body)
  while rest:
    rest = rest[os.write(handle, rest) :]
