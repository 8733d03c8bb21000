"""ER-PRM: entropy-regularised value of a prefix. Zhang et al.,
https://arxiv.org/abs/2412.11006.

  y_t = (1/eta) log((1/K) sum_k exp(eta right_tk)) = (1/eta) log(1 - a_t + a_t e^eta)

where a_t is the share of right completions of the first t steps, and of the last step
its outcome. eta -> 0 gives a_t, which is what |eta| < 1e-6 is taken for; large eta
tends to the hard label 1[a_t > 0] of `math_shepherd_hard`, very negative eta to 1[a_t =
1].

The authors' code takes the absolute value and rounds to 3 decimals, which is left out.
A step whose prefix was not asked has no label.

Id: er_prm
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def er_prm(
  right: Float[np.ndarray, "P K"], outcome: float, *, eta: float = 1.0
) -> Float[np.ndarray, " S"]:
  """Soft labels in [0, 1], NaN where nothing was asked."""
  rates = evidence_rules.solved(right, outcome)[1:]
  if abs(eta) < 1e-6:
    return rates
  # log 0 = -inf is a term of weight 0; NaN stays NaN.
  with np.errstate(divide="ignore", invalid="ignore"):
    return np.logaddexp(np.log1p(-rates), np.log(rates) + eta) / eta
