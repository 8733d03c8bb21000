"""Web-Shepherd: the share of a checklist that is done. Chae et al., https://arxiv.org/abs/2505.15277.

  R = (1 / K) sum_k (y_k + 0.5 i_k),  y_k + i_k + n_k = 1

with the probabilities that item k is done (y), in progress (i) or not done (n): sums
over all spellings of each class among the most probable tokens at the item's verdict,
which this brings to a sum of 1. An item none of whose classes has any mass is one
whose verdict was not found: it counts for nothing. A judgement without a verdict has 0.

The paper's count of verdict words, (n_yes + 0.5 n_in) / (n_yes + n_in + n_no), is this
with a mass of 1 on each item's word. Several sampled judgements are averaged. The
authors' code adds a token once for every spelling that it contains ("Incorrect" counts
as "In", " Yes" counts twice): count each token once, by exact match.

A checklist is [K, 3] and no step has one of its own, so this is a host function and no
rule of `prm/scores`. As a reward of each step the paper takes the level as it is; of
several actions the one with the highest is best, and a tie is a loss (`strictly_best`).

Below are the texts around it, in this library's wording: what asks for a checklist,
what asks for feedback and verdicts on a step, and how both are read. Pure text.
"""

import re
from collections.abc import Sequence

import numpy as np

ITEMS_MAX = 8
_LIST = (
  "Below is an instruction.\n\nInstruction:\n{instruction}\n\nWrite down the sub-goals "
  "that have to be reached to carry it out, in their order, each on a numbered line."
)
_JUDGE = (
  "Below is an instruction, a checklist of its sub-goals, what was done before, and "
  "the step that was done now.\n\nInstruction:\n{instruction}\n\nChecklist:\n{items}"
  "\n\nBefore:\n{before}\n\nNow:\n{now}\n\nSay what this step does for the checklist. "
  "Then write for every item a line with its number, a colon, and Yes, In Progress or "
  "No, such as 1: Yes"
)
_ITEM = re.compile(r"^\s*\d+\s*[.:)]\s*(\S.*?)\s*$", re.MULTILINE)
_VERDICT = re.compile(
  r"^[ \t]*(\d+)[ \t]*[.:)][ \t]*(?=(yes|in[ \t]+progress|no)\b)",
  re.MULTILINE | re.IGNORECASE,
)


def checklist_score(checklist: np.ndarray) -> float:
  """Reward of one judgement, 0 to 1.

  Args:
    checklist: [K, 3] mass of yes, in progress and no of each item; NaN counts as 0.
  """
  masses = np.nan_to_num(np.asarray(checklist, dtype=np.float64).reshape(-1, 3))
  totals = masses.sum(axis=1)
  found = totals > 0
  if not found.any():
    return 0.0
  items = (masses[found, 0] + 0.5 * masses[found, 1]) / totals[found]
  return float(items.mean())


def strictly_best(rewards: Sequence[float]) -> int | None:
  """The action with the highest reward; None where several share it, or none is known.

  An action of which nothing is known (NaN) is never best.
  """
  known = [reward for reward in rewards if not np.isnan(reward)]
  best = [i for i, reward in enumerate(rewards) if known and reward == max(known)]
  return best[0] if len(best) == 1 else None


def items_of(text: str) -> tuple[str, ...]:
  """The numbered lines of a text, without their numbers."""
  return tuple(_ITEM.findall(text)[:ITEMS_MAX])


def list_prompt(instruction: str) -> str:
  """What asks for a checklist."""
  return _LIST.format(instruction=instruction.strip())


def judge_prompt(
  instruction: str, items: Sequence[str], before: Sequence[str], now: str
) -> str:
  """What asks for feedback and verdicts on one step."""
  return _JUDGE.format(
    instruction=instruction.strip(),
    items="\n".join(f"{k}: {item}" for k, item in enumerate(items, start=1)),
    before="".join(before).strip() or "Nothing.",
    now=now.strip(),
  )


def verdict_places(text: str, items: int) -> list[str]:
  """For each item with a verdict, in their order, the text that stands before it."""
  found = _verdicts(text, items)
  # The blank belongs to the token of the verdict.
  return [text[: found[number].end()].rstrip(" \t") for number in sorted(found)]


def verdict_words(text: str, items: int) -> dict[int, str]:
  """Number of an item, from 1, to its verdict: yes, in progress or no."""
  found = _verdicts(text, items)
  words = {number: match.group(2) for number, match in found.items()}
  return {number: " ".join(word.lower().split()) for number, word in words.items()}


def _verdicts(text: str, items: int) -> dict[int, re.Match[str]]:
  """Of each item that has a verdict the first one."""
  found: dict[int, re.Match[str]] = {}
  for match in _VERDICT.finditer(text):
    if 1 <= int(match.group(1)) <= items:
      found.setdefault(int(match.group(1)), match)
  return found
