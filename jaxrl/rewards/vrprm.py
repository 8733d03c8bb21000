"""Verdicts on steps against their labels, in a form. Chen et al., VRPRM,
https://arxiv.org/abs/2508.03556: the reward of the process model's own RL.

  R    = step_weight step + format_weight format + think_weight think
  step = f_weight min(F, C) + (1 - f_weight) C
  F    = mean of the F1 of class 0 and of class 1, over the classes in the labels
  C    = max(0, 1 - (extra + missing) / T)

The response is <think>..</think><answer>one 0 or 1 a step</answer>, the labels are the
problem's `data["labels"]`, T of them, None for one that is uncertain. A missing verdict
is a false negative of its label's class, an extra one a false positive of its own, and
brings that class in with F1 0 where no label has it. Uncertain labels are not compared;
without a certain one `step` is 0. `think` is 1 for 80 to 1200 characters, len / 80
below, max(0, 2 - len / 1200) above, 0 without the block. `format` is 1 for the exact
form, else 0.2 for each of the four marks that stands once: at most 0.8.

The numbers are those of two-tiger/VRPRM2, which calls itself the paper's repository in
a revised version; that they are the authors' is not confirmed, and the first version's
weights were not found. What the partial credit for the form is made of is a choice.
"""

import re
from typing import Any

MARKS = ("<think>", "</think>", "<answer>", "</answer>")
_FORM = re.compile(
  r"\s*<think>(.*)</think>\s*<answer>([01\s,]+)</answer>\s*", re.DOTALL
)


def vrprm(
  problem: Any,
  response: str,
  *,
  step_weight: float = 0.97,
  format_weight: float = 0.02,
  think_weight: float = 0.01,
  f_weight: float = 0.85,
) -> float:
  """One reward."""
  labels = [None if x is None else int(x) for x in problem.data.get("labels", ())]
  f1, count = agreement(labels, _verdicts(response))
  step = f_weight * min(f1, count) + (1 - f_weight) * count
  if all(label is None for label in labels):
    step = 0.0
  single = sum(response.count(mark) == 1 for mark in MARKS)
  exact = single == len(MARKS) and _FORM.fullmatch(response) is not None
  form = 1.0 if exact else 0.2 * single
  return step_weight * step + format_weight * form + think_weight * _think(response)


def agreement(labels: list[int | None], verdicts: list[int]) -> tuple[float, float]:
  """F and C of some verdicts; F is 0 where no label is certain."""
  steps = len(labels)
  wanted = labels + [None] * (len(verdicts) - steps)
  given: list[int | None] = [*verdicts, *[None] * (steps - len(verdicts))]
  scores = []
  for which in (0, 1):
    hits = misses = false = 0
    for i, (label, verdict) in enumerate(zip(wanted, given, strict=True)):
      extra = i >= steps
      hits += label == which and verdict == which
      misses += label == which and verdict != which
      false += verdict == which and (extra or label == 1 - which)
    brought_in = any(verdict == which for verdict in verdicts[steps:])
    if hits + misses or brought_in:
      scores.append(2 * hits / (2 * hits + misses + false))
  off = abs(steps - len(verdicts)) / max(steps, 1)
  return sum(scores) / len(scores) if scores else 0.0, max(0.0, 1.0 - off)


def _verdicts(response: str) -> list[int]:
  """Of the last block; none where it holds anything but verdicts."""
  blocks = re.findall(r"<answer>([01\s,]*)</answer>", response)
  return [int(digit) for digit in re.findall("[01]", blocks[-1])] if blocks else []


def _think(response: str) -> float:
  _, _, rest = response.partition("<think>")
  block, closed, _ = rest.partition("</think>")
  if not closed:
    return 0.0
  length = len(block.strip())
  if length < 80:
    return length / 80
  return 1.0 if length <= 1200 else max(0.0, 2 - length / 1200)
