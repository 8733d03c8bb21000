"""VRPRM: clear rates only. Chen et al., https://arxiv.org/abs/2508.03556.

  y_t = 0 if m_t <= low, 1 if m_t >= high, no label between;  m_S = outcome

where m_t is the share of right completions of the first t steps. This is the rule of
its supervised stage, which keeps a solution with unclear steps; `vrprm_certain` is that
of its RL stage. Numbers are of the code of a revised version. A step whose prefix was
not asked has no label.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def vrprm(
  right: Float[np.ndarray, "P K"],
  outcome: float,
  *,
  low: float = 0.125,
  high: float = 0.75,
) -> Float[np.ndarray, " S"]:
  """0 or 1 on clear steps, NaN on the others."""
  rates = evidence_rules.solved(right, outcome)[1:]
  return np.where(rates <= low, 0.0, np.where(rates >= high, 1.0, np.nan))
