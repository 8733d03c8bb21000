"""SCAN: self-denoising Monte Carlo labels. Ding et al.,
https://arxiv.org/abs/2509.16548.

  right solution: y_t = 1
  wrong solution: y_t = 1                  where t < f - tolerance
                  y_t = min(c_t / SC, 1)   where f - tolerance <= t < f
                  y_t = 0 at f, none after

where c_t is the share of right completions of the first t steps, SC = c_0 that of the
question, and f the first step with c_f = 0: the last step of a wrong solution, at the
latest, has c = 0 by its outcome. Questions with SC < confidence_min have no labels.
tolerance = 0 gives hard labels.

Where the paper is silent: a question that was not asked has no known SC, so it passes
the filter and its softened steps have no label; SC = 0, if the filter allows it, leaves
them 1; a wrong solution with a step before f that was not asked has no labels, as f is
not known; nor has one that was not graded. The equal numbers of right and wrong
solutions look across solutions and are not here. `queries/until_zero` asks what this
needs.

Id: scan
"""

import math

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def scan(
  right: Float[np.ndarray, "P K"],
  outcome: float,
  *,
  confidence_min: float = 0.75,
  tolerance: int = 2,
) -> Float[np.ndarray, " S"]:
  """Labels in [0, 1], softened just before the first error; NaN after it."""
  steps = len(right) - 1
  confidence = evidence_rules.shares(right)[0]
  if math.isnan(outcome) or confidence < confidence_min:
    return np.full(steps, np.nan)
  if outcome > 0:
    return np.ones(steps)
  rates = evidence_rules.solved(right, outcome)[1:]
  first = evidence_rules.first_error(rates)
  labels = evidence_rules.up_to_error(first, steps)
  if first is not None and confidence != 0:
    near = slice(max(first - tolerance, 0), first)
    labels[near] = np.minimum(rates[near] / confidence, 1.0)
  return labels
