"""Messages on pipes: four bytes of length, then the body.

Imports nothing outside the standard library, as workers use it after they gave up
their rights.
"""

import os
import select
import struct
import time


class BadFrame(Exception):
  """A message that is longer than it may be."""


def frame(body: bytes) -> memoryview:
  """The bytes of one message."""
  return memoryview(struct.pack(">I", len(body)) + body)


def write(handle: int, body: bytes, deadline: float | None = None) -> None:
  """Writes one message; TimeoutError where a deadline (`time.monotonic`) passes."""
  rest = frame(body)
  while rest:
    if deadline is not None:
      _wait([], [handle], deadline)
    part = rest if deadline is None else rest[: select.PIPE_BUF]  # so much never blocks
    rest = rest[os.write(handle, part) :]


def read(
  handle: int, deadline: float | None = None, bytes_max: int | None = None
) -> bytes:
  """The next message; empty at the end of the stream, also within a message.

  Raises:
    TimeoutError: the deadline (`time.monotonic`) passed.
    BadFrame: the message is longer than `bytes_max`.
  """
  head = _read_exactly(handle, 4, deadline)
  if not head:
    return b""
  size = struct.unpack(">I", head)[0]
  if bytes_max is not None and size > bytes_max:
    raise BadFrame(f"a message of {size} bytes")
  return _read_exactly(handle, size, deadline)


def _read_exactly(handle: int, count: int, deadline: float | None) -> bytes:
  parts = bytearray()
  while len(parts) < count:
    if deadline is not None:
      _wait([handle], [], deadline)
    part = os.read(handle, min(count - len(parts), 1 << 20))
    if not part:
      return b""
    parts += part
  return bytes(parts)


def _wait(readers: list[int], writers: list[int], deadline: float) -> None:
  seconds = max(0.0, deadline - time.monotonic())
  if not any(select.select(readers, writers, [], seconds)):
    raise TimeoutError
