"""The report of scripts/prm_arithmetic.sh: docs/prm_arithmetic.md and its picture.

Run: .venv/bin/python -m scripts.prm_arithmetic
"""

import datetime
import json
import os
import pathlib
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

from jaxrl.metrics import METRICS, read_jsonl
from jaxrl.pick import pick
from jaxrl.prm import evaluation, held_out, score_steps
from jaxrl.prm.solutions import Solution, read
from jaxrl.problems import Problem

RUNS = pathlib.Path("runs")
DATA = RUNS / "prm_arithmetic"
PAGE = pathlib.Path("docs/prm_arithmetic")
MODELS = {"completions": "prm_mc", "exact checker": "prm_exact"}
POLICIES = {"outcomes (GRPO)": "grpo", "PURE": "pure", "sum of step scores": "sum"}
SCORES = ("minimum", "product", "mean", "last", "soft_min")
BUDGETS = (1, 2, 4, 8, 16)
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"


def first_wrong(labels: Sequence[float | None], bar: float) -> int:
  """The first step whose label is at most `bar`; -1: none."""
  known = enumerate(labels)
  return next((i for i, y in known if y is not None and y <= bar), -1)


def agreement(mc: Sequence[Solution], exact: Sequence[Solution]) -> dict[str, float]:
  """How often completions and the checker name the same first wrong step.

  Of solutions with a wrong answer. A step is wrong to completions where none is right.
  """
  truth = {(one.problem, one.text): one for one in exact}
  pairs = [
    (first_wrong(one.labels, 0.0), first_wrong(truth[one.problem, one.text].labels, 0))
    for one in mc
    if one.outcome == 0 and (one.problem, one.text) in truth
  ]
  return {
    "wrong solutions": len(pairs),
    "same step": float(np.mean([a == b for a, b in pairs])),
    "within one step": float(np.mean([abs(a - b) <= 1 for a, b in pairs])),
  }


def step_scores(
  scorer: score_steps.StepScorer, found: Sequence[Solution]
) -> list[np.ndarray]:
  """Scores of all steps of each solution, whether they have a label or not."""
  asked, rows = [], []
  for one in found:
    data = {"steps": one.steps, "labels": [0.0] * len(one.steps), "outcome": None}
    asked.append(Problem(one.problem, one.source, one.question, one.answer, {}))
    rows.append(data)
  return [s for s, _ in held_out.step_scores(scorer, asked, rows, batch_rows=64)]


def one_number(scores: Sequence[np.ndarray], name: str) -> np.ndarray:
  """A score of jaxrl/prm/scores for each solution."""
  width = max(map(len, scores))
  padded = np.zeros((len(scores), width), np.float32)
  mask = np.zeros((len(scores), width), np.float32)
  for row, one in enumerate(scores):
    padded[row, : len(one)], mask[row, : len(one)] = one, 1.0
  return np.asarray(pick("prm/scores", name)(jnp.asarray(padded), jnp.asarray(mask)))


def choices(
  found: Sequence[Solution], scores: Sequence[np.ndarray]
) -> dict[str, dict[int, float]]:
  """Accuracy by the number of samples, for each way to choose among them."""
  groups: dict[str, list[int]] = {}
  for i, one in enumerate(found):
    groups.setdefault(one.problem, []).append(i)
  full = [rows for rows in groups.values() if len(rows) >= max(BUDGETS)]
  gather = lambda values: [[values[i] for i in rows[: max(BUDGETS)]] for rows in full]
  answers = gather([one.about["answer"] for one in found])
  right = gather([one.outcome for one in found])
  result: dict[str, dict[int, float]] = {}
  for name in SCORES:
    points = gather(one_number(scores, name).tolist())
    by = evaluation.by_budget(answers, points, right, BUDGETS)
    result[f"best of n, {name}"] = by["best_of_n"]
    result[f"weighted vote, {name}"] = by["weighted_majority"]
    result["majority"], result["pass@n"] = by["majority"], by["pass_at_n"]
  return result


