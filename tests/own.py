"""A user's own functions: a reward, and a task whose verifier fails in every way."""

import dataclasses
import functools
import os

from jaxrl.problems import Problem, Task, Verdict
from jaxrl.tasks.token_arithmetic import token_arithmetic


def even_tokens(tokens, mask):
  """A reward that a random model's samples differ in: the share of even token ids."""
  return ((1 - tokens % 2) * mask).sum(-1) / (mask.sum(-1) + 1e-9)


def mean_step_score(step_scores, step_scored):
  """A reward of what a process reward model says."""
  return (step_scores * step_scored).sum(-1) / (step_scored.sum(-1) + 1e-9)


def text_length(problem: Problem, response: str) -> float:
  """A reward that reads text."""
  return len(response) / 10


def parity_task(*, levels: int = 2) -> Task:
  """Sums whose answers a random model gets right half of the time, or in part."""
  verify = functools.partial(parity, levels=levels)
  task = token_arithmetic(max_operand=9)
  solved = lambda p: dataclasses.replace(p, data={**p.data, "solution": p.answer})
  train = [solved(problem) for problem in task.train]
  return dataclasses.replace(task, train=train, verify=verify)


def parity(problem: Problem, response: str, *, levels: int) -> Verdict:
  """By the sum of the characters' codes: one of so many scores between 0 and 1."""
  total = sum(map(ord, response))
  return Verdict(total % levels / (levels - 1), formatted=total % 3 > 0)


def failing_task() -> Task:
  """Sums of single digits."""
  return dataclasses.replace(token_arithmetic(max_operand=9), verify=fail_by_operand)


def fail_by_operand(problem: Problem, response: str) -> Verdict:
  """Hangs, dies or raises where the left operand is 0, 1 or 2."""
  left = int(problem.question[0])
  if left == 0:
    while True:
      pass
  if left == 1:
    os._exit(3)
  if left == 2:
    raise ValueError("no")
  return Verdict(float(left % 2), formatted=True)
