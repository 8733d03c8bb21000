"""OmegaPRM: search by halves for the first hopeless prefix. Luo et al.,
https://arxiv.org/abs/2406.06592.

  next = floor((low + high) / 2),  low the last prefix found solvable, high the first
  found hopeless;  at the start low = 0, high = S

A prefix is hopeless if none of its completions is right, and solvability is taken to
fall along the solution. The question counts as solvable (those that are not are left
out beforehand; if it was asked and never solved the search is over), and the whole of a
wrong solution is hopeless by its outcome: so at most ceil(log2 S) questions, within the
paper's ceil(log2(S + 1)). Solutions that are right or not graded ask nothing.
"""

import numpy as np
from jaxtyping import Float

from jaxrl.prm import evidence_rules
from jaxrl.prm.evidence import DONE


def bisect(right: Float[np.ndarray, "P K"], outcome: float) -> int:
  """The next prefix to complete, or DONE."""
  if outcome != 0:
    return DONE
  low, high = evidence_rules.bracket(right, outcome)
  return (low + high) // 2 if high - low > 1 else DONE
