"""Critic-CoT: a critique that the outcome bears out. Zheng et al.,
https://arxiv.org/abs/2408.16326.

  y_t = v_t for t <= f, none after;  f the first step with v_f = 0

if the solution is right and the critique accepts it, or it is wrong, the critique
rejects it, and a rewrite from step f reached the right answer; else no labels. A
critique rejects if some v is 0. It accepts if all are 1: one with a missing verdict and
no 0 does neither.

The paper trains a critic on the text of what is kept; these are the verdicts in it.
Where it is silent: a missing verdict before f leaves that step without a label. One
critique is read, the first of the judges; to draw again after a failure is for who
collects.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def critic_cot(
  verdicts: Float[np.ndarray, "M S"], outcome: float, refined: float
) -> Float[np.ndarray, " S"]:
  """The critique's verdicts up to its first 0; all NaN if it is not kept."""
  critique = evidence_rules.first_judge(verdicts)
  wrong = np.flatnonzero(critique == 0)
  if len(wrong):
    kept = outcome == 0 and refined > 0
  else:
    kept = outcome > 0 and not np.isnan(critique).any()
  labels = np.full(len(critique), np.nan)
  if kept:
    end = wrong[0] + 1 if len(wrong) else len(critique)
    labels[:end] = critique[:end]
  return labels
