"""Judgements that agree with the labels, to imitate: supervised generative models.

Of a file that `jaxrl judge` wrote. The prompts are those of `judged_steps`; each has as
its solution (`explore` demonstrations) the first text that agrees:

  kept = [the verdicts are the labels, up to and with the first wrong step]

ThinkPRM, https://arxiv.org/abs/2504.16828: what stands behind the last verdict is cut,
and "Is the solution correct? Yes" or "No" follows, by the last label that was compared.
R-PRM, https://arxiv.org/abs/2503.21295, GenPRM, https://arxiv.org/abs/2504.00891, and
VRPRM, https://arxiv.org/abs/2508.03556, keep texts by the same rule; of R-PRM's what
stands behind the verdict is cut too. The limit of length is the run's: longer texts are
cut and leave by `drop_truncated`. A step without a label is not compared (VRPRM leaves
its verdict out of the loss; here the whole text trains). Where no text agrees the
prompt is left out.
"""

import functools
from collections.abc import Iterator
from typing import Any, Literal

from jaxrl.errors import UserError
from jaxrl.prm import judgement, solutions
from jaxrl.prm.judgement import Ask
from jaxrl.prm.solutions import Solution
from jaxrl.problems import Problem, Task, with_data
from jaxrl.tasks import judged_steps as judged


def kept_judgements(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  form: str = "steps",
  system: str = "",
) -> Task:
  """Prompts with a judgement each.

  Args:
    path: a JSONL file that `jaxrl judge` wrote with this form, or a folder of them.
    test_path: held-out labelled solutions; without it, `test_fraction` of `path`'s.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    form: one of `judgement.FORMS`.
    system: the system turn, if any.

  Raises:
    UserError: no text of the file agrees with the labels.
  """
  train, test = sides(path, test_path, test_fraction, on_bad_line, form)
  kept = []
  for problem, texts in train:
    text = next((text for text in texts if agrees(problem, text)), None)
    if text is not None:
      kept.append(with_data(problem, solution=finished(problem, text)))
  if not kept:
    raise UserError(
      f"{path}: no text of form {form!r} agrees with the labels; judge with a stronger "
      "model, with more votes, or, with form steps, with --score votes"
    )
  ask = functools.partial(judged.ask_for, system)
  return Task("kept_judgements", kept, test, judged.verify, ask)


def sides(
  path: str,
  test_path: str | None,
  test_fraction: float,
  on_bad_line: Literal["error", "skip"],
  form: str,
) -> tuple[list[tuple[Problem, list[str]]], list[Problem]]:
  """Training prompts with the texts that answer them, and test prompts."""
  judgement.form_of(form)
  found: dict[str, tuple[Problem, list[str]]] = {}
  for one in solutions.read(path, on_bad_line=on_bad_line):
    for ask in judged.asks_of(one, form):
      problem = judged.problem_of(one, ask, form)
      texts = [entry["text"] for entry in entries(one, ask)]
      found[problem.question] = problem, texts
  held_out = None
  if test_path is not None:
    held_out = judged.read_problems(test_path, on_bad_line=on_bad_line, form=form)
  prompts = [problem for problem, _ in found.values()]
  train, test = judged.split(prompts, held_out, test_fraction)
  return [found[problem.question] for problem in train], test


def entries(one: Solution, ask: Ask) -> Iterator[dict[str, Any]]:
  """What was written to an ask, as `jaxrl judge` has it."""
  for entry in one.about.get("judged", {}).get("texts", ()):
    if entry["upto"] == ask.upto:
      yield entry


def agrees(problem: Problem, text: str) -> bool:
  """Whether its verdicts are the labels."""
  return judged.agrees(judged.verdicts_of(problem, text), problem.data["labels"])


def finished(problem: Problem, text: str) -> str:
  """A text that agrees, with the end that is trained on."""
  how = judgement.form_of(problem.data["form"])
  if how.places is None or how.choices != judgement.YES_NO:
    return text
  ask = Ask(problem.data["asked"], tuple(problem.data["steps"]), problem.data["upto"])
  ((_, before),) = how.places(text, ask.shown)
  # All that was compared is right, or the last of it is the first wrong step.
  right = 0.0 not in problem.data["labels"]
  return before + how.choices[0 if right else 1]
