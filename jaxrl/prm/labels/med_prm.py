"""Med-PRM: nothing is right after an error. Yun et al.,
https://arxiv.org/abs/2506.11474.

  y_t = prod_{j <= t} v_j;  no labels for a wrong solution with every v_j = 1

where v are the verdicts of a judge who sees documents that were found for the question
(the first judge here). An error found in a right solution stays. `labelling` does the
rest: no more right solutions of a question than labelled wrong ones, or than 2
(`right_solutions_max`), and the documents before the question wherever the PRM reads it
(`judge.write_documents`).

Where the paper is silent: a missing verdict leaves y unknown until a 0 settles it; a
solution in which no error is found has labels only if its outcome is known to be right.

Id: med_prm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def med_prm(
  grounded: Float[np.ndarray, "M S"], outcome: float
) -> Float[np.ndarray, " S"]:
  """The judge's verdicts, 0 from the first error on."""
  judge = evidence_rules.first_judge(grounded)
  wrong = np.maximum.accumulate(judge == 0)
  unknown = np.maximum.accumulate(np.isnan(judge))
  if not wrong.any() and not outcome > 0:
    return np.full(len(judge), np.nan)
  return np.where(wrong, 0.0, np.where(unknown, np.nan, 1.0))
