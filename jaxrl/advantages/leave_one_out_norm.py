"""Z-score against the other members of the group. NeMo-RL, https://github.com/NVIDIA-NeMo/RL.

  A_i = (r_i - mean_{j != i} r_j) / (std_{j != i} r_j + epsilon)
  A_i =  r_i - mean_{j != i} r_j      where that deviation is 0

over the other scored rows j of i's group, for every token of response i. The mean is
the baseline of RLOO (https://arxiv.org/abs/2402.14740); no paper was found for dividing
by the deviation of the others, which is NeMo-RL's default. A rare success, whose peers
all agree, then weighs 1 and not sqrt(n) or so as in `group_norm`. The variance divides
by one less than the number of others; where there is but one other it is 0. A deviation
within rounding counts as 0 (NeMo-RL compares exactly). A group without spread gets 0,
as does a row that is alone.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def leave_one_out_norm(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-6,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  others = segments.others(group, scored)
  known = jnp.where(scored > 0, rewards, 0.0)
  # Sums of products, not matrix products: those round to 10 bits on some devices.
  sum_of_others = lambda x: jnp.sum(others * x, axis=1)
  count = jnp.sum(others, axis=1)
  mean = sum_of_others(known[None, :]) / jnp.maximum(count, 1.0)
  centred = known[None, :] - mean[:, None]
  std = jnp.sqrt(sum_of_others(centred**2) / jnp.maximum(count - 1, 1.0))
  size = sum_of_others(jnp.abs(known)[None, :]) / jnp.maximum(count, 1.0)
  scale = jnp.where(std > 1e-6 * size, std + epsilon, 1.0)
  spread = segments.has_spread(rewards, group, scored)
  advantage = jnp.where(spread, known - mean, 0.0) / scale
  return masked.per_token(advantage, mask)
