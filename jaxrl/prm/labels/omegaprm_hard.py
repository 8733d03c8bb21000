"""OmegaPRM: what a search by halves tells of every prefix. Luo et al.,
https://arxiv.org/abs/2406.06592.

  y_t = 1[MC(t) > 0]

where asked, MC(S) = outcome; elsewhere what follows if no prefix is solvable after one
that is not, which is what the search takes for granted: 1 before the last solvable
prefix that it found, 0 after the first hopeless one, no label between. A finished
search leaves nothing between. Where asked prefixes contradict this each keeps its own
label, and the first hopeless one speaks for those that were not asked.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules


def omegaprm_hard(
  right: Float[np.ndarray, "P K"], outcome: float
) -> Float[np.ndarray, " S"]:
  """1 on solvable prefixes, 0 on hopeless ones, NaN where the search did not end."""
  rates = evidence_rules.solved(right, outcome)
  solvable, hopeless = evidence_rules.bracket(right, outcome)
  prefix = np.arange(len(rates))
  implied = np.where(prefix < solvable, 1.0, np.where(prefix > hopeless, 0.0, np.nan))
  return np.where(np.isnan(rates), implied, rates > 0)[1:]
