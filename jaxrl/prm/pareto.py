"""DG-PRM: what is no worse by any criterion and better by one. Yin et al.,
https://arxiv.org/abs/2507.17849.

  a > b     iff R_ac >= R_bc for every criterion c, and R_ac > R_bc for one
  positive  dominated by none, and dominates some
  pairs     (a, b) with a positive and a > b

of n candidates, each with a score for each of the same criteria. Only the order within
a criterion matters. Candidates with equal scores are in no pair with each other; with
one criterion it is a comparison of scores. A candidate that could not be scored by some
criterion (NaN) is not comparable with any.
"""

import numpy as np
from jaxtyping import Bool, Float


def dominance(scores: Float[np.ndarray, "N C"]) -> Bool[np.ndarray, "N N"]:
  """Whether row a dominates row b, at [a, b]."""
  ours, theirs = scores[:, None], scores[None]
  # Without a criterion nothing is above anything.
  return np.all(ours >= theirs, axis=2) & np.any(ours > theirs, axis=2)


def pairs(scores: Float[np.ndarray, "N C"]) -> list[tuple[int, int]]:
  """(better, worse) candidates, in their order."""
  above = dominance(scores)
  positive = ~np.any(above, axis=0)
  found = np.argwhere(above & np.expand_dims(positive, 1))
  return [(int(a), int(b)) for a, b in found]
