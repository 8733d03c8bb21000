"""Fin-PRM: importance, quality and accuracy of a step. Zhou et al.,
https://arxiv.org/abs/2508.15202.

  y_t = 1[(r_imp + r_qual + r_acc) / 3 >= step_min]               for the steps t < S
  y_S = r_out 1[r_cov >= coverage_min]

of a solution whose last step is its final answer (see the rule `final_answer`): r_imp
is the share of right completions of the first t steps, r_qual the share of judges that
accept step t, r_acc that of judges who see the knowledge that the question needs. Of
the whole, r_out is 1 where the answer is right and r_cov the share of the pieces of
knowledge that the solution uses (those whose use is more likely than not).

Weights and thresholds were not seen: they are equal and 1/2. The paper extracts its
knowledge from experts' analyses; here it is what is found for the question among
documents. A step of which one of the three is not known has no label, nor has the whole
without an outcome, or where no piece of knowledge could be read with the solution;
where none is found nothing is missing: r_cov is 1.

Id: fin_prm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def fin_prm(
  right: Float[np.ndarray, "P K"],
  outcome: float,
  verdicts: Float[np.ndarray, "M S"],
  grounded: Float[np.ndarray, "G S"],
  knowledge_used: Float[np.ndarray, " D"],
  *,
  step_min: float = 0.5,
  coverage_min: float = 0.5,
) -> Float[np.ndarray, " S"]:
  """0 or 1 of each thought, and behind them of the trajectory."""
  importance = evidence_rules.shares(right)[1:]
  quality = evidence_rules.shares(verdicts.T)
  accuracy = evidence_rules.shares(grounded.T)
  blend = (importance + quality + accuracy) / 3
  enough = blend >= step_min - evidence_rules.ROUNDING
  labels = np.where(np.isnan(blend), np.nan, enough)
  known = knowledge_used[~np.isnan(knowledge_used)]
  coverage = np.mean(known > 0.5) if len(known) else 1.0
  read = len(known) > 0 or len(knowledge_used) == 0
  labels[-1:] = outcome * (coverage >= coverage_min) if read else np.nan
  return labels
