"""Best minus second best, for the best alone. Tang et al., https://arxiv.org/abs/2503.19595.

  A_i = max_j r_j - max_{j != i} r_j

over the scored rows j of i's group: the leave-one-out advantage of the objective
"largest reward of the group" (pass@n for rewards of 0 and 1). It is r_(1) - r_(2) for
the best response and 0 for all others; ties for the best leave all at 0. verl's
`grpo_passk` divides by the group's standard deviation: `divide_by_std` with `epsilon`,
n - 1 in the variance. A row that is alone gets 0 (verl refuses it), as do unscored
rows.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def grpo_passk(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  divide_by_std: bool = False,
  epsilon: float = 1e-6,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  others = segments.others(group, scored)
  best = jnp.max(jnp.where(others > 0, rewards[None, :], -jnp.inf), axis=1)
  spread = segments.has_spread(rewards, group, scored)
  advantage = jnp.where(spread, jnp.maximum(rewards - best, 0.0), 0.0)
  if divide_by_std:
    std = jnp.sqrt(segments.variance(rewards, group, scored, ddof=1))
    advantage = advantage / jnp.where(spread, std + epsilon, 1.0)
  return masked.per_token(advantage, mask)
