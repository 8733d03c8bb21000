"""One library in one process: reads jobs as JSON lines, runs them, answers with JSON.

Run by coordinator.py: `python -m scripts.benchmark.worker jaxrl|tunix|trl`.
A library is a module `with_NAME.py` whose class `Library` has
  versions() -> dict                 what is installed
  load(job)                          everything that is made once and not timed
  check(job) -> dict                 greedy tokens and log-probs, to compare weights
  sample(job, round), logps(job, round), train(job, round), grpo(job, round) -> dict
                                     what is timed; results are on the host or ready
  release()                          lets go of all that `load` made
"""

import ctypes
import gc
import importlib
import json
import os
import pathlib
import sys
import time
import traceback
from typing import Any


def memory_mb(field: str) -> float:
  """VmRSS (now) or VmHWM (peak since `reset_peak`) of this process, in MB."""
  for line in pathlib.Path("/proc/self/status").read_text().splitlines():
    if line.startswith(field):
      return int(line.split()[1]) / 1024
  raise ValueError(field)


def reset_peak() -> None:
  """Sets VmHWM back to what is resident now."""
  pathlib.Path("/proc/self/clear_refs").write_text("5")


def return_memory() -> None:
  """Gives freed memory back to the system, so that the next job does not inherit it."""
  gc.collect()
  ctypes.CDLL("libc.so.6").malloc_trim(0)


def processor_seconds() -> tuple[float, float]:
  """Processor time so far: of the whole machine, and of this process."""
  fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split()[1:9]]
  user, nice, system, _, _, irq, soft, _ = fields
  ticks = os.sysconf("SC_CLK_TCK")
  return (user + nice + system + irq + soft) / ticks, time.process_time()


def run(library: Any, job: dict[str, Any], round_: int) -> dict[str, Any]:
  """One timed call of a job, with the memory it took.

  `other_cores` says how many cores everything else kept busy meanwhile: more than a
  few hundredths, and the time is not worth much.
  """
  return_memory()
  rest = memory_mb("VmRSS")
  reset_peak()
  before = processor_seconds()
  started = time.perf_counter()
  extra = getattr(library, job["kind"])(job, round_)
  seconds = time.perf_counter() - started
  peak = memory_mb("VmHWM")
  machine, mine = (b - a for a, b in zip(before, processor_seconds(), strict=True))
  measured = {
    "seconds": seconds,
    "rest_mb": rest,
    "peak_mb": peak,
    "own_cores": mine / seconds,
    "other_cores": max(0.0, machine - mine) / seconds,
  }
  return {**measured, **extra}


def answer(library: Any, request: dict[str, Any]) -> dict[str, Any]:
  """What a request gives."""
  match request["do"]:
    case "versions":
      return library.versions()
    case "load":
      library.load(request["job"])
      return {}
    case "check":
      return library.check(request["job"])
    case "run":
      return run(library, request["job"], request["round"])
    case "release":
      library.release()
      return_memory()
      return {}
  raise ValueError(f"unknown request {request['do']!r}")


def main() -> None:
  """Answers until stdin ends."""
  # What libraries print goes to stderr: stdout carries the answers and nothing else.
  answers = os.fdopen(os.dup(1), "w")
  os.dup2(2, 1)
  library = importlib.import_module(f"scripts.benchmark.with_{sys.argv[1]}").Library()
  for line in sys.stdin:
    try:
      reply = {"ok": answer(library, json.loads(line))}
    except Exception:
      reply = {"error": traceback.format_exc()}
    print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
  main()
