"""GRPO: z-score of the reward within its group. Shao et al., https://arxiv.org/abs/2402.03300.

  A_i = (r_i - mean_g) / (std_g + epsilon)  for every token of response i

Where the paper is silent: `ddof` 1 divides the variance by n - 1, as the common
libraries do (0 divides by n); unscored rows are left out of mean and std and get 0; a
group with one scored row, or without spread, gets 0. Spread means more than rounding:
rewards of [0.1, 0.1, 0.1] have none.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def group_norm(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  mean = segments.mean(rewards, group, scored)
  centred = jnp.where(scored > 0, rewards - mean, 0.0)
  count = segments.total(scored, group)
  spare = jnp.maximum(count - ddof, 1.0)
  std = jnp.sqrt(segments.total(centred**2, group) / spare)
  size = segments.mean(jnp.abs(rewards), group, scored)
  # Equal rewards leave the rounding of their mean, which 1 / epsilon would blow up.
  spread = (std > 1e-6 * size) & (count > 1)
  advantage = jnp.where(spread, centred / (std + epsilon), 0.0)
  return masked.zero(jnp.broadcast_to(advantage[:, None], mask.shape), mask)
