"""W-REINFORCE: a small weight on right answers, -1 on wrong. Zhu et al., https://arxiv.org/abs/2506.01347.

  A_i = positive_weight  if r_i > threshold
  A_i = -1               otherwise

for every token of response i, whatever its group did: an all-wrong group still counts.
positive_weight 1 is REINFORCE with +-1, and 0 is the paper's NSR (negative samples
alone) but for the right answers' tokens, which stay in the denominator of a mean; the
paper removes them from the batch. The paper's rewards are 0 and 1. Unscored rows get 0.

Id: weighted_reinforce
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def weighted_reinforce(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  positive_weight: float = 0.1,
  threshold: float = 0.5,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  advantage = jnp.where(rewards > threshold, positive_weight, -1.0)
  return masked.per_token(jnp.where(scored > 0, advantage, 0.0), mask)
