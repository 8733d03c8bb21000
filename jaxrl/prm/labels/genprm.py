"""GenPRM: relative progress. Zhao et al., https://arxiv.org/abs/2504.00891.

  P_t = MC(t) / MC(t - 1),  y_t = 1[P_t >= progress_min],  MC(S) = outcome

where MC(t) is the share of right completions of the first t steps and MC(0) the pass
rate of the question. Nothing is labelled after a prefix with MC = 0, the question
included: the first error has passed. A step that brings MC to 0 is wrong whatever
progress_min is.

The released code does not have this label: it is of the paper. Where that is silent: a
ratio that misses progress_min by rounding reaches it; a step has no label if its prefix
or the one before was not asked.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def genprm(
  right: Float[np.ndarray, "P K"], outcome: float, *, progress_min: float = 0.8
) -> Float[np.ndarray, " S"]:
  """1 where a step keeps enough of the pass rate, 0 where not, NaN past the error."""
  rates = evidence_rules.solved(right, outcome)
  before, after = rates[:-1], rates[1:]
  enough = after >= progress_min * before - evidence_rules.ROUNDING
  labels = np.where(enough & (after > 0), 1.0, 0.0)
  passed = np.maximum.accumulate(before == 0)
  return np.where(np.isnan(before) | np.isnan(after) | passed, np.nan, labels)