def draw(
  curves: Mapping[str, Mapping[str, Mapping[int, float]]],
  reliable: Mapping[str, Mapping[str, np.ndarray]],
  policies: Mapping[str, Sequence[Mapping[str, Any]]],
) -> None:
  """Accuracy by budget, reliability, and the policies' learning curves."""
  figure = Figure(figsize=(15, 4.5), layout="constrained")
  axes = figure.subplots(1, 3)
  shared = next(iter(curves.values()))
  for name, style in (("majority", "k-"), ("pass@n", "k:")):
    axes[0].plot(BUDGETS, [shared[name][n] for n in BUDGETS], style, label=name)
  for color, (model, ways) in zip((BLUE, ORANGE), curves.items(), strict=False):
    for way, style in (("best of n", "-o"), ("weighted vote", "--s")):
      line = ways[f"{way}, minimum"]
      label = f"{way}, PRM of {model}"
      axes[0].plot(BUDGETS, [line[n] for n in BUDGETS], style, color=color, label=label)
  axes[0].set(xscale="log", xlabel="samples", ylabel="accuracy, unseen sums")
  axes[0].set_xticks(BUDGETS, [str(n) for n in BUDGETS])
  axes[1].plot([0, 1], [0, 1], "k:")
  for color, (model, curve) in zip((BLUE, ORANGE), reliable.items(), strict=False):
    filled = curve["count"] > 0
    axes[1].plot(
      curve["score"][filled], curve["label"][filled], "-o", color=color, label=model
    )
  axes[1].set(xlabel="score of a step", ylabel="share of right steps")
  for color, (name, rows) in zip((BLUE, GREEN, PURPLE), policies.items(), strict=True):
    points = [(r["step"], r["greedy_accuracy"]) for r in rows if r["kind"] == "eval"]
    axes[2].plot(*zip(*points, strict=True), "-o", color=color, label=name)
  axes[2].set(xlabel="step", ylabel="greedy accuracy, unseen sums")
  for one in axes:
    one.legend(fontsize=8)
    one.grid(alpha=0.3)
  figure.savefig(PAGE.with_suffix(".png"), dpi=110)


def table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
  """Markdown."""
  shown = lambda x: f"{x:.3f}" if isinstance(x, float) else str(x)
  lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
  return "\n".join(lines + ["| " + " | ".join(map(shown, r)) + " |" for r in rows])


def cpu() -> str:
  """The name of the processor."""
  lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
  names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
  return names[0] if names else platform.machine()


def main() -> None:
  """Reads what the stages wrote, and writes the page."""
  agreed = agreement(read(DATA / "mc.jsonl"), read(DATA / "exact.jsonl"))
  test = read(DATA / "test.jsonl")
  labels = [np.asarray(one.labels, float) for one in test]
  metrics, curves, reliable = {}, {}, {}
  for name, run in MODELS.items():
    scorer = score_steps.load(str(RUNS / f"prm_arithmetic-{run}"))
    scores = step_scores(scorer, test)
    metrics[name] = evaluation.summarize_steps(scores, labels)
    flat = np.concatenate(scores), np.concatenate(labels)
    reliable[name] = evaluation.reliability(*flat)
    curves[name] = choices(test, scores)
  policies = {
    name: read_jsonl(RUNS / f"prm_arithmetic-{run}" / METRICS)
    for name, run in POLICIES.items()
  }
  draw(curves, reliable, policies)
  keys = list(next(iter(metrics.values())))
  ways = list(next(iter(curves.values())))
  last = lambda rows, kind: [row for row in rows if row["kind"] == kind][-1]
  page = f"""# Process reward models on sums

Made by `bash scripts/prm_arithmetic.sh` on {datetime.date.today()}: {cpu()},
{
    len(os.sched_getaffinity(0))
  } cores. A model of a million parameters over bytes imitates
worked sums ("7+5*3=?", a line a step), its own solutions are labelled by 16 completions
of every prefix and by an exact checker, and a model of steps is trained on each.

## Labels

Completions and the checker, on solutions with a wrong answer:

{table(list(agreed), [list(agreed.values())])}

## Models of steps

On {len(test)} solutions of {
    len({one.problem for one in test})
  } unseen sums, against the
checker's labels:

{table(["", *metrics], [[key, *(m[key] for m in metrics.values())] for key in keys])}

## Choosing among samples

![Accuracy by budget, reliability, reinforcement learning]({PAGE.name}.png)

Accuracy on the unseen sums by the number of samples, PRM of completions:

{
    table(
      ["", *map(str, BUDGETS)], [[w, *curves["completions"][w].values()] for w in ways]
    )
  }

## Reinforcement learning

{
    table(
      ["reward", "greedy accuracy before", "after", "length after", "reward after"],
      [
        [
          name,
          next(r for r in rows if r["kind"] == "eval")["greedy_accuracy"],
          last(rows, "eval")["greedy_accuracy"],
          last(rows, "train")["length"],
          last(rows, "train")["reward"],
        ]
        for name, rows in policies.items()
      ],
    )
  }
"""
  PAGE.with_suffix(".md").write_text(page)
  record = {"agreement": agreed, "models": metrics, "choices": curves}
  PAGE.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
  print(f"wrote {PAGE}.md, .png and .json")


if __name__ == "__main__":
  main()
