"""A time limit on Python code, where this process may set an alarm."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class OutOfTime(Exception):
  """What was to be done took too long."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
  """OutOfTime in the block after so many seconds.

  Alarms reach the main thread alone: in another one, and where somebody else has set
  the alarm, the block runs without a limit.
  """
  main = threading.current_thread() is threading.main_thread()
  if not main or signal.getitimer(signal.ITIMER_REAL)[0] > 0:
    yield
    return

  def stop(*_: Any) -> None:
    raise OutOfTime

  before = signal.signal(signal.SIGALRM, stop)
  signal.setitimer(signal.ITIMER_REAL, seconds)
  try:
    yield
  finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
