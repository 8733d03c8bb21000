"""A program that nobody trusts, in a process that holds nothing worth stealing.

The verifier's side (`Program`) asks for one thing at a time: run this source, call that
function with these arguments. The program's side (`serve`) answers with plain values.
Tests and expected values stay on the verifier's side and are compared there, so that
the program can answer right or wrong and can say nothing else: a forged message is just
an answer. Numbers, text, bytes and containers of them travel as copies; of every other
object the verifier gets a `Remote`, which equals nothing but itself.
"""

import contextlib
import json
import operator
import sys
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

from jaxrl import sandbox_frames as frames

_REPLY_BYTES_MAX = 1 << 20
_KINDS: dict[str, Any] = {
  "tuple": tuple,
  "list": list,
  "frozenset": frozenset,
  "set": set,
}
_channel: tuple[int, int, float] | None = None


class ProgramError(Exception):
  """The program raised, or answered what is no value."""


class ProgramEnded(BaseException):
  """Its process is gone or late: nothing more can be asked. No test may catch it."""


class CannotSend(BaseException):
  """A test wants to give the program what is no plain value. No test may catch it."""


def connect(requests: int, replies: int, seconds_max: float) -> None:
  """Says where this item's program listens, and how long the item may take."""
  global _channel
  _channel = requests, replies, seconds_max


class Program:
  """The verifier's side of this item's program.

  Args:
    seconds: for all that is asked of it together. Must be below the verifier's own
      limit, whose end is no verdict.
  """

  def __init__(self, seconds: float):
    if _channel is None:
      raise RuntimeError("no process for programs here: see RUNS_PROGRAMS")
    self._requests, self._replies, seconds_max = _channel
    if not 0 < seconds < seconds_max:
      raise ValueError(
        f"{seconds:g} s for the program: give a time below verify.timeout_seconds, "
        f"which is {seconds_max:g}"
      )
    self._deadline = time.monotonic() + seconds

  def ask(self, do: str, *arguments: Any, **keywords: Any) -> Any:
    """The result of one of `_DEEDS`, done there."""
    request = pack([do, arguments, keywords], self._handle)
    try:
      frames.write(self._requests, request, self._deadline)
      body = frames.read(self._replies, self._deadline, _REPLY_BYTES_MAX)
    except (OSError, frames.BadFrame) as error:  # TimeoutError is an OSError
      raise ProgramEnded(type(error).__name__) from None
    if not body:
      raise ProgramEnded("its process ended")
    try:
      right, value = unpack(body, lambda handle: Remote(self, handle))
    except Exception as error:
      raise ProgramError(f"no value: {type(error).__name__}") from None
    if right is not True:
      raise ProgramError(str(value)[:300])
    return value

  def _handle(self, value: Any) -> int:
    if not isinstance(value, Remote) or value._program is not self:
      raise CannotSend(f"a test gives the program a {type(value).__name__}")
    return value._handle


class Remote:
  """An object of the program. What is done to it is done there."""

  def __init__(self, program: Program, handle: int):
    object.__setattr__(self, "_program", program)
    object.__setattr__(self, "_handle", handle)

  def __call__(self, *arguments: Any, **keywords: Any) -> Any:
    return self._program.ask("call", self, *arguments, **keywords)

  def __getattr__(self, name: str) -> Any:
    if name.startswith("__"):
      raise AttributeError(name)  # copy() and others try these
    return self._program.ask("attribute", self, name)

  def __setattr__(self, name: str, value: Any) -> None:
    self._program.ask("set_attribute", self, name, value)

  def __getitem__(self, key: Any) -> Any:
    return self._program.ask("item", self, key)

  def __len__(self) -> int:
    try:
      return self._program.ask("length", self)
    except ProgramError as error:  # list() of a generator asks, and takes this one
      raise TypeError(str(error)) from None

  def __iter__(self) -> Iterator:
    return iter(self._program.ask("list", self))

  def __bool__(self) -> bool:
    return True


def serve(requests: int, replies: int) -> None:
  """The program's side: does what it is asked until the stream ends."""
  module = types.ModuleType("solution")
  sys.modules["solution"] = module
  objects: list[Any] = []

  def keep(value: Any) -> int:
    objects.append(value)
    return len(objects) - 1

  def run(source: str) -> None:
    exec(compile(source, "<solution>", "exec", dont_inherit=True), module.__dict__)

  deeds: dict[str, Callable] = {
    "run": run,
    "name": lambda name: module.__dict__[name],
    "call": lambda function, *rest, **keywords: function(*rest, **keywords),
    "attribute": getattr,
    "set_attribute": setattr,
    "item": operator.getitem,
    "length": len,
    "list": list,
  }
  while body := frames.read(requests):
    do, arguments, keywords = unpack(body, objects.__getitem__)
    try:
      reply = pack((True, deeds[do](*arguments, **keywords)), keep)
    except BaseException as error:  # SystemExit too
      text = type(error).__name__
      with contextlib.suppress(BaseException):
        text = f"{text}: {error}"[:300]
      reply = pack((False, text), keep)
    frames.write(replies, reply)


def pack(value: Any, handle: Callable[[Any], int]) -> bytes:
  """Bytes of a value; what is not plain goes through `handle`."""
  return json.dumps(_tagged(value, handle)).encode()


def unpack(body: bytes, find: Callable[[int], Any]) -> Any:
  """The value that `pack` was given."""
  return _untagged(json.loads(body), find)


def _tagged(value: Any, handle: Callable[[Any], int]) -> Any:
  if value is None or isinstance(value, bool | int | float | str):
    return value
  if isinstance(value, dict):
    return {
      "dict": [[_tagged(k, handle), _tagged(v, handle)] for k, v in value.items()]
    }
  if isinstance(value, bytes | bytearray):
    return {"bytes": value.hex()}
  if isinstance(value, complex):
    return {"complex": [value.real, value.imag]}
  for name, kind in _KINDS.items():
    if isinstance(value, kind):
      return {name: [_tagged(item, handle) for item in value]}
  return {"object": handle(value)}


def _untagged(value: Any, find: Callable[[int], Any]) -> Any:
  if not isinstance(value, dict):
    if isinstance(value, list):
      raise ValueError("a list without a tag")
    return value
  ((name, content),) = value.items()
  if name == "dict":
    return {_untagged(k, find): _untagged(v, find) for k, v in content}
  if name == "bytes":
    return bytes.fromhex(content)
  if name == "complex":
    return complex(*content)
  if name == "object":
    return find(content)
  return _KINDS[name](_untagged(item, find) for item in content)
