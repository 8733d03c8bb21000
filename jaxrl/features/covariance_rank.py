"""How many tokens have a higher covariance. Cui et al., https://arxiv.org/abs/2505.22617.

  C_t    = (A_t - mean A)(log pi_t - mean log pi)
  rank_t = share of the batch's trained tokens s with C_s >= C_t

so the top fraction r of tokens are those of rank <= r, and the lowest token has 1. pi
is the policy that the optimiser step starts from. Tokens that tie share the highest
rank among them; 0 where masked.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxrl import masked


def covariance_rank(
  logp_now: Float[Array, "B T"],
  advantages: Float[Array, "B T"],
  mask: Float[Array, "B T"],
) -> Float[Array, "B T"]:
  """In (0, 1] on trained tokens."""
  score = masked.covariance(advantages, logp_now, mask)
  ordered = jnp.sort(jnp.where(mask > 0, score, -jnp.inf).reshape(-1))
  lower = jnp.searchsorted(ordered, score.reshape(-1), side="left")
  at_least = (score.size - lower).astype(score.dtype).reshape(mask.shape)
  return masked.zero(at_least / jnp.maximum(jnp.sum(mask), 1.0), mask)
