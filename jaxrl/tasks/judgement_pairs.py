"""Judgements in pairs, one right and one wrong, of the same step. She et al., R-PRM,
https://arxiv.org/abs/2503.21295, stage 2.

Of a file that `jaxrl judge` wrote with form last_step, by the model of stage 1. Of the
texts to a prompt with exactly one verdict, G agree with the label and E do not:

  pairs = the first 2 of G x E, where |G| + |E| < 3 |G| and g ends in its verdict

then as many pairs whose right verdict is yes as such whose it is no: the rest of the
larger side is dropped, by chance. `explore` recorded puts the texts of a prompt's pairs
where samples of a group would be, and a loss over groups takes all pairs of those,
which are the same ones.

The paper's count of readable texts is before the rule on ends, and the first pairs are
those of the texts' order: both as in the authors' code.
"""

import functools
import itertools
import random
from collections import defaultdict
from typing import Literal

from jaxrl.errors import UserError
from jaxrl.prm import judgement
from jaxrl.problems import Problem, Task, with_data
from jaxrl.tasks import judged_steps as judged
from jaxrl.tasks.kept_judgements import agrees, sides

PAIRS_MAX = 2  # of a step


def judgement_pairs(
  *,
  path: str,
  test_path: str | None = None,
  test_fraction: float = 0.1,
  on_bad_line: Literal["error", "skip"] = "error",
  form: str = "last_step",
  seed: int = 0,
  system: str = "",
) -> Task:
  """Prompts, each with the texts of its pairs as recorded solutions.

  Args:
    path: a JSONL file that `jaxrl judge` wrote with this form, or a folder of them.
    test_path: held-out labelled solutions; without it, `test_fraction` of `path`'s.
    test_fraction: used without a test_path only.
    on_bad_line: "skip" goes on without lines that are no solution, and logs how many.
    form: one of `judgement.FORMS` that judges one step.
    seed: of the choice that balances the verdicts.
    system: the system turn, if any.

  Raises:
    UserError: there are no pairs for one of the two verdicts.
  """
  if judgement.form_of(form).each:
    raise UserError(
      f"judgement_pairs: form {form!r} judges all steps at once; take last_step, or "
      "another one that judges one step"
    )
  train, test = sides(path, test_path, test_fraction, on_bad_line, form)
  found = [
    (problem, pair) for problem, texts in train for pair in pairs(problem, texts)
  ]
  kept = balanced([problem for problem, _ in found], seed)
  if not kept:
    raise UserError(
      f"{path}: no pairs for one of the verdicts yes and no; judge more solutions, or "
      "with more votes"
    )
  texts: dict[str, list[tuple[str, str]]] = defaultdict(list)
  for i in kept:
    texts[found[i][0].question].append(found[i][1])
  problems = [
    recorded(problem, texts[problem.question])
    for problem, _ in train
    if problem.question in texts
  ]
  ask = functools.partial(judged.ask_for, system)
  return Task("judgement_pairs", problems, test, judged.verify, ask)


def pairs(problem: Problem, texts: list[str]) -> list[tuple[str, str]]:
  """(right, wrong) texts of a prompt, at most two."""
  readable = [x for x in texts if judged.verify(problem, x).formatted]
  right = [text for text in readable if agrees(problem, text)]
  wrong = [text for text in readable if not agrees(problem, text)]
  if len(readable) >= 3 * len(right):
    return []
  chosen = [text for text in right if _ends_in_verdict(text)]
  return list(itertools.islice(itertools.product(chosen, wrong), PAIRS_MAX))


def _ends_in_verdict(text: str) -> bool:
  words = text.strip().rstrip("}.").lower()
  return words.endswith(("yes", "no"))


def balanced(asked: list[Problem], seed: int) -> list[int]:
  """Which pairs stay: as many of prompts whose label is right as of the others."""
  sides: dict[bool, list[int]] = {True: [], False: []}
  for i, problem in enumerate(asked):
    sides[0.0 not in problem.data["labels"]].append(i)
  rng = random.Random(seed)
  count = min(map(len, sides.values()))
  return sorted(i for side in sides.values() for i in rng.sample(side, count))


def recorded(problem: Problem, kept: list[tuple[str, str]]) -> Problem:
  """The problem with the texts of its pairs, right ones first, each once."""
  scored = [(text, 1.0) for text, _ in kept] + [(text, 0.0) for _, text in kept]
  found = [
    {"steps": [text], "labels": [None], "outcome": outcome}
    for text, outcome in dict.fromkeys(scored)
  ]
  return with_data(problem, solutions=found)
