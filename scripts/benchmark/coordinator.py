"""Writes the jobs, starts one worker a library and runs them alternately.

Run by scripts/benchmark.sh, which makes the environments. Whoever does not run waits
on its stdin, so that one library at a time has the machine.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
from typing import Any

from jaxrl.models.load import load
from scripts.benchmark import jobs, table

ROOT = pathlib.Path(__file__).parents[2]
PYTHONS = {
  "jaxrl": ROOT / ".venv/bin/python",
  "tunix": ROOT / ".benchmark/tunix/bin/python",
  "trl": ROOT / ".benchmark/trl/bin/python",
}


def environment() -> dict[str, str]:
  """The same for every worker: all cores, huge pages, no network."""
  cores = str(len(os.sched_getaffinity(0)))
  return {
    **os.environ,
    "OMP_NUM_THREADS": cores,
    "MKL_NUM_THREADS": cores,
    # PyTorch alone reads it. Its threads otherwise spin at every barrier, which on two
    # cores with one other busy process made a matmul 10 to 30 times slower. Where
    # nothing else runs, try OMP_WAIT_POLICY=ACTIVE, and report the better one.
    "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
    # jaxrl's scripts set it; arrays of the others gain by it as well.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
    "HF_HUB_OFFLINE": "1",
    "WANDB_MODE": "disabled",
    "JAX_TRACEBACK_FILTERING": "off",  # so that an error ends with its reason
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONPATH": str(ROOT),
  }


class Worker:
  """A library in its own process and environment."""

  def __init__(self, name: str, log: pathlib.Path):
    self.name = name
    self._log = log.open("w")
    self._process = subprocess.Popen(
      [str(PYTHONS[name]), "-m", "scripts.benchmark.worker", name],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._log,
      text=True,
      cwd=ROOT,
      env=environment(),
    )

  def ask(self, do: str, **more: Any) -> dict[str, Any]:
    """The answer to one request; {"error": ...} where it failed."""
    assert self._process.stdin is not None and self._process.stdout is not None
    try:
      print(json.dumps({"do": do, **more}), file=self._process.stdin, flush=True)
      line = self._process.stdout.readline()
    except BrokenPipeError:
      line = ""
    if not line:
      return {"error": f"the worker ended; see {self._log.name}"}
    reply = json.loads(line)
    return reply["ok"] if "ok" in reply else {"error": reply["error"]}

  def close(self) -> None:
    """Ends the process."""
    assert self._process.stdin is not None
    self._process.stdin.close()
    self._process.wait()
    self._log.close()


def say(text: str) -> None:
  """Progress, with the time."""
  print(f"{datetime.datetime.now():%H:%M:%S} {text}", flush=True)


def compare(worker: Worker, job: dict[str, Any]) -> dict[str, Any]:
  """What the library says of the same weights; its `load` stays until released."""
  failed = worker.ask("load", job=job)
  return failed if "error" in failed else worker.ask("check", job=job)


def same_weights(workers: list[Worker], job: dict[str, Any]) -> dict[str, Any]:
  """Greedy tokens and log-probs of every library against those of the first."""
  found = {worker.name: compare(worker, job) for worker in workers}
  for worker in workers:
    worker.ask("release")
  first = found[workers[0].name]
  result = {}
  for name, answer in found.items():
    if "error" in answer or "error" in first:
      result[name] = {"error": answer.get("error", "nothing to compare with")}
      continue
    result[name] = table.agreement(first, answer)
    result[name]["wrong_weights"] = answer.get("wrong_weights", [])
    if "prompt_ids" in answer:
      pairs = zip(job["prompt_ids"], job["prompt_lengths"], strict=True)
      asked = [row[:n] for row, n in pairs]
      repeated = [row for row in asked for _ in range(job["group"])]
      result[name]["same_prompts"] = answer["prompt_ids"] == repeated
    say(f"  {name}: {json.dumps(result[name])}")
  return result


def measure(workers: list[Worker], job: dict[str, Any], rounds: int) -> dict[str, Any]:
  """Every library's first call, then rounds in which they take turns."""
  calls: dict[str, list[dict[str, Any]]] = {worker.name: [] for worker in workers}
  errors: dict[str, str] = {}
  whole = job["kind"] == "grpo"
  for worker in workers:
    failed = worker.ask("load", job=job)
    if "error" in failed:
      errors[worker.name] = failed["error"]
  # A whole run has its own first steps; all others are called beforehand.
  for round_ in range(rounds if whole else rounds + table.WARM_UPS):
    # Turned round every time, so that nobody always runs after the same neighbour.
    for worker in workers if round_ % 2 == 0 else workers[::-1]:
      if worker.name in errors:
        continue
      answer = worker.ask("run", job=job, round=round_)
      if "error" in answer:
        errors[worker.name] = answer["error"]
        continue
      calls[worker.name].append(answer)
      say(f"  {job['name']} {worker.name} {round_}: {answer['seconds']:.3f} s")
  for worker in workers:
    worker.ask("release")
  for name, error in errors.items():
    say(f"  {name} failed: {error.strip().splitlines()[-1]}")
  keep = ("model", "name", "kind", "rows", "group", "prompt_tokens", "response_tokens")
  about = {key: job[key] for key in (*keep, "steps", "learning_rate", "beta")}
  return {**about, "tokens": job.get("tokens"), "calls": calls, "errors": errors}


