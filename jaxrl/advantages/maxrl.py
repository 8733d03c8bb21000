"""MaxRL: reward minus mean, over the mean. Tajwar et al., https://arxiv.org/abs/2602.02710.

  A_i = (r_i - mean_g) / (mean_g + epsilon),  0 where mean_g <= 0

for every token of response i. With rewards of 0 and 1 and n samples its expectation is
the gradient of log pass@1 = -sum_k (1 - pass@k) / k, cut off after n - 1 terms (n in
the paper's form without a baseline), so hard prompts count for more than in
`group_mean`. Rewards must not be negative; the paper has 0 and 1. Epsilon is 0 in the
paper and prime-rl, 1e-6 in SkyRL. Unscored rows are left out and get 0, as does a group
without spread or a row that is alone.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def maxrl(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 0.0,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  mean = segments.mean(rewards, group, scored)
  counts = segments.has_spread(rewards, group, scored) & (mean > 0)
  centred = jnp.where(counts, rewards - mean, 0.0)
  return masked.per_token(centred / jnp.where(counts, mean + epsilon, 1.0), mask)
