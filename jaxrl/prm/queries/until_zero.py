"""SCAN: prefixes in order, up to the first hopeless one. Ding et al.,
https://arxiv.org/abs/2509.16548.

  next = the first of 0 .. S - 1 that was not asked, unless one before has no right
  completion

for wrong solutions, at most S questions; a right one asks nothing, nor does one that
was not graded. Prefix 0, the question, gives the solve rate that the labels divide by,
and is often known already from the policy's own answers. The last step of a wrong
solution is 0 by its outcome.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules
from jaxrl.prm.evidence import DONE


def until_zero(right: Float[np.ndarray, "P K"], outcome: float) -> int:
  """The next prefix to complete, or DONE."""
  if outcome != 0:
    return DONE
  for prefix, rate in enumerate(evidence_rules.shares(right)[:-1]):
    if np.isnan(rate):
      return prefix
    if rate == 0:
      return DONE
  return DONE
