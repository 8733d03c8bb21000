"""What the rules of `prm/labels` and `prm/queries` share. NumPy, no jax.

P = S + 1 prefixes: row 0 of an array is the question, row t the first t steps, so that
the label of step t, at index t - 1, reads row t. NaN is what is not known; it is left
out of every mean, and a row without a number counts as not asked.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from jaxrl.prm.evidence import DONE

ROUNDING = 1e-9  # rates that differ by less are equal
SPREAD = 5.0  # UnPRM divides log-probs by it before its softmax over positions


# --- numbers of a prefix ------------------------------------------------------------


def shares(rows: Float[np.ndarray, "P K"]) -> Float[np.ndarray, " P"]:
  """Mean of each row over what is known; NaN for a row without a number."""
  known = ~np.isnan(rows)
  count = known.sum(axis=1)
  total = np.where(known, rows, 0.0).sum(axis=1, dtype=float)
  return np.divide(total, count, out=np.full(len(rows), np.nan), where=count > 0)


def solved(right: Float[np.ndarray, "P K"], outcome: float) -> Float[np.ndarray, " P"]:
  """Share of right completions of each prefix; of the last, the solution's own outcome.

  The whole solution leaves nothing to complete. Where it was not graded, its row counts
  as any other.
  """
  rates = shares(right)
  if not math.isnan(outcome):
    rates[-1] = outcome
  return rates


def weighted(
  right: Float[np.ndarray, "P K"], likelihood: Float[np.ndarray, "P K"]
) -> Float[np.ndarray, " P"]:
  """Share of right completions, each weighted by its likelihood; NaN where unknown."""
  known = ~(np.isnan(right) | np.isnan(likelihood))
  weight = np.where(known, likelihood, 0.0)
  total = weight.sum(axis=1, dtype=float)
  won = (weight * np.where(known, right, 0.0)).sum(axis=1, dtype=float)
  return np.divide(won, total, out=np.full(len(right), np.nan), where=total > 0)


def bracket(right: Float[np.ndarray, "P K"], outcome: float) -> tuple[int, int]:
  """Last prefix known to be solvable and first known not to be, if solvability falls.

  Where nothing says otherwise these are the question, 0, and S + 1; a question that was
  asked and never solved gives 0 twice. Prefixes between the two were not asked.
  """
  rates = solved(right, outcome)
  hopeless = np.flatnonzero(rates == 0)
  high = int(hopeless[0]) if len(hopeless) else len(rates)
  solvable = np.flatnonzero(rates[:high] > 0)
  low = int(solvable[-1]) if len(solvable) else 0
  return low, high


# --- first errors -------------------------------------------------------------------


def first_error(scores: Float[np.ndarray, " S"]) -> int | None:
  """Index of the first 0, S without one; None if a step up to there is not known."""
  stops = np.flatnonzero(~(scores > 0))
  if len(stops) == 0:
    return len(scores)
  return None if np.isnan(scores[stops[0]]) else int(stops[0])


def up_to_error(first: int | None, steps: int) -> Float[np.ndarray, " S"]:
  """1 before the first error, 0 at it, NaN after; all NaN where it is not known."""
  labels = np.full(steps, np.nan)
  if first is not None:
    labels[:first] = 1.0
    labels[first : first + 1] = 0.0
  return labels


def first_judge(verdicts: Float[np.ndarray, "M S"]) -> Float[np.ndarray, " S"]:
  """The verdicts of the first judge; NaN without any judge."""
  if len(verdicts):
    return verdicts[0].astype(float)
  return np.full(verdicts.shape[1], np.nan)


# --- UnPRM: prefixes in the order of what a step's own tokens say --------------------


def entropies(step_logp: Sequence[np.ndarray]) -> Float[np.ndarray, " S"]:
  """Of each step, the entropy of softmax(log-probs / 5) over its tokens; 0 for none."""
  return _of_steps(step_logp, lambda log_z: -float(np.sum(np.exp(log_z) * log_z)))


def log_sums(step_logp: Sequence[np.ndarray]) -> Float[np.ndarray, " S"]:
  """Of each step, minus the sum of log softmax(log-probs / 5) over its tokens."""
  return _of_steps(step_logp, lambda log_z: -float(np.sum(log_z)))


def _of_steps(
  step_logp: Sequence[np.ndarray], number: Callable[[np.ndarray], float]
) -> Float[np.ndarray, " S"]:
  found = np.zeros(len(step_logp))
  for step, logp in enumerate(step_logp):
    z = logp[np.isfinite(logp)].astype(float) / SPREAD
    if len(z) > 1:  # one token has all the mass: 0
      found[step] = number(z - z.max() - np.log(np.sum(np.exp(z - z.max()))))
  return found


def descending(numbers: Float[np.ndarray, " N"], first: int = 1) -> list[int]:
  """Prefixes `first`, `first` + 1, ... by their numbers, high first, ties in order."""
  order = np.argsort(-np.round(numbers, 9), kind="stable")  # equal but for rounding
  return [first + int(i) for i in order]


def next_visit(
  order: list[int],
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  outcome: float,
) -> int:
  """The question, then the prefixes in order until one is below the question's rate.

  DONE at once for a solution that is not wrong, one that leaves no choice, and a
  question whose rate is 0 or not known: nothing can be below it.
  """
  if outcome != 0 or not order:
    return DONE
  asked = ~np.isnan(shares(right))
  rates = weighted(right, likelihood)
  if not asked[0]:
    return 0
  if not rates[0] > 0:
    return DONE
  for prefix in order:
    if not asked[prefix]:
      return prefix
    if rates[prefix] < rates[0] - ROUNDING:
      return DONE
  return DONE


def visited_labels(
  order: list[int],
  right: Float[np.ndarray, "P K"],
  likelihood: Float[np.ndarray, "P K"],
  outcome: float,
) -> Float[np.ndarray, " S"]:
  """0 from the first prefix in order that is below the question's rate; 1 before.

  A prefix that was not asked is passed over. Where none is below: the last step, if all
  of the order is known, else no labels. A right solution has only 1s.
  """
  steps = len(right) - 1
  if math.isnan(outcome):
    return np.full(steps, np.nan)
  labels = np.ones(steps)
  if outcome > 0:
    return labels
  rates = weighted(right, likelihood)
  below = [prefix for prefix in order if rates[prefix] < rates[0] - ROUNDING]
  if not below and order and np.isnan(rates[[0, *order]]).any():
    return np.full(steps, np.nan)
  labels[below[0] - 1 if below else max(steps - 1, 0) :] = 0.0
  return labels
