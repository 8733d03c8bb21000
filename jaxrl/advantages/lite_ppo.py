"""Lite PPO: group mean, deviation of the batch. Liu et al., https://arxiv.org/abs/2508.08221.

  A_i = (r_i - mean_g) / (std_batch + epsilon)

for every token of response i, with the standard deviation of all rewards of the batch:
that of a group is small, and its inverse large, where all but a few answers agree. The
paper's recipe adds the mean over all tokens as the reduction. Where the paper is
silent: `ddof` 1 divides the variance by n - 1 (0 by n); unscored rows are left out and
get 0; a group without spread gets 0, as does a row that is alone. TRL's scale_rewards
"batch" is this with epsilon 1e-4.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def lite_ppo(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  batch = jnp.zeros_like(group)
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, scored)
  std = jnp.sqrt(segments.variance(rewards, batch, scored, ddof=ddof))
  # Where a group has spread, so has the batch: the 1 only stands in for 0 / 0.
  advantage = jnp.where(spread, centred, 0.0) / jnp.where(std > 0, std + epsilon, 1.0)
  return masked.per_token(advantage, mask)
