"""Med-PRM: nothing is right after an error. Yun et al.,
https://arxiv.org/abs/2506.11474.

  y_t = prod_{j <= t} v_j;  no labels for a wrong solution with every v_j = 1

where v are the verdicts of a judge who sees retrieved documents (the first judge here).
An error found in a right solution stays.

Where the paper is silent: a missing verdict leaves y unknown until a 0 settles it; a
solution in which no error is found has labels only if its outcome is known to be right.
The paper also keeps no more right solutions of a question than wrong ones (or 2), which
looks across solutions and is not here.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def med_prm(
  verdicts: Float[np.ndarray, "M S"], outcome: float
) -> Float[np.ndarray, " S"]:
  """The judge's verdicts, 0 from the first error on."""
  judge = evidence_rules.first_judge(verdicts)
  wrong = np.maximum.accumulate(judge == 0)
  unknown = np.maximum.accumulate(np.isnan(judge))
  if not wrong.any() and not outcome > 0:
    return np.full(len(judge), np.nan)
  return np.where(wrong, 0.0, np.where(unknown, np.nan, 1.0))
