"""VRPRM: solutions whose rates are all clear. Chen et al.,
https://arxiv.org/abs/2508.03556.

  y_t = 0 if m_t <= low, 1 if m_t >= high;  no labels at all if some m_t is between

where m_t is the share of right completions of the first t steps, m_S the outcome: the
rule of its RL stage, which drops a solution with an unclear step. One that was not
asked is unclear too. Numbers are of the code of a revised version.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def vrprm_certain(
  right: Float[np.ndarray, "P K"],
  outcome: float,
  *,
  low: float = 0.125,
  high: float = 0.875,
) -> Float[np.ndarray, " S"]:
  """0 or 1 on each step; all NaN if one is unclear."""
  rates = evidence_rules.solved(right, outcome)[1:]
  labels = np.where(rates <= low, 0.0, np.where(rates >= high, 1.0, np.nan))
  return np.full_like(labels, np.nan) if np.isnan(labels).any() else labels
