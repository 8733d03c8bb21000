"""OmegaPRM: rates of the prefixes that a search asked. Luo et al.,
https://arxiv.org/abs/2406.06592.

  y_t = MC(t) = (1/K) sum_k right_tk of K completions of t steps,  MC(S) = outcome

where asked: a search by halves (`queries/bisect`) leaves most prefixes out, and those
have no label. The paper found this soft label to be the best.

The search takes it that no prefix is solvable after one that is not. With `implied`
that is also written down: y = 0 on what was not asked after a prefix with MC = 0.
Before it a rate is above 0 and not known, so there is nothing to write; `omegaprm_hard`
can.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def omegaprm(
  right: Float[np.ndarray, "P K"], outcome: float, *, implied: bool = False
) -> Float[np.ndarray, " S"]:
  """Share of right completions where asked, NaN (or the 0 that follows) elsewhere."""
  rates = evidence_rules.solved(right, outcome)
  if implied:
    _, hopeless = evidence_rules.bracket(right, outcome)
    after = np.arange(len(rates)) > hopeless
    rates = np.where(np.isnan(rates) & after, 0.0, rates)
  return rates[1:]
