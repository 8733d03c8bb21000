"""Results as JSON -> a table in text and in markdown, and a plot."""

import json
import math
import pathlib
import statistics
from collections.abc import Sequence
from typing import Any

from scripts.benchmark.limits import share

BASE = "jaxrl"
# Untimed calls. Two, as Tunix's train step compiles once more at its second call.
WARM_UPS = 2
# Nats between the log-probs of the same weights, beyond which they are not the same.
SAME_LOGP = 1e-3
# Cores that other processes may keep busy before the table says so.
QUIET = 0.15
HEADER = (
  "model",
  "job",
  "library",
  "seconds",
  "ratio",
  "tokens/s",
  "peak MB",
  "rise MB",
  "compile s",
  "busy",
  "length",
  "reward",
)


def agreement(first: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
  """Share of equal greedy tokens, and the largest difference of log-probs."""
  equal = total = 0
  for mine, theirs in zip(first["greedy"], other["greedy"], strict=True):
    equal += sum(a == b for a, b in zip(mine, theirs, strict=False))
    total += len(mine)  # a missing token is not an equal one
  gaps = [
    abs(a - b)
    for mine, theirs in zip(first["logps"], other["logps"], strict=True)
    for a, b in zip(mine, theirs, strict=True)
  ]
  # max() alone would lose a NaN that does not come first.
  gap = math.nan if any(math.isnan(g) for g in gaps) else max(gaps)
  return {"greedy_equal": equal / total, "logp_gap": gap}


def tokens_of(job: dict[str, Any], call: dict[str, Any]) -> float | None:
  """Tokens that a call worked on: sampled ones, or all of the batch but padding."""
  if job["kind"] == "sample":
    return float(sum(call["lengths"]))
  if job["kind"] == "grpo":
    lengths = call["lengths"][1:]
    return job["rows"] * statistics.mean(lengths) if lengths else None
  return job["tokens"]


def row(job: dict[str, Any], library: str) -> dict[str, Any]:
  """One line of the table: medians over rounds."""
  calls = job["calls"][library]
  whole = job["kind"] == "grpo"
  timed = calls if whole else calls[WARM_UPS:]
  if not timed:
    return {"error": job["errors"].get(library, "no timed call")}
  seconds = statistics.median(call["seconds"] for call in timed)
  first = [call["seconds"] for call in calls[:WARM_UPS]]
  first = calls[0]["first_seconds"] if whole else first
  made = [tokens_of(job, call) for call in timed]
  rates = [
    n / call["seconds"] for n, call in zip(made, timed, strict=True) if n is not None
  ]
  found = {
    "seconds": seconds,
    "compile_seconds": sum(first) - len(first) * seconds,
    "tokens_per_second": statistics.median(rates) if rates else None,
    "peak_mb": max(call["peak_mb"] for call in timed),
    # The medians of the cores that this library and that everything else kept busy.
    "own_cores": statistics.median(call["own_cores"] for call in timed),
    "other_cores": statistics.median(call["other_cores"] for call in timed),
    "rise_mb": max(call["peak_mb"] - call["rest_mb"] for call in timed),
  }
  if job["kind"] == "sample":
    lengths = [n for call in timed for n in call["lengths"]]
    found |= {"mean_length": statistics.mean(lengths), "max_length": max(lengths)}
    found |= {"length_error": _standard_error(lengths)}
  if whole:
    found |= {
      "first_reward": statistics.mean(call["rewards"][0] for call in calls),
      # Of the last three steps: a batch is small, and its mean is noisy.
      "last_reward": statistics.mean(r for c in calls for r in c["rewards"][-3:]),
    }
  if limit := timed[0].get("limit"):
    part = share(limit["needed"], seconds, limit["peak"])
    found["limit"] = f"{part:.1%} of the {limit['of']} of {limit['device']}"
  return found


def _standard_error(values: Sequence[float]) -> float:
  return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0


def rows(results: dict[str, Any]) -> list[dict[str, Any]]:
  """All lines; `ratio` is this library's time over jaxrl's."""
  lines = []
  for job in results["jobs"]:
    found = {library: row(job, library) for library in job["calls"]}
    base = found.get(BASE, {}).get("seconds")
    for library, line in found.items():
      if base and "seconds" in line:
        line["ratio"] = line["seconds"] / base
      lines.append(
        {"model": job["model"], "job": job["name"], "library": library, **line}
      )
  return lines


def cells(line: dict[str, Any]) -> list[str]:
  """A line as text, in the order of HEADER."""
  if "error" in line:
    reason = line["error"].strip().splitlines()[-1][:60]
    return [line["model"], line["job"], line["library"], f"failed: {reason}"]
  number = lambda key, form: "" if line.get(key) is None else format(line[key], form)
  length = reward = busy = ""
  if "own_cores" in line:
    busy = f"{line['own_cores']:.1f}+{line['other_cores']:.1f}"
  if "mean_length" in line:
    length = f"{line['mean_length']:.1f}±{line['length_error']:.1f}"
    length += f" max {line['max_length']}"
  if "first_reward" in line:
    reward = f"{line['first_reward']:.3f} to {line['last_reward']:.3f}"
  return [
    line["model"],
    line["job"],
    line["library"],
    number("seconds", ".3f"),
    number("ratio", ".2f"),
    number("tokens_per_second", ".0f"),
    number("peak_mb", ".0f"),
    number("rise_mb", ".0f"),
    number("compile_seconds", ".1f"),
    busy,
    length,
    reward,
  ]


def about(results: dict[str, Any]) -> list[str]:
  """Machine, versions and the proof that all ran the same weights."""
  m = results["machine"]
  lines = [
    f"{results['date']}, {m['cpu']}, {m['cores']} cores, {m['memory_gb']} GB, "
    f"load before {m['load_before']:.1f}, OMP_WAIT_POLICY {results['openmp']}",
    results["command"],
  ]
  for library, versions in results["versions"].items():
    listed = ", ".join(f"{name} {v}" for name, v in versions.items())
    lines.append(f"{library}: {listed}")
  for model, checks in results["checks"].items():
    for library, c in checks.items():
      if "error" in c:
        lines.append(f"{model}, {library}: {c['error'].strip().splitlines()[-1]}")
        continue
      same = c["logp_gap"] < SAME_LOGP and c.get("same_prompts", True)
      lines.append(
        f"{'' if same else 'NOT THE SAME: '}{model}, {library}: "
        f"greedy tokens equal {c['greedy_equal']:.1%}, "
        f"largest difference of log-probs {c['logp_gap']:.2g}"
      )
  for job in results["jobs"]:
    if job["kind"] == "train":
      # The same loss on the same batch: the same number, if all compute the same.
      norms = [f"{k} {c[0]['grad_norm']:.6g}" for k, c in job["calls"].items() if c]
      lines.append(
        f"{job['model']}, {job['name']}: gradient norm at the first step: "
        + ", ".join(norms)
      )
  found = rows(results)
  others = max((line.get("other_cores", 0.0) for line in found), default=0.0)
  if others > QUIET:
    lines.append(
      f"NOT QUIET: up to {others:.1f} cores were taken by other processes (the second "
      "number under busy); times are no measurement then, PyTorch's least of all"
    )
  limits = [
    f"{line['model']} {line['job']}: {line['limit']}"
    for line in found
    if "limit" in line
  ]
  return [*lines, *(limits or ["limits of the device: no accelerator"])]


def text(results: dict[str, Any]) -> str:
  """The table in columns."""
  body = [list(HEADER), *(cells(line) for line in rows(results))]
  wide = [
    max(len(line[i]) for line in body if i < len(line)) for i in range(len(HEADER))
  ]
  wide[3] = max(len(line[3]) for line in body if len(line) > 4)  # not the failures'
  lines = [
    "  ".join(c.ljust(w) for c, w in zip(line, wide, strict=False)).rstrip()
    for line in body
  ]
  return "\n".join([*about(results), "", *lines])


def markdown(results: dict[str, Any]) -> str:
  """The table in markdown."""
  lines = [f"- {line}" for line in about(results)]
  lines += ["", f"| {' | '.join(HEADER)} |", f"|{' --- |' * len(HEADER)}"]
  for line in rows(results):
    filled = cells(line)
    filled += [""] * (len(HEADER) - len(filled))
    lines.append(f"| {' | '.join(filled)} |")
  return "\n".join(lines) + "\n"


def draw(results: dict[str, Any], path: pathlib.Path) -> None:
  """Bars of every library's time over jaxrl's, a panel a model."""
  import matplotlib

  matplotlib.use("Agg")
  import matplotlib.pyplot as plt

  lines = [line for line in rows(results) if "ratio" in line]
  models = list(dict.fromkeys(line["model"] for line in lines))
  if not models:
    return
  figure, axes = plt.subplots(
    len(models), 1, figsize=(9, 3.2 * len(models)), squeeze=False
  )
  for axis, model in zip(axes[:, 0], models, strict=True):
    mine = [line for line in lines if line["model"] == model]
    names = list(dict.fromkeys(line["job"] for line in mine))
    libraries = list(dict.fromkeys(line["library"] for line in mine))
    for i, library in enumerate(libraries):
      here = [line for line in mine if line["library"] == library]
      at = [names.index(line["job"]) + (i - 1) * 0.27 for line in here]
      bars = axis.bar(at, [line["ratio"] for line in here], 0.25, label=library)
      labels = [f"{line['seconds']:.2f} s" for line in here]
      axis.bar_label(bars, labels, fontsize=7)
    axis.axhline(1.0, color="black", linewidth=0.5)
    axis.set_xticks(range(len(names)), names)
    axis.set_ylabel("time / jaxrl's time")
    axis.set_title(f"{model}, {results['machine']['cpu']}", fontsize=9)
    axis.legend(fontsize=8)
  figure.tight_layout()
  figure.savefig(path, dpi=140)
  plt.close(figure)


def write(results: dict[str, Any], folder: pathlib.Path, plot: bool = False) -> None:
  """results.json, table.txt and table.md, and ratios.png."""
  full = {**results, "rows": rows(results)}
  (folder / "results.json").write_text(json.dumps(full, indent=2) + "\n")
  (folder / "table.txt").write_text(text(results) + "\n")
  (folder / "table.md").write_text(markdown(results))
  if plot:
    draw(results, folder / "ratios.png")
