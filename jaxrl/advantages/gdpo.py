"""GDPO: each reward normalised by itself, then summed. Liu et al., https://arxiv.org/abs/2601.05242.

  z_ik = (r_ik - mean_g r_k) / (std_g r_k + epsilon)
  S_i = sum_k w_k z_ik,  A_i = (S_i - mean_batch S) / (std_batch S + epsilon)

for every token of response i, so that two mixes of rewards with one sum keep apart. The
r_k are the rewards of the config. A z-score undoes a reward's weight in the config, so
`weights` has one number for each here (None: all 1). The mean of S is 0 in every group,
so none is subtracted. Where the paper is silent: epsilon is TRL's (multi_objective_
aggregation "normalize_then_sum"); `ddof` 1 divides variances by n - 1; a group without
spread in a reward gets 0 for it, as does a row that is alone; unscored rows are left
out and get 0. verl whitens S over tokens and not over rows.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def gdpo(
  reward_parts: Float[Array, "B K"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  weights: tuple[float, ...] | None = None,
  epsilon: float = 1e-4,
  ddof: int = 1,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  if weights is None:
    weights = (1.0,) * reward_parts.shape[1]
  summed = jnp.zeros_like(scored)
  for part, weight in zip(reward_parts.T, weights, strict=True):
    std = jnp.sqrt(segments.variance(part, group, scored, ddof=ddof))
    spread = segments.has_spread(part, group, scored)
    centred = jnp.where(spread, part - segments.mean(part, group, scored), 0.0)
    summed += weight * centred / jnp.where(spread, std + epsilon, 1.0)
  batch = jnp.zeros_like(group)
  std = jnp.sqrt(segments.variance(summed, batch, scored, ddof=ddof))
  return masked.per_token(summed / jnp.where(std > 0, std + epsilon, 1.0), mask)
