"""RLOO, standardised over the batch. TRL's option on https://arxiv.org/abs/2402.14740.

  L_i = r_i - mean_{j != i} r_j
  A_i = (L_i - mean_batch L) / (std_batch L + epsilon)

for every token of response i. The paper has L_i alone (see `rloo`); TRL's RLOOTrainer
divides with normalize_advantages. Rows that are alone in their group or unscored have
no L_i: they are left out of both means and get 0. `ddof` 1 divides the variance by n -
1, as TRL does. A batch in which no L_i differs from another by more than rounding gets
0. The mean of L over a group is 0 whatever the rewards are, so a group without spread
gets 0 too, and no mean is subtracted here.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def rloo_norm(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-4,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  count = segments.total(scored, group)
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, scored)
  left_out = jnp.where(spread, centred, 0.0) * count / jnp.maximum(count - 1, 1.0)
  has_peers = jnp.where(count > 1, scored, 0.0)
  batch = jnp.zeros_like(group)
  std = jnp.sqrt(segments.variance(left_out, batch, has_peers, ddof=ddof))
  advantage = left_out / jnp.where(std > 0, std + epsilon, 1.0)
  return masked.per_token(advantage, mask)
