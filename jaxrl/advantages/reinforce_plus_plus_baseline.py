"""REINFORCE++-baseline: group mean, whitened tokens. Hu et al., https://arxiv.org/abs/2501.03262.

  C_i = r_i - mean_g
  A_i = (C_i - mean) / sqrt(var + epsilon)

with mean and variance over all trained tokens of the batch, each token holding the C_i
of its response: a long response counts for more in them. Since C is 0 on average over
rows but not over tokens, a group without spread gets -mean / sqrt(var + epsilon), not
0. Where the paper is silent, verl's rule: tokens and not rows, `ddof` 1 dividing the
variance by n - 1, epsilon inside the root. A row that is alone has C_i = 0, or r_i with
`keep_single` (verl). Unscored rows count for nothing and get 0.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jaxrl import masked, segments


def reinforce_plus_plus_baseline(
  rewards: Float[Array, " B"],
  scored: Float[Array, " B"],
  group: Int[Array, " B"],
  mask: Float[Array, "B T"],
  *,
  epsilon: float = 1e-8,
  ddof: int = 1,
  keep_single: bool = False,
) -> Float[Array, "B T"]:
  """One advantage a row, on each of its trained tokens."""
  mask = jnp.where(scored[:, None] > 0, mask, 0.0)
  spread = segments.has_spread(rewards, group, scored)
  centred = rewards - segments.mean(rewards, group, scored)
  centred = jnp.where(spread, centred, 0.0)
  if keep_single:
    alone = (segments.total(scored, group) == 1) & (scored > 0)
    centred = jnp.where(alone, rewards, centred)
  tokens = masked.per_token(centred, mask)
  return masked.whiten(tokens, mask, epsilon=epsilon, ddof=ddof)
