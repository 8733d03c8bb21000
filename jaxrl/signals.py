"""SIGTERM and Ctrl-C ask for a stop at the next safe point, where the run saves."""

import signal
import sys
import threading
from typing import Any


class StopSignals:
  """A context manager; `requested` turns true at the first signal.

  A second Ctrl-C interrupts at once, for when the safe point does not come.
  """

  def __init__(self) -> None:
    self.requested = False
    self._old: dict[int, Any] = {}

  def __enter__(self) -> "StopSignals":
    if threading.current_thread() is threading.main_thread():  # the rule of `signal`
      for number in (signal.SIGTERM, signal.SIGINT):
        self._old[number] = signal.signal(number, self._handle)
    return self

  def __exit__(self, *exception: Any) -> None:
    for number, old in self._old.items():
      signal.signal(number, old)

  def _handle(self, number: int, frame: Any) -> None:
    if self.requested and number == signal.SIGINT:
      raise KeyboardInterrupt
    self.requested = True
    print(
      f"\n{signal.Signals(number).name}: saving at the end of what is under way "
      "(Ctrl-C again: stop at once)",
      file=sys.stderr,
    )
