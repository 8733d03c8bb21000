"""The sum of the steps' scores, which collapses in training. Cheng et al., https://arxiv.org/abs/2504.15275.

  R = sum_k p_k

The usual return of RL, and what PURE shows to fail as a reward: it grows with each
further step whose score is above 0, so a policy learns to repeat easy steps. Here to
compare with; `soft_min` is PURE's own. Any range of scores serves. A row without a step
has 0.
"""

from jaxtyping import Array, Float

from jaxrl import masked


def sum(
  step_scores: Float[Array, "B T"], mask: Float[Array, "B T"]
) -> Float[Array, " B"]:
  """One score a row."""
  return masked.sum_per_row(step_scores, mask)[:, 0]
