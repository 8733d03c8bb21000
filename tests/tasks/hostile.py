"""Verifiers that misbehave, as users' files and models' texts do. No test in here."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from jaxrl.problems import Problem, Verdict

NAMES: dict[str, Any] = {
  "ctypes": ctypes,
  "libc": ctypes.CDLL(None, use_errno=True),
  "os": os,
  "signal": signal,
  "socket": socket,
  "subprocess": subprocess,
  "sys": sys,
  "threading": threading,
  "time": time,
}


def evaluate(problem: Problem, response: str) -> Verdict:
  """The worst of scorers: the score is what the text evaluates to."""
  value = eval(response, dict(NAMES))
  return Verdict(float(value), formatted=True, answer=repr(value))


def evaluate_noisily(problem: Problem, response: str) -> Verdict:
  print("to stdout" * 10_000, flush=True)
  os.write(1, b"\x00\x00\x00\x02{}" * 100)
  os.write(2, b"to stderr")
  input_ended = sys.stdin.read() == ""
  return Verdict(float(input_ended and response == "right"), formatted=True)


def length(problem: Problem, response: str, *, scale: float = 1.0) -> Verdict:
  return Verdict(min(1.0, len(response) * scale), formatted=True, answer=response[:5])


def no_verdict(problem: Problem, response: str) -> float:
  return 1.0


def alarm(problem: Problem, response: str) -> Verdict:
  """As math-verify's own time limit does it."""

  def late(*_: object) -> None:
    raise TimeoutError

  signal.signal(signal.SIGALRM, late)
  signal.alarm(1)
  try:
    time.sleep(30)
  except TimeoutError:
    return Verdict(0.5, formatted=True)
  return Verdict(1.0, formatted=True)


class Judge:
  """Neither its bound method nor its instance can be found by name."""

  def method(self, problem: Problem, response: str) -> Verdict:
    return Verdict(1.0, formatted=True)

  def __call__(self, problem: Problem, response: str) -> Verdict:
    return Verdict(1.0, formatted=True)