def machine() -> dict[str, Any]:
  """What it ran on."""
  info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
  models = [line.partition(":")[2].strip() for line in info if "model name" in line]
  memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  return {
    "cpu": models[0] if models else platform.machine(),
    "cores": len(os.sched_getaffinity(0)),
    "memory_gb": round(memory / 2**30, 1),
    "system": platform.platform(),
    "python": platform.python_version(),
    "load_before": os.getloadavg()[0],
  }


def parse() -> argparse.Namespace:
  """The options of scripts/benchmark.sh."""
  parser = argparse.ArgumentParser(description=__doc__, prog="scripts/benchmark.sh")
  parser.add_argument("--models", nargs="+", choices=list(jobs.SIZES))
  parser.add_argument("--jobs", nargs="+", choices=jobs.NAMES)
  parser.add_argument("--libraries", nargs="+", choices=list(PYTHONS))
  parser.add_argument("--rounds", type=int, default=3, help="timed calls of each job")
  parser.add_argument("--grpo-rounds", type=int, default=1, help="whole GRPO runs")
  parser.add_argument("--quick", action="store_true", help="tiny sizes, one round")
  parser.add_argument("--output", type=pathlib.Path)
  args = parser.parse_args()
  args.models = args.models or list(jobs.SIZES)
  args.jobs = args.jobs or list(jobs.NAMES)
  args.libraries = args.libraries or list(PYTHONS)
  if args.quick:
    args.rounds = 1
  today = f"{datetime.datetime.now():%Y%m%d-%H%M%S}"
  args.output = args.output or ROOT / f"runs/benchmark-{today}"
  return args


def benchmark(args: argparse.Namespace, workers: list[Worker]) -> dict[str, Any]:
  """All jobs of all models."""
  results: dict[str, Any] = {
    "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    "command": shlex.join(["scripts/benchmark.sh", *sys.argv[1:]]),
    "machine": machine(),
    "openmp": environment()["OMP_WAIT_POLICY"],
    "versions": {worker.name: worker.ask("versions") for worker in workers},
    "checks": {},
    "jobs": [],
  }
  with tempfile.TemporaryDirectory(dir=ROOT / ".benchmark") as scratch:
    folder = pathlib.Path(scratch)
    for model in args.models:
      say(f"{model}: same weights?")
      jobs.write_model(model, folder / model)
      tokenizer = load(folder / model).tokenizer
      write = lambda name, size: jobs.write_job(model, name, size, folder, tokenizer)  # noqa: B023
      check = write("check", jobs.Size(2, 2, 24, 24))
      results["checks"][model] = same_weights(workers, check)
      for name in (one for one in args.jobs if one in jobs.SIZES[model]):
        size = jobs.SIZES[model][name]
        job = write(name, jobs.quick(size) if args.quick else size)
        say(f"{model}: {name}")
        rounds = args.grpo_rounds if name == "grpo" else args.rounds
        results["jobs"].append(measure(workers, job, rounds))
        table.write(results, args.output)
  return results


def main() -> None:
  """Measures and writes the tables."""
  args = parse()
  # So that a `timeout` or a kill ends the workers and removes the weights, too.
  signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
  args.output.mkdir(parents=True, exist_ok=True)
  workers = [Worker(name, args.output / f"{name}.log") for name in args.libraries]
  try:
    results = benchmark(args, workers)
  finally:
    for worker in workers:
      worker.close()
  table.write(results, args.output, plot=True)
  print(table.text(results))
  print(f"\nwritten to {args.output}")


if __name__ == "__main__":
  main()
