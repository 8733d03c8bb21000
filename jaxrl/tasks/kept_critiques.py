"""Critiques that outcomes bear out, to imitate. Zheng et al., Critic-CoT,
https://arxiv.org/abs/2408.16326.

Of a file that `jaxrl judge` wrote with form critic and --refine 1: no labels of steps
are needed, only whether the final answer is right. A critique is kept

  of a right solution, if it accepts: every step is found correct
  of a wrong solution, if it rejects, and a rewrite from the step that it names is right

One with a missing verdict that rejects nothing does neither. The first such text of a
solution trains, of at most `each` right and as many wrong solutions to a question; of
a wrong one the rewrite trains too, as an answer to its own prompt. Votes of `jaxrl
judge` are the paper's retries.
"""

import functools
from collections import defaultdict
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.prm import judgement, refine, solutions
from jaxrl.prm.judgement import Ask
from jaxrl.prm.solutions import Solution
from jaxrl.problems import Problem, Task, problem_id
from jaxrl.tasks import judged_steps as judged
from jaxrl.tasks.kept_judgements import entries

FORM = "critic"


def kept_critiques(
  *,
  path: str,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  each: int = 5,
  system: str = "",
) -> Task:
  """Prompts, for a critique or a rewrite, with the text that answers each.

  Args:
    path: a JSONL file that `jaxrl judge` wrote, or a folder of them.
    test_fraction: of the questions; a critique of one of them is to agree with the one
      that was kept.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    each: right, and wrong, solutions to a question at most.
    system: the system turn, if any.

  Raises:
    UserError: no critique is kept.
  """
  found: dict[str, Problem] = {}
  taken: dict[tuple[str, float], int] = defaultdict(int)
  for one in solutions.read(path, on_bad_line=on_bad_line):
    if one.outcome is None or taken[one.question, one.outcome] >= each:
      continue
    made = kept(one)
    taken[one.question, one.outcome] += bool(made)
    found |= {problem.question: problem for problem in made}
  if not found:
    raise UserError(
      f"{path}: no critique agrees with the outcome of its solution; judge with form "
      "critic, --refine 1 and more votes"
    )
  train, test = judged.split(list(found.values()), None, test_fraction)
  test = [problem for problem in test if problem.data["labels"]]  # no rewrites
  ask = functools.partial(judged.ask_for, system)
  return Task("kept_critiques", train, test, judged.verify, ask)


def kept(one: Solution) -> list[Problem]:
  """The prompts that the first critique of a solution to be kept makes, if any."""
  ask = Ask(one.question, one.steps)
  for entry in entries(one, ask):
    said = judgement.verdicts(entry["text"], ask, form=FORM)
    if one.outcome == 1 and judgement.accepts(said):
      return [_critique(one, entry, [1.0] * len(one.steps))]
    if one.outcome != 1 and judgement.rejects(said) and entry.get("rewrite_right") == 1:
      labels = [None if x != x else float(x) for x in said]
      return [_critique(one, entry, labels), _rewrite(one, entry, labels.index(0.0))]
  return []


def _critique(one: Solution, entry: Any, labels: list[float | None]) -> Problem:
  question = judgement.prompt(Ask(one.question, one.steps), form=FORM)
  return _problem(one, question, entry["text"], labels)


def _rewrite(one: Solution, entry: Any, wrong: int) -> Problem:
  draft = refine.Draft(
    one.problem, one.question, one.steps, wrong, entry["text"], row=0
  )
  return _problem(one, refine.prompt(draft), entry["rewrite"], [])


def _problem(
  one: Solution, question: str, text: str, labels: list[float | None]
) -> Problem:
  """A prompt with its answer; without labels nothing that is sampled scores."""
  return Problem(
    id=problem_id("kept_critiques", question),
    source=one.source,
    question=question,
    answer="",
    data={
      "asked": one.question,
      "steps": list(one.steps),
      "upto": None,
      "form": FORM,
      "labels": labels,
      "solution": text,
    },
  )
