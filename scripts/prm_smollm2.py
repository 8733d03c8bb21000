"""The stages of scripts/prm_smollm2.sh that are no command: files, and the report.

Run: .venv/bin/python -m scripts.prm_smollm2 data | report
"""

import datetime
import json
import pathlib
import sys
from collections.abc import Mapping

import numpy as np

from jaxrl.config import bind
from jaxrl.configs import prm_smollm2
from jaxrl.metrics import METRICS, read_jsonl
from jaxrl.prm import benchmarks, evaluation
from jaxrl.prm.solutions import Solution, read, to_line
from jaxrl.problems import Problem, in_test
from scripts.prm_arithmetic import cpu, table

RUNS = pathlib.Path("runs")
DATA = RUNS / "prm_smollm2"
PAGE = pathlib.Path("docs/prm_smollm2")
HELD_OUT = 0.33
SHOWN = {
  "F1": "process_bench_f1",
  "first error named": "process_bench_error_accuracy",
  "right ones passed": "process_bench_correct_accuracy",
  "AUROC of steps": "step_auroc",
  "calibration error": "ece",
  "Brier": "brier",
}


def data() -> None:
  """CHAMP's human-labelled solutions, and worked sums of the training side."""
  lines = map(to_line, benchmarks.champ())
  (DATA / "champ.jsonl").write_text("".join(lines))
  sums = bind(prm_smollm2.config(task=prm_smollm2.SUMS), "task")().train
  worked = [{"question": one.question, "answer": work_out(one)} for one in sums]
  lines = (json.dumps(one) + "\n" for one in worked)
  (DATA / "worked.jsonl").write_text("".join(lines))


def work_out(problem: Problem) -> str:
  """A sum's solution, an operation a line, in GSM8K's format: "5 + 4 - 2" is

  5 + 4 = 9
  9 - 2 = 7
  The answer is 7
  #### 7
  """
  start, *rest = problem.data["entry"]["metadata"]["expression"].split()
  value, lines = int(start), []
  for sign, number in zip(rest[::2], rest[1::2], strict=True):
    after = value + int(sign + number)
    lines.append(f"{value} {sign} {number} = {after}")
    value = after
  return "\n".join([*lines, f"The answer is {value}", f"#### {value}"])


def baselines(found: list[Solution]) -> dict[str, Mapping[str, float]]:
  """What no model says: every step right, and chance."""
  labels = [np.asarray(one.labels, float) for one in found]
  judges = {"always right": benchmarks.always_correct, "random": benchmarks.random}
  return {
    name: evaluation.summarize_steps([judge(one) for one in found], labels)
    for name, judge in judges.items()
  }


def evaluations(stage: str) -> list[dict]:
  """The metrics of a stage's evaluations, in order."""
  rows = read_jsonl(RUNS / f"prm_smollm2-{stage}" / METRICS)
  return [row for row in rows if row["kind"] == "eval"]


def report() -> None:
  """Reads what the stages wrote, and writes the page."""
  held_out = [
    one for one in read(DATA / "champ.jsonl") if in_test(one.question, HELD_OUT)
  ]
  last = evaluations("champ")[-1]
  first_errors = {
    **baselines(held_out),
    "completions of sums": json.loads((DATA / "champ_by_sums.json").read_text()),
    "people's labels of CHAMP": last,
  }
  sums, imitated = evaluations("sums"), evaluations("imitate")
  search = json.loads((DATA / "search.json").read_text())
  labelled = read(DATA / "labels.jsonl")
  rows = [
    [name, *(one.get(k) for k in SHOWN.values())] for name, one in first_errors.items()
  ]
  before_after = [
    [name, *(one.get(k) for k in SHOWN.values())]
    for name, one in (("before", sums[0]), ("after", sums[-1]))
  ]
  page = PAGE_TEXT.format(
    date=datetime.date.today(),
    cpu=cpu(),
    before=imitated[0]["greedy_accuracy"],
    after=imitated[-1]["greedy_accuracy"],
    labelled=len(labelled),
    steps=sum(len(one.steps) for one in labelled),
    right=np.mean([one.outcome == 1 for one in labelled]),
    unseen=len(read(DATA / "held_out.jsonl")),
    sums=table(["", *SHOWN], before_after),
    held_out=len(held_out),
    champ=table(["model of steps", *SHOWN], rows),
    search=table(list(search), [list(search.values())]),
  )
  PAGE.with_suffix(".md").write_text(page)
  record = {
    "imitation": [imitated[0], imitated[-1]],
    "champ": first_errors,
    "sums": [sums[0], sums[-1]],
    "best_of_8": search,
  }
  PAGE.with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n")
  print(f"wrote {PAGE}.md and .json")


PAGE_TEXT = """# Process reward models on SmolLM2-135M

Made by the stages of `bash scripts/prm_smollm2.sh` on {date}: {cpu}.
SmolLM2-135M-Instruct sees 480 worked sums of three to five numbers, a step a line
(greedy accuracy on unseen questions {before:.2f} before, {after:.2f} after). It then
solves such sums itself, 2 completions of every prefix label {labelled} of its solutions
({steps} steps, {right:.2f} of the solutions right), and a head on the same weights
learns the labels.

On {unseen} solutions of unseen sums, against labels by 8 completions:

{sums}

## First errors on CHAMP

{held_out} solutions of competition problems whose first wrong step a person has named,
of problems that neither model has trained on:

{champ}

## Best of 8 on unseen sums

{search}

`auroc` is of the eight solutions of a problem, a mean over problems with right and
wrong ones: a model that knows which sums are hard, and no more, has 0.5 there, whatever
its figures above.
"""


if __name__ == "__main__":
  {"data": data, "report": report}[sys.argv[1]]()
