"""VersaPRM: up to the first bad step of a judge. Zeng et al.,
https://arxiv.org/abs/2502.06737.

  y_t = 1 for t < f, 0 at f, none after;  f the first step that the judge calls bad

and all 1 where it calls none so. The judge sees the reference answer
(`judge.reference`) and names the first wrong step (form `first_error`): what it finds
merely OK is good (1), and in the paper what is hard to verify is bad (0). The first
judge is read. A solution on which it gave no verdict for a step up to f has no labels,
as one that cannot be parsed.

Id: versaprm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def versaprm(verdicts: Float[np.ndarray, "M S"]) -> Float[np.ndarray, " S"]:
  """1 before the first bad step, 0 at it, NaN after."""
  judge = evidence_rules.first_judge(verdicts)
  return evidence_rules.up_to_error(evidence_rules.first_error(judge), len(judge))
